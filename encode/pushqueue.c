#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode/pushqueue.h"
#include "lib/base/clk.h"
#include "lib/base/rational.h"

#define START	256

int
pushqueue_init(struct pushqueue *q, int64_t max_ns, uint64_t max_bytes)
{
	int fd[2];

	memset(q, 0, sizeof(*q));
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	q->wake = fd[0];
	q->wake_put = fd[1];
	q->max_ns = max_ns;
	q->max_bytes = max_bytes;
	pthread_mutex_init(&q->lock, NULL);
	return 0;
}

static struct pushitem *
at(const struct pushqueue *q, size_t i)
{
	return q->ring[(q->head + i) % q->size];
}

static struct pushitem *
pop(struct pushqueue *q)
{
	struct pushitem *item = at(q, 0);

	q->head = (q->head + 1) % q->size;
	q->n--;
	q->counts.bytes -= item->len;
	return item;
}

void
pushqueue_free(struct pushqueue *q)
{
	while (q->n > 0)
		pushitem_unref(pop(q));
	free(q->ring);
	close(q->wake);
	close(q->wake_put);
	pthread_mutex_destroy(&q->lock);
}

void
pushqueue_poke(struct pushqueue *q)
{
	/* A full pipe wakes as well. */
	while (write(q->wake_put, "", 1) < 0 && errno == EINTR)
		;
}

void
pushqueue_awake(struct pushqueue *q)
{
	char buf[256];
	ssize_t n;

	do
		n = read(q->wake, buf, sizeof(buf));
	while (n > 0 || (n < 0 && errno == EINTR));
}

static int
grow(struct pushqueue *q)
{
	size_t size = q->size == 0 ? START : 2 * q->size;
	struct pushitem **ring = calloc(size, sizeof(void *));

	if (ring == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < q->n; i++)
		ring[i] = at(q, i);
	free(q->ring);
	q->ring = ring;
	q->size = size;
	q->head = 0;
	return 0;
}

static void
drop(struct pushqueue *q, struct pushitem *item)
{
	q->counts.dropped++;
	q->counts.dropped_bytes += item->len;
	pushitem_unref(item);
}

/* The oldest group, or what is left of it. */
static void
drop_group(struct pushqueue *q)
{
	do
		drop(q, pop(q));
	while (q->n > 0 && !at(q, 0)->key);
	q->counts.dropped_groups++;
	q->need_key = q->n == 0;
}

static int64_t
span_ns(const struct pushqueue *q)
{
	int64_t t = q->n > 0 ? at(q, q->n - 1)->t - at(q, 0)->t : 0;

	return t > 0 ? rescale_near(t, CLK_SECOND, CLK_90K) : 0;
}

static int
put(struct pushqueue *q, struct pushitem *item)
{
	if (q->need_key && !item->key) {
		drop(q, pushitem_ref(item));
		return 0;
	}
	q->need_key = false;
	if (q->n == q->size && grow(q) < 0)
		return -ENOMEM;
	q->ring[(q->head + q->n) % q->size] = pushitem_ref(item);
	q->n++;
	q->counts.bytes += item->len;
	while (q->n > 0 && (span_ns(q) > q->max_ns || q->counts.bytes > q->max_bytes))
		drop_group(q);
	return 0;
}

int
pushqueue_put(struct pushqueue *q, struct pushitem *item)
{
	bool was_empty;
	int r;

	pthread_mutex_lock(&q->lock);
	was_empty = q->n == 0;
	r = put(q, item);
	pthread_mutex_unlock(&q->lock);
	if (was_empty)
		pushqueue_poke(q);
	return r;
}

void
pushqueue_end(struct pushqueue *q)
{
	pthread_mutex_lock(&q->lock);
	q->ended = true;
	pthread_mutex_unlock(&q->lock);
	pushqueue_poke(q);
}

struct pushitem *
pushqueue_get(struct pushqueue *q, bool fresh)
{
	struct pushitem *item = NULL;

	pthread_mutex_lock(&q->lock);
	if (fresh && q->n > 0 && !at(q, 0)->key)
		drop_group(q);
	if (q->n > 0)
		item = pop(q);
	else if (fresh)
		q->need_key = true;
	pthread_mutex_unlock(&q->lock);
	return item;
}

bool
pushqueue_at_key(struct pushqueue *q)
{
	bool yes;

	pthread_mutex_lock(&q->lock);
	yes = q->n > 0 && at(q, 0)->key;
	pthread_mutex_unlock(&q->lock);
	return yes;
}

bool
pushqueue_done(struct pushqueue *q)
{
	bool yes;

	pthread_mutex_lock(&q->lock);
	yes = q->ended && q->n == 0;
	pthread_mutex_unlock(&q->lock);
	return yes;
}

struct pushqueue_counts
pushqueue_counts(struct pushqueue *q)
{
	struct pushqueue_counts c;

	pthread_mutex_lock(&q->lock);
	c = q->counts;
	c.items = q->n;
	c.ns = (uint64_t)span_ns(q);
	pthread_mutex_unlock(&q->lock);
	return c;
}
