/*
 * rtmpd.h - a server of RTMP and RTMPS that publishers send to.
 *
 * Who has a key owns its slot while it sends; what it sends comes as events of source.h.
 * A second one is refused, unless the slot allows takeover or the first has been silent
 * for three seconds.  A wrong key is answered after a while that doubles with each one
 * from the same address (of IPv6, the same /64): who has the right one never waits.
 *
 * Spec     RTMP 1.0; Enhanced RTMP v2.  See rtmp.h, flv.h.
 * Shape    The caller polls: rtmpd_prepare(), poll(2), rtmpd_act().  No peer is waited
 *          for; each state has a time limit, each connection and all of them a limit of
 *          memory.
 * Units    ns on CLOCK_MONOTONIC; bytes.
 * Memory   rtmpd_new() gives, rtmpd_free() frees.  Slots are the caller's, and stay where
 *          they are until rtmpd_revoke().
 * Threads  All calls, and the callbacks, on one.
 * Errors   Negative errno.
 */
#ifndef RTMPD_H
#define RTMPD_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "ingest/flvunits.h"

#define RTMPD_DIGEST	32		/* SHA-256 */
#define RTMPD_CONNS	512		/* at a time */
#define RTMPD_LISTEN	8
#define RTMPD_NAME	65
#define RTMPD_PEER	64

struct rtmpd;
struct rtmpd_conn;
struct tls;

struct rtmpd_slot {
	uint8_t	 digest[RTMPD_DIGEST];	/* of "app/key" */
	char	 name[RTMPD_NAME];
	bool	 takeover;
	void	*user;

	/* Set by the server. */
	struct rtmpd_conn *owner;	/* who sends, or NULL */
	char	 peer[RTMPD_PEER];	/* the last one's address, */
	char	 encoder[64];		/* and how it calls itself */
	uint64_t begun, ended;		/* times that a publisher came and went */
	uint64_t busy;			/* refused: somebody sends already */
	uint64_t bytes;
	unsigned told;			/* messages, less one for each RTMPD_TELL */
	int64_t	 told_ns;
	uint64_t untold;		/* that were one too many, since the last */
	struct flvunits_counts counts;
};

struct rtmpd_counts {
	uint64_t accepted, full;	/* full: no room for another connection */
	uint64_t wrong_keys, busy;
	uint64_t junk;			/* what speaks no RTMP */
	uint64_t slow;			/* too slow: closed by us */
	uint64_t codecs;		/* publishers that send what is not carried */
	uint64_t failed;		/* broke off, or out of memory */
	unsigned conns, publishers;	/* now */
};

struct rtmpd_config {
	void *arg;
	struct tls *tls;		/* for listeners with TLS, or NULL */
	/* The slot of a key, by its digest, or NULL.  Takes as long for any of them. */
	struct rtmpd_slot *(*find)(void *arg, const uint8_t digest[static RTMPD_DIGEST]);
	void (*event)(void *arg, struct rtmpd_slot *slot, const struct source_event *ev);
	/* The publisher has gone.  May be NULL. */
	void (*gone)(void *arg, struct rtmpd_slot *slot);
};

/* The digest of "app/key", without slashes around it. */
void rtmpd_digest(const char *app, const char *key, uint8_t digest[static RTMPD_DIGEST]);

struct rtmpd *rtmpd_new(const struct rtmpd_config *cfg);
void rtmpd_free(struct rtmpd *d);

/* host "": all addresses.  0, -EINVAL for a name that is none, or -errno. */
int rtmpd_listen(struct rtmpd *d, const char *host, uint16_t port, bool tls);

/*
 * Descriptors to wait for, at most max; *deadline_ns is put earlier if there is something
 * to do before.  Then what has come of them, in the same order.
 */
unsigned rtmpd_prepare(struct rtmpd *d, struct pollfd *pfd, unsigned max,
    int64_t *deadline_ns);
void rtmpd_act(struct rtmpd *d, const struct pollfd *pfd, unsigned n);

/* The key is no longer one: its publisher ends. */
void rtmpd_revoke(struct rtmpd *d, struct rtmpd_slot *slot);

/*
 * No more connections: publishers that can are asked to connect again (elsewhere, or to
 * who comes after us) and have grace_ns to do so, the others end.
 */
void rtmpd_drain(struct rtmpd *d, int64_t grace_ns);

const struct rtmpd_counts *rtmpd_counts(const struct rtmpd *d);

#endif
