#include <assert.h>

#include "encode/queue.h"

void
queue_init(struct queue *q, unsigned limit)
{
	assert(limit > 0 && limit <= QUEUE_MAX);
	*q = (struct queue){ .limit = limit };
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
}

void
queue_put(struct queue *q, void *item)
{
	pthread_mutex_lock(&q->lock);
	while (q->n == q->limit)
		pthread_cond_wait(&q->changed, &q->lock);
	q->slot[(q->head + q->n++) % QUEUE_MAX] = item;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void *
queue_get(struct queue *q)
{
	void *item = NULL;

	pthread_mutex_lock(&q->lock);
	while (q->n == 0 && !q->closed)
		pthread_cond_wait(&q->changed, &q->lock);
	if (q->n > 0) {
		item = q->slot[q->head];
		q->head = (q->head + 1) % QUEUE_MAX;
		q->n--;
	}
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
	return item;
}

void
queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

unsigned
queue_depth(struct queue *q)
{
	unsigned n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}
