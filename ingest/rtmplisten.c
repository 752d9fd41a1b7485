/*
 * rtmplisten.c - one publisher of RTMP or RTMPS, as a source.
 *
 * A thread runs the server; units come to us through a queue.  When our reader is slow
 * and the queue is full, units are left out up to the next key picture, and the
 * publisher does not notice.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ingest/evqueue.h"
#include "ingest/rtmpd.h"
#include "ingest/rtmpstats.h"
#include "ingest/source.h"
#include "ingest/unitgate.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/net/rtmp.h"
#include "lib/net/tls.h"

#define QUEUE_MAX	(32u << 20)	/* bytes */
#define TURN		(CLK_SECOND / 10)
#define DRAIN		(3 * CLK_SECOND)

struct listen {
	struct source s;
	pthread_t thread;
	struct evqueue queue;
	struct rtmpd *server;
	struct tls *tls;
	char	*cert, *key;		/* files: they can be read again by name */
	struct rtmpd_slot slot;
	struct unitgate gate;
	bool	 break_due, streams_due;	/* before the next unit */
	unsigned nstream;
	struct source_stream stream[SOURCE_STREAMS_MAX];
	atomic_bool quit;
	pthread_mutex_t lock;		/* of what follows, for the statistics */
	struct rtmpd_slot seen;
	struct rtmpd_counts counts;
	uint64_t dropped;
};

static struct rtmpd_slot *
find(void *arg, const uint8_t digest[static RTMPD_DIGEST])
{
	struct listen *l = arg;

	return CRYPTO_memcmp(digest, l->slot.digest, RTMPD_DIGEST) == 0 ? &l->slot : NULL;
}

/* What a unit is to be preceded by: not more often than there are units. */
static void
put_due(struct listen *l)
{
	if (l->break_due)
		evqueue_put(&l->queue, &(struct source_event){ .what = SOURCE_BREAK },
		    SIZE_MAX);
	if (l->streams_due)
		evqueue_put(&l->queue, &(struct source_event){ .what = SOURCE_STREAMS,
		    .streams = l->stream, .nstream = l->nstream }, SIZE_MAX);
	l->break_due = l->streams_due = false;
}

static void
on_event(void *arg, struct rtmpd_slot *slot, const struct source_event *ev)
{
	struct listen *l = arg;
	size_t waiting = evqueue_len(&l->queue);
	bool begins;

	(void)slot;
	switch (ev->what) {
	case SOURCE_BREAK:
		l->break_due = true;
		break;
	case SOURCE_STREAMS:
		unitgate_streams(&l->gate, ev);
		memcpy(l->stream, ev->streams, ev->nstream * sizeof(*ev->streams));
		l->nstream = ev->nstream;
		l->streams_due = true;
		break;
	case SOURCE_UNIT:
		if (!unitgate_pass(&l->gate, ev, waiting > QUEUE_MAX,
		    waiting < QUEUE_MAX / 2, &begins))
			break;
		put_due(l);
		evqueue_put(&l->queue, ev, SIZE_MAX);
		break;
	default:
		break;
	}
}

static void
publish_numbers(struct listen *l)
{
	pthread_mutex_lock(&l->lock);
	l->seen = l->slot;
	l->counts = *rtmpd_counts(l->server);
	l->dropped = l->gate.dropped;
	pthread_mutex_unlock(&l->lock);
}

static void
turn(struct listen *l)
{
	struct pollfd pfd[RTMPD_LISTEN + RTMPD_CONNS];
	int64_t now = clk_mono_ns(), deadline = now + TURN;
	unsigned n = rtmpd_prepare(l->server, pfd, RTMPD_LISTEN + RTMPD_CONNS, &deadline);

	if (poll(pfd, n, deadline <= now ? 0 : (int)((deadline - now) / 1000000 + 1)) < 0)
		for (unsigned i = 0; i < n; i++)
			pfd[i].revents = 0;
	rtmpd_act(l->server, pfd, n);
	publish_numbers(l);
}

static void *
run(void *arg)
{
	struct listen *l = arg;
	int64_t until;

	while (!atomic_load(&l->quit))
		turn(l);
	rtmpd_drain(l->server, DRAIN);
	until = clk_mono_ns() + DRAIN;
	while (rtmpd_counts(l->server)->publishers > 0 && clk_mono_ns() < until)
		turn(l);
	return NULL;
}

/* ---- the source */

static void
set_up_tls(struct listen *l, struct url *url)
{
	const char *cert = url_get(url, "cert"), *key = url_get(url, "key");
	char why[TLS_WHY];
	bool tls = strcmp(url->scheme, "rtmps") == 0;

	if (!tls && (cert != NULL || key != NULL))
		fatal(EXIT_USAGE, 0, "'%s': cert and key are for rtmps", l->s.name);
	if (!tls)
		return;
	if (cert == NULL || key == NULL)
		fatal(EXIT_USAGE, 0, "'%s' needs the keys cert and key, which name files",
		    l->s.name);
	l->cert = strdup(cert);
	l->key = strdup(key);
	if (l->cert == NULL || l->key == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	if (tls_new(&l->tls, l->cert, l->key, why) < 0)
		fatal(EXIT_RUNTIME, 0, "%s", why);
}

/* The thread has no use for signals: those are for who waits for them. */
static void
start(struct listen *l)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&l->thread, NULL, run, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err != 0)
		fatal(EXIT_RUNTIME, err, "cannot start a thread");
}

struct source *
rtmp_listen_open(const struct source_config *cfg, struct url *url)
{
	const char *file = url_get(url, "key-file"), *takeover = url_get(url, "takeover");
	struct listen *l = calloc(1, sizeof(*l));
	struct rtmpd_config config = { .arg = l, .find = find, .event = on_event };
	uint16_t port = url->port;
	char *key;
	int r;

	if (l == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	l->s = (struct source){
		.type = &source_rtmp_listen, .name = cfg->name, .live = true,
		.announce = true, .patience_ns = INT64_MAX,
	};
	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	if (*url->user != '\0' || *url->path == '\0' || strcmp(url->path, "/") == 0)
		fatal(EXIT_USAGE, 0, "'%s' has no app: rtmp://[@address]:port/app?key-file=F",
		    cfg->name);
	if (file == NULL || *file == '\0')
		fatal(EXIT_USAGE, 0, "'%s' needs the key key-file, a file with the stream key",
		    cfg->name);
	if (takeover != NULL && *takeover != '\0' && strcmp(takeover, "yes") != 0 &&
	    strcmp(takeover, "no") != 0)
		fatal(EXIT_USAGE, 0, "'%s': takeover is yes or no", cfg->name);
	l->slot.takeover = takeover != NULL && strcmp(takeover, "no") != 0;
	memcpy(l->slot.name, "publisher", sizeof("publisher"));
	key = opt_token(file);
	if (key[strspn(key, "/")] == '\0')
		fatal(EXIT_USAGE, 0, "there is no stream key in '%s'", file);
	rtmpd_digest(url->path, key, l->slot.digest);
	explicit_bzero(key, strlen(key));
	free(key);
	set_up_tls(l, url);
	config.tls = l->tls;
	if (port == 0)
		port = l->tls != NULL ? RTMPS_PORT : RTMP_PORT;
	l->server = rtmpd_new(&config);
	if ((r = rtmpd_listen(l->server, url->host, port, l->tls != NULL)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -r, "cannot listen on '%s'",
		    cfg->name);
	evqueue_init(&l->queue);
	pthread_mutex_init(&l->lock, NULL);
	start(l);
	return &l->s;
}

static void
listen_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct listen *l = (struct listen *)s;

	evqueue_get(&l->queue, ev, deadline_ns);
	pthread_mutex_lock(&l->lock);
	s->connected = l->seen.owner != NULL;
	s->disconnections = l->seen.ended;
	pthread_mutex_unlock(&l->lock);
}

static void
listen_stats(const struct source *s, json_t *o)
{
	struct listen *l = (struct listen *)s;

	pthread_mutex_lock(&l->lock);
	rtmpstats_slot(o, &l->seen);
	rtmpstats_server(o, &l->counts);
	json_object_set_new(o, "reader_dropped_units", json_integer((json_int_t)l->dropped));
	pthread_mutex_unlock(&l->lock);
}

static void
listen_close(struct source *s)
{
	struct listen *l = (struct listen *)s;

	atomic_store(&l->quit, true);
	evqueue_stop(&l->queue);
	pthread_join(l->thread, NULL);
	rtmpd_free(l->server);
	tls_free(l->tls);
	free(l->cert);
	free(l->key);
	evqueue_free(&l->queue);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

const struct source_type source_rtmp_listen = {
	.schemes = "", .read = listen_read, .stats = listen_stats, .close = listen_close,
};
