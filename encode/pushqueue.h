/*
 * pushqueue.h - what waits for one target: bounded in time and in bytes.
 *
 * What does not fit makes room by whole groups of pictures, the oldest first: all up to
 * the next key picture.  A group that alone is too long goes as well, and what follows of
 * it, so that what comes out is whole from a key picture on.
 *
 * Units    ns, bytes.
 * Memory   pushqueue_free() gives all back.
 * Threads  One puts, one gets; the descriptor wake is for the one that gets.
 * Errors   -ENOMEM.
 */
#ifndef ENCODE_PUSHQUEUE_H
#define ENCODE_PUSHQUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/pushitem.h"

#define PUSHQUEUE_BYTES	(UINT64_C(256) << 20)	/* of one target */

struct pushqueue_counts {
	uint64_t items, bytes, ns;	/* that wait */
	uint64_t dropped, dropped_groups, dropped_bytes;	/* since the beginning */
};

struct pushqueue {
	int	 wake;			/* readable: something has changed */
	/* private: */
	int	 wake_put;
	pthread_mutex_t lock;
	int64_t	 max_ns;
	uint64_t max_bytes;
	bool	 ended, need_key;
	struct pushitem **ring;
	size_t	 head, n, size;
	struct pushqueue_counts counts;
};

int pushqueue_init(struct pushqueue *q, int64_t max_ns, uint64_t max_bytes);
void pushqueue_free(struct pushqueue *q);

/* Takes a reference of its own. */
int pushqueue_put(struct pushqueue *q, struct pushitem *item);

/* No more will come. */
void pushqueue_end(struct pushqueue *q);

/* Wake who gets, whatever for. */
void pushqueue_poke(struct pushqueue *q);

/*
 * The next item (gives), or NULL.  fresh: on a new connection, so from a key picture on;
 * what is before it is dropped.
 */
struct pushitem *pushqueue_get(struct pushqueue *q, bool fresh);

/* Is the next one a key picture?  Has all gone that will ever come? */
bool pushqueue_at_key(struct pushqueue *q);
bool pushqueue_done(struct pushqueue *q);

/* Take what wake has to say. */
void pushqueue_awake(struct pushqueue *q);

struct pushqueue_counts pushqueue_counts(struct pushqueue *q);

#endif
