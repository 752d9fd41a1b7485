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
#include <unistd.h>

#include "ingest/avin.h"
#include "ingest/evqueue.h"
#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define QUEUE_MAX	(32 << 20)	/* bytes; more is left to the peer */
#define SILENCE		(10 * CLK_SECOND)	/* of a peer: connect again */

struct rtmp {
	struct source s;
	pthread_t thread;
	struct evqueue queue;
	atomic_bool up;			/* as the thread sees it */
	_Atomic uint64_t lost;
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
	evqueue_put(&r->queue, ev, QUEUE_MAX);
}

static void
set_up(struct rtmp *r, bool up)
{
	if (atomic_exchange(&r->up, up) && !up)
		atomic_fetch_add(&r->lost, 1);
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
	int err;

	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	if (*url->host == '\0' || url->has_at)
		return rtmp_listen_open(cfg, url);
	if (*url->path == '\0')
		fatal(EXIT_USAGE, 0, "'%s' has no host or no path", cfg->name);
	if (strcmp(url->scheme, "rtmps") == 0 && trust != NULL &&
	    access(trust, R_OK) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", trust);
	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	for (unsigned i = 0; i < url->npair; i++)
		url_get(url, url->pair[i].key);		/* they are for the server */
	r->s = (struct source){ .name = cfg->name, .live = true };
	evqueue_init(&r->queue);
	if ((err = pthread_create(&r->thread, NULL, run, r)) != 0)
		fatal(EXIT_RUNTIME, err, "cannot start a thread");
	return &r->s;
}

static void
rtmp_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct rtmp *r = (struct rtmp *)s;

	evqueue_get(&r->queue, ev, deadline_ns);
	r->s.connected = atomic_load(&r->up);
	r->s.disconnections = atomic_load(&r->lost);
}

static void
rtmp_close(struct source *s)
{
	struct rtmp *r = (struct rtmp *)s;

	atomic_store(&r->quit, true);
	evqueue_stop(&r->queue);
	pthread_join(r->thread, NULL);
	evqueue_free(&r->queue);
	free(r);
}

const struct source_type source_rtmp = {
	.schemes = "rtmp rtmps",
	.open = rtmp_open, .read = rtmp_read, .close = rtmp_close,
};
