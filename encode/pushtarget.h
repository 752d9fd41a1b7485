/*
 * pushtarget.h - one target: a thread that connects, publishes, and connects again.
 *
 * What it is given waits in its queue and is sent from a key picture on, with times that
 * go on over all connections.  After a failure it waits for half a second, and twice as
 * long each time up to half a minute, with some chance in it.
 *
 * Spec     rtmpclient.h.
 * Units    ns on CLOCK_MONOTONIC; bytes.
 * Memory   pushtarget_free() gives all back.
 * Threads  One of its own; the functions are for the one that started it.
 */
#ifndef ENCODE_PUSHTARGET_H
#define ENCODE_PUSHTARGET_H

#include <pthread.h>
#include <stdatomic.h>

#include "encode/pushqueue.h"
#include "encode/pushurl.h"
#include "lib/base/backoff.h"

enum pushtarget_state {
	PUSHTARGET_CONNECTING, PUSHTARGET_PUBLISHING, PUSHTARGET_WAITING,
	PUSHTARGET_DONE,		/* all is sent, and it was said so */
	PUSHTARGET_FAILED,		/* given up: ?retry= */
};
extern const char *const pushtarget_state_name[];

struct pushtarget {
	struct pushurl url;
	struct pushqueue queue;
	_Atomic(enum pushtarget_state) state;
	_Atomic uint64_t sent_bytes, sent_items, publications, failures, redirects;
	_Atomic uint32_t rtt_us, acked;
	/* private: */
	pthread_t thread;
	bool	 started;
	atomic_bool quit, ended;
	pthread_mutex_t lock;
	char	 why[WHY_ROOM];		/* under lock: of the last failure */
	char	 said[WHY_ROOM];
	bool	 told_hevc;
	unsigned row, redirect_row;	/* failures, and redirects, in a row */
	struct backoff pause;
};

/* url is set.  0 or -errno. */
int pushtarget_start(struct pushtarget *t);

/* No more will come: send what waits, and end. */
void pushtarget_end(struct pushtarget *t);

/* Is it at its end, done or failed? */
bool pushtarget_over(struct pushtarget *t);

/* Give up what is still to be sent.  false: it is stuck in the system. */
bool pushtarget_stop(struct pushtarget *t, int64_t deadline_ns);

/* Only after that was true. */
void pushtarget_free(struct pushtarget *t);

/* The reason of the last failure, in ASCII, "" if there was none. */
void pushtarget_why(struct pushtarget *t, char why[static WHY_ROOM]);

#endif
