#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ingest/evqueue.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

struct evqueue_node {
	struct evqueue_node *next;
	struct source_event ev;
	struct source_stream *streams;	/* copies of what ev points to */
	size_t	size;			/* of all that */
	uint8_t	data[];
};

void
evqueue_init(struct evqueue *q)
{
	pthread_condattr_t attr;

	*q = (struct evqueue){ .tail = &q->head };
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void
free_node(struct evqueue_node *n)
{
	if (n != NULL)
		free(n->streams);
	free(n);
}

void
evqueue_free(struct evqueue *q)
{
	free_node(q->lent);
	for (struct evqueue_node *n = q->head, *next; n != NULL; n = next) {
		next = n->next;
		free_node(n);
	}
	pthread_cond_destroy(&q->cond);
	pthread_mutex_destroy(&q->lock);
}

void
evqueue_put(struct evqueue *q, const struct source_event *ev, size_t max)
{
	struct evqueue_node *n = malloc(sizeof(*n) + ev->len);

	if (n == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	*n = (struct evqueue_node){ .ev = *ev, .size = sizeof(*n) + ev->len };
	if (ev->len > 0)
		memcpy(n->data, ev->data, ev->len);
	n->ev.data = n->data;
	if (ev->what == SOURCE_STREAMS) {
		n->streams = calloc(ev->nstream, sizeof(*n->streams));
		if (n->streams == NULL)
			fatal(EXIT_RUNTIME, 0, "out of memory");
		memcpy(n->streams, ev->streams, ev->nstream * sizeof(*n->streams));
		n->size += ev->nstream * sizeof(*n->streams);
		n->ev.streams = n->streams;
	}
	pthread_mutex_lock(&q->lock);
	while (q->queued > max && !q->stopped)
		pthread_cond_wait(&q->cond, &q->lock);
	*q->tail = n;
	q->tail = &n->next;
	q->queued += n->size;
	pthread_cond_broadcast(&q->cond);
	pthread_mutex_unlock(&q->lock);
}

size_t
evqueue_len(struct evqueue *q)
{
	size_t len;

	pthread_mutex_lock(&q->lock);
	len = q->queued;
	pthread_mutex_unlock(&q->lock);
	return len;
}

void
evqueue_stop(struct evqueue *q)
{
	pthread_mutex_lock(&q->lock);
	q->stopped = true;
	pthread_cond_broadcast(&q->cond);
	pthread_mutex_unlock(&q->lock);
}

void
evqueue_get(struct evqueue *q, struct source_event *ev, int64_t deadline_ns)
{
	struct evqueue_node *n;

	free_node(q->lent);
	q->lent = NULL;
	pthread_mutex_lock(&q->lock);
	/* In short turns, since a stop does not wake us. */
	for (int i = 0; q->head == NULL && !io_stopping() &&
	    clk_mono_ns() < deadline_ns && i < 100; i++) {
		int64_t until = clk_mono_ns() + CLK_SECOND / 20;
		struct timespec ts = {
			.tv_sec = until / CLK_SECOND, .tv_nsec = until % CLK_SECOND,
		};

		pthread_cond_timedwait(&q->cond, &q->lock, &ts);
	}
	if ((n = q->head) != NULL) {
		q->head = n->next;
		if (q->head == NULL)
			q->tail = &q->head;
		q->queued -= n->size;
		pthread_cond_broadcast(&q->cond);
	}
	pthread_mutex_unlock(&q->lock);
	if (n != NULL)
		*ev = n->ev;
	q->lent = n;
}
