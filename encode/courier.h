/*
 * courier.h - deliver pictures in a thread of its own, however long a disk or server takes.
 *
 * What does not fit into max_bytes makes room by the oldest that wait, whose names can be
 * asked for; of one object that is replaced, only the newest waits.  Those that are too old
 * to be kept are deleted behind them.
 *
 * Memory   courier_put() takes the picture; courier_free() gives all back.
 * Threads  One of its own, which owns the sink; the functions are for the one that started it.
 * Errors   Negative errno values; of deliveries in courier_look().
 */
#ifndef ENCODE_COURIER_H
#define ENCODE_COURIER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/keep.h"
#include "encode/naming.h"
#include "lib/net/sink.h"

#define COURIER_DROPPED	64		/* names that nobody has asked for */

struct courier_config {
	const char *place, *token;	/* as sink.h has them; token may be NULL */
	size_t	 max_bytes;		/* that may wait */
	bool	 patient;		/* never drop: the caller looks at courier_full() */
	bool	 one;			/* each picture replaces the one before */
	uint64_t keep;			/* so many of the newest; 0: all */
	const char *folder;		/* with what an earlier run has left, or NULL */
	const struct naming *naming;	/* of those */
};

struct courier_picture {
	struct courier_picture *next;	/* private */
	char	 name[SINK_NAME_MAX];
	uint8_t	*data;			/* free(3) */
	size_t	 len;
	uint64_t number;		/* from 1 */
};

struct courier_state {
	uint64_t delivered, deleted, retried, dropped;
	size_t	 queued, queued_bytes;
	bool	 busy;			/* something waits or is on its way */
	bool	 failing, refused;	/* for now; by 4xx, and nothing was ever taken */
	char	 reason[256];		/* of that */
	int	 error;			/* -errno: it cannot go on */
};

struct courier {
	struct courier_config config;
	/* private: */
	struct sink *sink;
	struct keep kept;
	pthread_t thread;
	int	 wake;			/* eventfd: something has been put, or it is to end */
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t turned;
	bool	 stop;
	int64_t	 turn_ns;		/* since when it is at work; INT64_MAX: it is not */
	struct courier_picture *first, **tail;
	size_t	 n, bytes;		/* of those; state has the sink's */
	struct courier_state state;
	uint64_t dropped;		/* of those, beside the sink's */
	unsigned ndropped;
	char	 name[COURIER_DROPPED][SINK_NAME_MAX];
};

/* config is set.  0 or -errno. */
int courier_start(struct courier *c);
void courier_free(struct courier *c);	/* what waits is lost */

int courier_put(struct courier *c, const struct courier_picture *p);

void courier_look(struct courier *c, struct courier_state *state);
bool courier_full(struct courier *c);

/* The name of one that was dropped, or false. */
bool courier_dropped(struct courier *c, char name[static SINK_NAME_MAX]);

/* Until it has done something, or CLOCK_MONOTONIC is until_ns. */
void courier_wait(struct courier *c, int64_t until_ns);

#endif
