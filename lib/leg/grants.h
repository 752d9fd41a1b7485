/*
 * grants.h - who may use a listener of SRT: a file with an entry for each subscriber.
 *
 *     { "grants": [ { "name": "studio", "passphrase": "...", "streamid": "studio",
 *         "cidr": [ "10.0.0.0/8" ], "expires": "2027-01-01T00:00:00Z",
 *         "max_rate": 20000000 } ] }
 *
 * Spec     RFC 8259 (JSON), RFC 4632 (CIDR).  Only name and passphrase must be there;
 *          the stream id is the name, if not said.
 * Units    ns since 1970; bits per second.
 * Memory   grants_read() gives; grants_free() wipes the secrets.  What grants_find()
 *          returns is borrowed until then.
 * Threads  None of its own.
 * Errors   -EINVAL for what is wrong in the file, or another negative errno, with a
 *          reason.
 */
#ifndef GRANTS_H
#define GRANTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/why.h"

#define GRANTS_WHY	WHY_ROOM	/* for a reason */
#define GRANTS_NAME	64
#define GRANTS_ID	512		/* longest stream id of SRT */
#define GRANTS_SECRET	79
#define GRANTS_NETS	16

struct grants_net {
	uint8_t	 addr[16];		/* as IPv6 */
	unsigned bits;
};

struct grant {
	char	 name[GRANTS_NAME + 1];
	char	 streamid[GRANTS_ID + 1];
	char	 secret[GRANTS_SECRET + 1];
	struct grants_net net[GRANTS_NETS];
	unsigned nnet;			/* 0: from anywhere */
	int64_t	 expires_ns;		/* INT64_MAX: never */
	uint64_t max_bps;		/* 0: no ceiling */
	bool	 revoked;		/* since it was read */
	int64_t	 barred_ns;		/* not let in before, on CLOCK_MONOTONIC */
	uint64_t serial;		/* another one when all but expires_ns changes */
};

struct grants {
	struct grant *list;
	size_t	 n;
	uint32_t *by_name, *by_id;	/* places in the list, sorted */
	uint64_t serial;		/* the last one */
};

/*
 * g is what it was when this fails.  The revoked stay so, with the same secret,
 * also when they are left out of the file for a while.
 */
int grants_read(struct grants *g, const char *path, char why[static GRANTS_WHY]);

/* The same in two steps, so that nobody waits for a disk: all of next goes to g. */
int grants_load(struct grants *next, const char *path, char why[static GRANTS_WHY]);
void grants_replace(struct grants *g, struct grants *next);
void grants_free(struct grants *g);

/* By stream id: the text of an entry, or "#!::u=name" with its name; or NULL. */
struct grant *grants_find(const struct grants *g, const char *streamid);
struct grant *grants_named(const struct grants *g, const char *name);

/* Does it hold for this address, and at this time? */
bool grants_from(const struct grant *e, const struct sockaddr *peer);
bool grants_now(const struct grant *e, int64_t utc_ns);

/* "10.0.0.0/8", "2001:db8::/32", or an address.  0 or -EINVAL. */
int grants_parse_net(const char *text, struct grants_net *net);

/* One entry of the file.  0 or -EINVAL with a reason. */
int grants_parse(const json_t *o, struct grant *e, char why[static GRANTS_WHY]);

#endif
