/*
 * What waits between a publisher and a reader that has stopped: bounded, whatever the
 * publisher does.  The server is not in it: events come in as it gives them.
 */
#include "ingest/rtmplisten.c"

#include "ingest/evqueue.c"
#include "ingest/unitgate.c"
#include "t/tap.h"

void
rtmpd_digest(const char *app, const char *key, uint8_t digest[static RTMPD_DIGEST])
{
	(void)app;
	(void)key;
	memset(digest, 0, RTMPD_DIGEST);
}

struct rtmpd *
rtmpd_new(const struct rtmpd_config *cfg)
{
	(void)cfg;
	return NULL;
}

void
rtmpd_free(struct rtmpd *d)
{
	(void)d;
}

int
rtmpd_listen(struct rtmpd *d, const char *host, uint16_t port, bool tls)
{
	(void)d;
	(void)host;
	return tls ? -EINVAL : -(int)port;
}

unsigned
rtmpd_prepare(struct rtmpd *d, struct pollfd *pfd, unsigned max, int64_t *deadline_ns)
{
	(void)d;
	(void)pfd;
	(void)max;
	(void)deadline_ns;
	return 0;
}

void
rtmpd_act(struct rtmpd *d, const struct pollfd *pfd, unsigned n)
{
	(void)d;
	(void)pfd;
	(void)n;
}

void
rtmpd_drain(struct rtmpd *d, int64_t grace_ns)
{
	(void)d;
	(void)grace_ns;
}

const struct rtmpd_counts *
rtmpd_counts(const struct rtmpd *d)
{
	static const struct rtmpd_counts none;

	(void)d;
	return &none;
}

void
rtmpstats_slot(json_t *o, const struct rtmpd_slot *slot)
{
	(void)o;
	(void)slot;
}

void
rtmpstats_server(json_t *o, const struct rtmpd_counts *c)
{
	(void)o;
	(void)c;
}

#define MANY	200000

static struct listen l;
static struct source_stream table[3] = { { .codec = CODEC_AVC }, { .codec = CODEC_AAC },
	{ .codec = CODEC_AAC } };
static uint8_t picture[1024];

static void
comes(unsigned units)
{
	on_event(&l, NULL, &(struct source_event){ .what = SOURCE_BREAK });
	on_event(&l, NULL, &(struct source_event){ .what = SOURCE_STREAMS,
	    .streams = table, .nstream = 3 });
	for (unsigned i = 0; i < units; i++)
		on_event(&l, NULL, &(struct source_event){ .what = SOURCE_UNIT,
		    .data = picture, .len = sizeof(picture), .random_access = i == 0 });
}

static enum source_what
next(void)
{
	struct source_event ev = { .what = SOURCE_NOTHING };

	evqueue_get(&l.queue, &ev, 0);
	return ev.what;
}

int
main(void)
{
	size_t most = 0, n = 0;

	log_init("test");
	evqueue_init(&l.queue);

	comes(2);
	ok(next() == SOURCE_BREAK && next() == SOURCE_STREAMS && next() == SOURCE_UNIT &&
	    next() == SOURCE_UNIT && next() == SOURCE_NOTHING, "all comes, in order");

	for (unsigned i = 0; i < MANY; i++)
		comes(0);
	ok(evqueue_len(&l.queue) == 0, "one that never sends anything: %zu bytes wait",
	    evqueue_len(&l.queue));

	for (unsigned i = 0; i < MANY; i++) {
		comes(1);
		most = evqueue_len(&l.queue) > most ? evqueue_len(&l.queue) : most;
	}
	ok(most <= QUEUE_MAX + 65536, "one that comes again and again: %zu bytes wait", most);
	while (next() != SOURCE_NOTHING)
		n++;
	ok(n % 3 == 0 && n > 0 && evqueue_len(&l.queue) == 0,
	    "and what waits is whole: %zu events", n);

	comes(1);
	ok(next() == SOURCE_BREAK && next() == SOURCE_STREAMS && next() == SOURCE_UNIT,
	    "the next one is announced");
	evqueue_free(&l.queue);
	return done_testing();
}
