/*
 * live.h - requests that wait: for a playlist to come so far, for an object that
 * a playlist has promised.
 *
 * Spec     draft-pantos-hls-rfc8216bis 6.2.5 delivery directives, 4.4.5.3
 *          preload hints; the rules are hlslow.h's.
 * Shape    A spot is a path that someone waits at, or that a playlist names in
 *          a hint.  Whoever changes an object calls live_changed(): those whose
 *          wait is over are handed to their loops.  A thread looks, as long as
 *          anyone waits, for what other programs did to the files, and for
 *          those who have waited long enough.
 * Units    ns of the monotonic clock.
 * Memory   A held request is a few hundred bytes, and gone with its answer; a
 *          playlist's other forms hang on its object.
 * Threads  live_changed() any; the others on the connection's loop.
 * Errors   live_start(): negative errno.  Who cannot wait, for want of memory,
 *          is answered 503 or as without a promise.
 */
#ifndef LIVE_H
#define LIVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/net/httpd.h"
#include "origin/store.h"

#define LIVE_BUCKETS	1024

struct asked;
struct held;

struct live {
	struct store *store;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct link bucket[LIVE_BUCKETS];	/* of spots */
	atomic_uint nspot;
	unsigned nheld;
	bool	 stop;
	pthread_t thread;
	_Atomic uint64_t held, late, refused;	/* so far: of all, 503, 400 */
};

int live_start(struct live *v, struct store *s);

/* Answer all who wait, and let nobody wait any more: before httpd_stop(). */
void live_drain(struct live *v);
void live_stop(struct live *v);

/* What is at path now; o NULL: nothing. */
void live_changed(struct live *v, const char *path, struct object *o);

unsigned live_waiting(struct live *v);

/*
 * A GET of path, where o is, or nothing (NULL).  True when it was answered or is
 * held; o is taken then.
 */
bool live_get(struct httpd_conn *c, const struct h1_request *r, const char *path,
    struct object *o, const struct asked *a);

/* The connection of a held request is gone. */
void live_cancel(struct held *h);

#endif
