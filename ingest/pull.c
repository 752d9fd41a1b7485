/*
 * pull.c - pull from a server of RTMP or RTSP, by libavformat.
 *
 * A thread connects, reads, and connects again when the peer goes; units come
 * to us through a queue, so that nothing here waits for the peer.  A server of RTSP
 * that says by RTCP when its pictures were taken is believed.
 *
 * Spec     RFC 7826 and RFC 2326 (RTSP), RFC 3550 6.4.1 (sender reports).
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/avin.h"
#include "ingest/evqueue.h"
#include "ingest/rtspurl.h"
#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define QUEUE_MAX	(32 << 20)	/* bytes; more is left to the peer */
#define SILENCE		(10 * CLK_SECOND)	/* of a peer: connect again */

struct pull {
	struct source s;
	pthread_t thread;
	struct evqueue queue;
	atomic_bool up;			/* as the thread sees it */
	_Atomic uint64_t lost;
	atomic_bool quit;
	int64_t	 heard_ns;		/* thread's: last sign of the peer */
	bool	 silent;		/* thread's: none for too long, in this connection */
	char	*lowered;		/* the address, with its scheme in lower case */
	const char *url;		/* for libavformat */
	struct rtspurl rtsp;		/* has it, with its secret, if it is RTSP */
};

/* ---- the thread */

static bool
give_up(void *opaque)
{
	struct pull *r = opaque;

	r->silent |= clk_mono_ns() - r->heard_ns > SILENCE;
	return r->silent || atomic_load(&r->quit);
}

static void
push(struct pull *r, const struct source_event *ev)
{
	evqueue_put(&r->queue, ev, QUEUE_MAX);
}

static void
set_up(struct pull *r, bool up)
{
	if (atomic_exchange(&r->up, up) && !up)
		atomic_fetch_add(&r->lost, 1);
}

/* Which of them are video; false: none. */
static bool
take_streams(const struct source_event *ev, bool video[static SOURCE_STREAMS_MAX])
{
	bool any = false;

	for (unsigned i = 0; i < ev->nstream; i++)
		any |= video[i] = codec_kind(ev->streams[i].codec) == KIND_VIDEO;
	return any;
}

/* One connection, until it breaks.  Returns whether data came, and why not. */
static bool
session(struct pull *r, int *error)
{
	const struct avin_input in = {
		.opaque = r, .url = r->url, .transport = r->rtsp.transport,
		.interrupted = give_up,
	};
	bool video[SOURCE_STREAMS_MAX] = { false }, entered = false;
	int64_t clock = 0, utc_ns;
	struct source_event ev;
	struct avin *a = NULL;
	bool data = false;

	r->silent = false;
	r->heard_ns = clk_mono_ns();
	*error = avin_open(&a, &in, r->s.name, false);
	if (*error < 0)
		return false;
	for (;;) {
		ev = (struct source_event){ .what = SOURCE_NOTHING };
		r->heard_ns = clk_mono_ns();
		*error = avin_read(a, &ev);
		if (*error < 0 || ev.what == SOURCE_END || atomic_load(&r->quit) ||
		    r->silent)			/* a unit now is one that was held */
			break;
		if (ev.what == SOURCE_STREAMS)
			entered = r->rtsp.transport == NULL || !take_streams(&ev, video);
		else if (!(entered |= video[ev.stream] && ev.random_access))
			continue;		/* a camera is joined anywhere */
		ev.utc_ns = clk_utc_ns();
		if (!data) {
			set_up(r, true);
			push(r, &(struct source_event){ .what = SOURCE_BREAK });
		}
		data = true;
		if (ev.what == SOURCE_UNIT && (utc_ns = avin_clock(a)) != clock) {
			clock = utc_ns;
			log_info("'%s' has a clock: it is %" PRId64 " ms behind ours", r->s.name,
			    (ev.utc_ns - clock - rescale_near(ev.pts, CLK_SECOND, CLK_90K)) /
			    1000000);
			push(r, &(struct source_event){ .what = SOURCE_CLOCK, .pts = 0,
			    .utc_ns = clock });
		}
		push(r, &ev);
	}
	avin_close(a);
	set_up(r, false);
	return data;
}

/* No connection.  What is wrong with a certificate, or a password, does not pass by itself. */
static void
failed(const struct pull *r, int error, bool played, bool warned)
{
	const char *reason = error == -EIO && !r->silent ? avin_reason() : "";

	if (!played && (strcasestr(reason, "certificate") != NULL ||
	    strstr(reason, "401 ") != NULL))
		fatal(EXIT_RUNTIME, 0, "cannot play '%s': %s", r->s.name, reason);
	if (!warned && *reason != '\0')
		log_warn(0, "cannot play '%s': trying again: %s", r->s.name, reason);
	else if (!warned)
		log_warn(r->silent ? ETIMEDOUT : -error,
		    "cannot play '%s': trying again", r->s.name);
}

static void *
run(void *arg)
{
	struct pull *r = arg;
	struct backoff backoff = { .next_ns = 0 };
	bool warned = false, played = false;
	int error;

	backoff_reset(&backoff);
	while (!atomic_load(&r->quit)) {
		bool data = session(r, &error);

		if (atomic_load(&r->quit))
			break;
		if (data) {
			backoff_reset(&backoff);
			log_warn(0, "'%s' %s: connecting again", r->s.name,
			    r->silent ? "is silent" : "has ended");
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

/* The first line of the file. */
static void
log_in(struct pull *r)
{
	char line[RTSPURL_SECRET + 1] = "", why[WHY_ROOM];
	FILE *f;

	if (*r->rtsp.login_file == '\0')
		return;
	if ((f = fopen(r->rtsp.login_file, "re")) == NULL)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", r->rtsp.login_file);
	if (fgets(line, sizeof(line), f) == NULL)
		*line = '\0';
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	if (rtspurl_login(&r->rtsp, line, why) < 0)
		fatal(EXIT_USAGE, 0, "'%s': %s", r->rtsp.login_file, why);
	explicit_bzero(line, sizeof(line));
}

static struct source *
pull_open(const struct source_config *cfg, struct url *url)
{
	const char *trust = getenv("SSL_CERT_FILE");
	bool rtsp = strncmp(url->scheme, "rtsp", 4) == 0;
	char why[WHY_ROOM];
	struct pull *r;
	int err;

	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	if (!rtsp && (*url->host == '\0' || url->has_at))
		return rtmp_listen_open(cfg, url);
	if (!rtsp && *url->path == '\0')
		fatal(EXIT_USAGE, 0, "'%s' has no host or no path", cfg->name);
	if (!rtsp && url_get(url, "key-file") != NULL)
		fatal(EXIT_USAGE, 0, "'%s' is a server to play from; to take a publisher it is "
		    "rtmp://:port or rtmp://@address:port", cfg->name);
	if (url->scheme[4] == 's' && trust != NULL && access(trust, R_OK) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", trust);
	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	for (unsigned i = 0; i < url->npair; i++)
		url->pair[i].used = true;		/* they are for the server */
	r->s = (struct source){ .name = cfg->name, .live = true };
	if (asprintf(&r->lowered, "%s%s", url->scheme, cfg->name + strlen(url->scheme)) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	r->url = r->lowered;
	if (rtsp) {
		if (rtspurl_parse(&r->rtsp, r->lowered, why) < 0)
			fatal(EXIT_USAGE, 0, "'%s': %s", cfg->name, why);
		log_in(r);
		r->url = r->rtsp.url;
	}
	evqueue_init(&r->queue);
	if ((err = pthread_create(&r->thread, NULL, run, r)) != 0)
		fatal(EXIT_RUNTIME, err, "cannot start a thread");
	return &r->s;
}

static void
pull_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct pull *r = (struct pull *)s;

	evqueue_get(&r->queue, ev, deadline_ns);
	r->s.connected = atomic_load(&r->up);
	r->s.disconnections = atomic_load(&r->lost);
}

static void
pull_close(struct source *s)
{
	struct pull *r = (struct pull *)s;

	atomic_store(&r->quit, true);
	evqueue_stop(&r->queue);
	pthread_join(r->thread, NULL);
	evqueue_free(&r->queue);
	rtspurl_clear(&r->rtsp);
	free(r->lowered);
	free(r);
}

const struct source_type source_pull = {
	.schemes = "rtmp rtmps rtsp rtsps",
	.open = pull_open, .read = pull_read, .close = pull_close,
};
