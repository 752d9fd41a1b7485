#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "transport/recordq.h"

struct chunk {
	struct chunk *next;
	char	*path;			/* of a new file that begins with it; NULL: none */
	size_t	 used;
	uint8_t	 data[RECORDQ_CHUNK];
};

struct recordq {
	struct chunk *open;		/* being filled: not the writer's */
	unsigned nchunk;

	pthread_mutex_t lock;		/* for what is below */
	pthread_cond_t more, done;
	struct chunk *first, **last;	/* to be written */
	struct chunk *free;
	bool	 stop, stopped, left;	/* left: nobody will free it but the writer */
	uint64_t bytes;
	int	 error;

	pthread_t thread;
	int	 fd;			/* the writer's */
	off_t	 size;			/* of what it has written to fd */
};

/* ---- the writer */

static int
next_file(struct recordq *q, const char *path)
{
	close(q->fd);
	q->size = 0;
	q->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return q->fd < 0 ? -errno : 0;
}

static int
write_chunk(struct recordq *q, const struct chunk *c)
{
	int r = 0;

	if (c->path != NULL)
		r = next_file(q, c->path);
	if (r == 0)
		r = io_write(q->fd, c->data, c->used);
	if (r == 0)
		q->size += (off_t)c->used;
	else if (q->fd >= 0 && ftruncate(q->fd, q->size) < 0)
		log_debug("half a block stays at the end of the recording");	/* a pipe */
	return r;
}

static void
destroy(struct recordq *q)
{
	while (q->first != NULL || q->free != NULL) {
		struct chunk **list = q->first != NULL ? &q->first : &q->free;
		struct chunk *c = *list;

		*list = c->next;
		free(c->path);
		free(c);
	}
	if (q->open != NULL)
		free(q->open->path);
	free(q->open);
	if (q->fd >= 0)
		close(q->fd);
	pthread_cond_destroy(&q->more);
	pthread_cond_destroy(&q->done);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static struct chunk *
take_chunk(struct recordq *q)
{
	struct chunk *c;

	while (q->first == NULL && !q->stop)
		pthread_cond_wait(&q->more, &q->lock);
	if ((c = q->first) == NULL)
		return NULL;
	q->first = c->next;
	if (q->first == NULL)
		q->last = &q->first;
	return c;
}

static void *
run(void *arg)
{
	struct recordq *q = arg;
	struct chunk *c;
	bool left;

	pthread_mutex_lock(&q->lock);
	while ((c = take_chunk(q)) != NULL) {
		int r = q->error;

		pthread_mutex_unlock(&q->lock);
		if (r == 0)
			r = -write_chunk(q, c);
		free(c->path);
		c->path = NULL;
		pthread_mutex_lock(&q->lock);
		if (r == 0)
			q->bytes += c->used;
		q->error = r;
		c->used = 0;
		c->next = q->free;
		q->free = c;
	}
	q->stopped = true;
	left = q->left;
	pthread_cond_signal(&q->done);
	pthread_mutex_unlock(&q->lock);
	if (left)
		destroy(q);
	return NULL;
}

/* ---- the caller's side */

int
recordq_new(struct recordq **out, int fd)
{
	struct recordq *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;
	sigset_t all, before;
	int r;

	if (q == NULL)
		return -ENOMEM;
	q->fd = fd;
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->more, NULL);
	pthread_cond_init(&q->done, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&q->thread, NULL, run, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		q->fd = -1;
		destroy(q);
		return -r;
	}
	*out = q;
	return 0;
}

void
recordq_push(struct recordq *q)
{
	struct chunk *c = q->open;

	if (c == NULL || c->used == 0)
		return;
	q->open = NULL;
	pthread_mutex_lock(&q->lock);
	*q->last = c;
	q->last = &c->next;
	c->next = NULL;
	pthread_cond_signal(&q->more);
	pthread_mutex_unlock(&q->lock);
}

static bool
open_chunk(struct recordq *q)
{
	struct chunk *c;

	pthread_mutex_lock(&q->lock);
	if ((c = q->free) != NULL)
		q->free = c->next;
	pthread_mutex_unlock(&q->lock);
	if (c == NULL && q->nchunk < RECORDQ_LIMIT && (c = malloc(sizeof(*c))) != NULL) {
		q->nchunk++;
		c->path = NULL;
		c->used = 0;
	}
	q->open = c;
	return c != NULL;
}

uint8_t *
recordq_room(struct recordq *q, size_t len)
{
	if (q->open != NULL && q->open->used + len > RECORDQ_CHUNK)
		recordq_push(q);
	if (len > RECORDQ_CHUNK || (q->open == NULL && !open_chunk(q)))
		return NULL;
	q->open->used += len;
	return q->open->data + q->open->used - len;
}

bool
recordq_file(struct recordq *q, const char *path)
{
	recordq_push(q);
	if (q->open == NULL && !open_chunk(q))
		return false;
	free(q->open->path);
	return (q->open->path = strdup(path)) != NULL;
}

uint64_t
recordq_bytes(struct recordq *q)
{
	uint64_t n;

	pthread_mutex_lock(&q->lock);
	n = q->bytes;
	pthread_mutex_unlock(&q->lock);
	return n;
}

int
recordq_error(struct recordq *q)
{
	int error;

	pthread_mutex_lock(&q->lock);
	error = q->error;
	pthread_mutex_unlock(&q->lock);
	return error;
}

void
recordq_free(struct recordq *q, int *error)
{
	int64_t until = clk_mono_ns() + RECORDQ_PATIENCE_NS;
	struct timespec at = { .tv_sec = until / CLK_SECOND, .tv_nsec = until % CLK_SECOND };
	pthread_t thread;
	bool left;
	int r = 0;

	recordq_push(q);
	pthread_mutex_lock(&q->lock);
	q->stop = true;
	pthread_cond_signal(&q->more);
	while (!q->stopped && r == 0)
		r = pthread_cond_timedwait(&q->done, &q->lock, &at);
	left = q->left = !q->stopped;
	thread = q->thread;
	*error = left ? ETIMEDOUT : q->error;
	pthread_mutex_unlock(&q->lock);
	if (left) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	destroy(q);
}
