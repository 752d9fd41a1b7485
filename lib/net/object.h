/*
 * object.h - one version of one object: its bytes grow, then stay.
 *
 * Shape    Bytes live in memory (small) or behind a descriptor (all others).
 *          len only grows; once whole nothing changes any more, and a growing
 *          object that fails never becomes whole.
 * Memory   Counted references; the last object_unref() closes and frees.
 * Threads  One thread writes a growing object, any may read.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/budget.h"

enum object_state { OBJECT_GROWING, OBJECT_WHOLE, OBJECT_FAILED };

#define OBJECT_ETAG	48
#define OBJECT_HEAD	768	/* field lines that go with every answer */

struct wait_queue;		/* httpd.h: who waits for more of it */
struct wire;			/* wire.h: what is sent to those */

struct object {
	atomic_uint refs;
	atomic_int state;
	_Atomic uint64_t len;
	int	 fd;		/* -1: the bytes are in mem */
	bool	 stub;		/* fd has none: the application knows where they are */
	uint8_t	*mem;
	uint8_t	*gzip;		/* compressed form of mem, or NULL */
	size_t	 gzip_len;
	uint64_t ino;
	int64_t	 mtime_ns;
	_Atomic int64_t grown_ns;	/* when its last bytes came, CLOCK_MONOTONIC; or 0 */
	unsigned head_len, gzip_head_len;
	char	 etag[OBJECT_ETAG];		/* with its quotes */
	char	 head[OBJECT_HEAD];
	char	 gzip_head[OBJECT_HEAD];
	struct wait_queue *waiting;		/* of a growing one, else NULL */
	pthread_mutex_t lock;		/* of wire, and of len with it */
	struct wire *wire;
	/* Told how far a reader is that is sent from fd as it grows; or NULL. */
	void	(*on_sent)(void *user, uint64_t pos);
	void	*on_sent_user;
	void	*note;			/* what the application knows of it, */
	void	(*note_free)(void *note);	/* and how that ends */
	struct budget *budget;			/* of what it has in memory, */
	uint64_t taken;				/* so many bytes */
};

/* A growing object over fd, which it takes.  NULL without memory. */
struct object *object_new(int fd, struct budget *budget);

/* May it have n bytes more in memory?  Given back by the last object_unref(). */
bool object_take(struct object *o, uint64_t n);

struct object *object_ref(struct object *o);

/* Drops *o and clears it. */
void object_unref(struct object **o);

/* Bytes that are there now. */
static inline uint64_t
object_len(struct object *o)
{
	return atomic_load(&o->len);
}

static inline enum object_state
object_state(struct object *o)
{
	return (enum object_state)atomic_load(&o->state);
}

#endif
