/*
 * pubkeys.h - who may publish: a file of stream keys, one a line.
 *
 * Shape    "APP/KEY NAME [socket] [takeover]"; empty lines and those that begin with # do not
 *          count.  Names have letters, digits and . - _, and do not begin with a dot.
 *          The file must not be open to others than its owner.
 * Memory   pubkeys_read() gives; free() it.  Keys are kept as digests only.
 * Errors   -EINVAL for what is wrong in the file, or another negative errno, with a reason
 *          that names the line and not the key.
 */
#ifndef PUBKEYS_H
#define PUBKEYS_H

#include "ingest/rtmpd.h"
#include "lib/base/why.h"

#define PUBKEYS_MAX	256

struct pubkey {
	uint8_t	 digest[RTMPD_DIGEST];
	char	 name[RTMPD_NAME];
	bool	 takeover;
	bool	 is_socket;		/* what it is read from; a named pipe else */
};

struct pubkeys {
	unsigned n;
	struct pubkey key[PUBKEYS_MAX];
};

int pubkeys_read(struct pubkeys *k, const char *path, char why[static WHY_ROOM]);

/* One line without its end: 1 a key, 0 none in it, -EINVAL. */
int pubkeys_parse(char *line, struct pubkey *key, const char **reason);

#endif
