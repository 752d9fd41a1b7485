/*
 * rtmp.c - pull from an RTMP or RTMPS server, by libavformat.
 *
 * A thread connects, reads, and connects again when the peer goes; units come
 * to us through a queue, so that nothing here waits for the peer.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ingest/avin.h"
#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define QUEUE_MAX	(32 << 20)	/* bytes; more is left to the peer */
#define SILENCE		(10 * CLK_SECOND)	/* of a peer: connect again */

struct node {
	struct node *next;
	struct source_event ev;
	struct source_stream *streams;	/* copies of what ev points to */
	uint8_t	data[];
};

struct rtmp {
	struct source s;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct node *head, **tail, *lent;
	size_t	 queued;
	bool	 up;			/* as the thread sees it; under the lock */
	uint64_t lost;
	atomic_bool quit;
	int64_t	 heard_ns;		/* thread's: last sign of the peer */
};

/* ---- the thread */

static bool
give_up(void *opaque)
{
	struct rtmp *r = opaque;

	return atomic_load(&r->quit) || clk_mono_ns() - r->heard_ns > SILENCE;
}

static void
push(struct rtmp *r, const struct source_event *ev)
{
	struct node *n = malloc(sizeof(*n) + ev->len);

	if (n == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	*n = (struct node){ .ev = *ev };
	if (ev->len > 0)
		memcpy(n->data, ev->data, ev->len);
	n->ev.data = n->data;
	if (ev->what == SOURCE_STREAMS) {
		n->streams = calloc(ev->nstream, sizeof(*n->streams));
		if (n->streams == NULL)
			fatal(EXIT_RUNTIME, 0, "out of memory");
		memcpy(n->streams, ev->streams, ev->nstream * sizeof(*n->streams));
		n->ev.streams = n->streams;
	}
	pthread_mutex_lock(&r->lock);
	while (r->queued > QUEUE_MAX && !atomic_load(&r->quit))
		pthread_cond_wait(&r->cond, &r->lock);
	*r->tail = n;
	r->tail = &n->next;
	r->queued += sizeof(*n) + ev->len;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static void
set_up(struct rtmp *r, bool up)
{
	pthread_mutex_lock(&r->lock);
	r->lost += r->up && !up;
	r->up = up;
	pthread_mutex_unlock(&r->lock);
}

/* One connection, until it breaks.  Returns whether data came, and why not. */
static bool
session(struct rtmp *r, int *error)
{
	const struct avin_input in = {
		.opaque = r, .url = r->s.name, .interrupted = give_up,
	};
	struct source_event ev;
	struct avin *a = NULL;
	bool data = false;

	r->heard_ns = clk_mono_ns();
	*error = avin_open(&a, &in, r->s.name, false);
	if (*error < 0)
		return false;
	for (;;) {
		ev = (struct source_event){ .what = SOURCE_NOTHING };
		r->heard_ns = clk_mono_ns();
		*error = avin_read(a, &ev);
		if (*error < 0 || ev.what == SOURCE_END || atomic_load(&r->quit))
			break;
		ev.utc_ns = clk_utc_ns();
		if (!data) {
			set_up(r, true);
			push(r, &(struct source_event){ .what = SOURCE_BREAK });
		}
		data = true;
		push(r, &ev);
	}
	avin_close(a);
	set_up(r, false);
	return data;
}

/* No connection.  That of a certificate does not pass by itself. */
static void
failed(const struct rtmp *r, int error, bool played, bool warned)
{
	const char *reason = error == -EIO ? avin_reason() : "";

	if (!played && strcasestr(reason, "certificate") != NULL)
		fatal(EXIT_RUNTIME, 0, "cannot play '%s': %s", r->s.name, reason);
	if (!warned && *reason != '\0')
		log_warn(0, "cannot play '%s': trying again: %s", r->s.name, reason);
	else if (!warned)
		log_warn(error == -EINTR ? ETIMEDOUT : -error,
		    "cannot play '%s': trying again", r->s.name);
}

static void *
run(void *arg)
{
	struct rtmp *r = arg;
	struct backoff backoff;
	bool warned = false, played = false;
	int error;

	backoff_reset(&backoff);
	while (!atomic_load(&r->quit)) {
		bool data = session(r, &error);

		if (atomic_load(&r->quit))
			break;
		if (data) {
			backoff_reset(&backoff);
			log_warn(0, "'%s' has ended: connecting again", r->s.name);
		} else {
			failed(r, error, played, warned);
		}
		warned = !data;
		played |= data;
		backoff_failed(&backoff);
		while (!backoff_wait(&backoff, clk_mono_ns() + CLK_SECOND / 4) &&
		    !atomic_load(&r->quit) && !io_stopping())
			;
		if (io_stopping())
			break;
	}
	return NULL;
}

/* ---- the source */

static struct source *
rtmp_open(const struct source_config *cfg, struct url *url)
{
	const char *trust = getenv("SSL_CERT_FILE");
	struct rtmp *r;
	pthread_condattr_t attr;
	int err;

	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	if (*url->host == '\0' || *url->path == '\0')
		fatal(EXIT_USAGE, 0, "'%s' has no host or no path", cfg->name);
	if (strcmp(url->scheme, "rtmps") == 0 && trust != NULL &&
	    access(trust, R_OK) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", trust);
	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	for (unsigned i = 0; i < url->npair; i++)
		url_get(url, url->pair[i].key);		/* they are for the server */
	r->s = (struct source){ .name = cfg->name, .live = true };
	r->tail = &r->head;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->cond, &attr);
	pthread_condattr_destroy(&attr);
	if ((err = pthread_create(&r->thread, NULL, run, r)) != 0)
		fatal(EXIT_RUNTIME, err, "cannot start a thread");
	return &r->s;
}

static void
free_node(struct node *n)
{
	if (n != NULL)
		free(n->streams);
	free(n);
}

static void
rtmp_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct rtmp *r = (struct rtmp *)s;
	struct node *n = NULL;

	free_node(r->lent);
	r->lent = NULL;
	pthread_mutex_lock(&r->lock);
	/* In short turns, since a stop does not wake us. */
	for (int i = 0; r->head == NULL && !io_stopping() &&
	    clk_mono_ns() < deadline_ns && i < 100; i++) {
		int64_t until = clk_mono_ns() + CLK_SECOND / 20;
		struct timespec ts = {
			.tv_sec = until / CLK_SECOND, .tv_nsec = until % CLK_SECOND,
		};

		pthread_cond_timedwait(&r->cond, &r->lock, &ts);
	}
	r->s.connected = r->up;
	r->s.disconnections = r->lost;
	if ((n = r->head) != NULL) {
		r->head = n->next;
		if (r->head == NULL)
			r->tail = &r->head;
		r->queued -= sizeof(*n) + n->ev.len;
		pthread_cond_broadcast(&r->cond);
	}
	pthread_mutex_unlock(&r->lock);
	if (n != NULL)
		*ev = n->ev;
	r->lent = n;
}

static void
rtmp_close(struct source *s)
{
	struct rtmp *r = (struct rtmp *)s;

	atomic_store(&r->quit, true);
	pthread_mutex_lock(&r->lock);
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	free_node(r->lent);
	for (struct node *n = r->head, *next; n != NULL; n = next) {
		next = n->next;
		free_node(n);
	}
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

const struct source_type source_rtmp = {
	.schemes = "rtmp rtmps",
	.open = rtmp_open, .read = rtmp_read, .close = rtmp_close,
};
