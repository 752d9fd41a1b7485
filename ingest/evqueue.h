/*
 * evqueue.h - events of a source from a thread of its own to that of the tool.
 *
 * Units    Bytes; ns on CLOCK_MONOTONIC.
 * Memory   Events are copied in; what comes out is borrowed until the next evqueue_get().
 * Threads  One puts, another gets.  evqueue_stop() any.
 * Errors   No memory: fatal(), status 1.
 */
#ifndef EVQUEUE_H
#define EVQUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "ingest/source.h"

struct evqueue_node;

struct evqueue {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct evqueue_node *head, **tail, *lent;
	size_t	 queued;
	bool	 stopped;
};

void evqueue_init(struct evqueue *q);
void evqueue_free(struct evqueue *q);

/* While there is more than max, wait for the other side, or until evqueue_stop(). */
void evqueue_put(struct evqueue *q, const struct source_event *ev, size_t max);
size_t evqueue_len(struct evqueue *q);		/* bytes that wait */
void evqueue_stop(struct evqueue *q);

/* *ev stays as it is when there is none by then, or a stop is asked for. */
void evqueue_get(struct evqueue *q, struct source_event *ev, int64_t deadline_ns);

#endif
