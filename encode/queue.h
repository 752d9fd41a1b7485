/*
 * queue.h - a bounded queue of pointers between two threads.
 *
 * Threads  One puts, one gets; both wait for the other.
 */
#ifndef ENCODE_QUEUE_H
#define ENCODE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#define QUEUE_MAX	64

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t	changed;
	unsigned	head, n, limit;
	bool		closed;
	void		*slot[QUEUE_MAX];
};

void queue_init(struct queue *q, unsigned limit);
void queue_put(struct queue *q, void *item);	/* takes; waits for room */
void *queue_get(struct queue *q);		/* gives; NULL: closed and empty */
void queue_close(struct queue *q);
unsigned queue_depth(struct queue *q);

#endif
