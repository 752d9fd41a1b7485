/* Events of a piece: what is in the samples of the track, also over the longest gaps. */
#include <stdlib.h>

#include "encode/assemble.c"
#include "encode/assemblecmaf.c"
#include "encode/remuxtimes.c"
#include "t/tap.h"

#define HOUR		(3600 * CLK_90K)

static struct remux m;
static struct remux_cue cue[4];

/* Cues that came at these hours, as an event track. */
static struct events
make(const int64_t *hour, unsigned n, bool *good)
{
	static uint8_t message[20] = { 0xfc };
	struct events e;

	for (unsigned i = 0; i < n; i++)
		cue[i] = (struct remux_cue){ .at = hour[i] * HOUR, .pts = hour[i] * HOUR + 90,
		    .duration = UINT32_MAX, .codec = CODEC_SCTE35, .len = sizeof(message),
		    .p = message };
	m.cue = cue;
	m.ncue = n;
	*good = make_events(&m, 9, &e) == 0 && e.chunk.n == e.n;
	return e;
}

/* What kind the samples are: 'i' a message, 'e' none, and how long all are together. */
static int64_t
look(const struct events *e, char kind[static 16])
{
	size_t at = 0, n = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < e->n && n < 15; i++) {
		kind[n++] = memcmp(e->p + at + 4, "emib", 4) == 0 ? 'i' :
		    memcmp(e->p + at + 4, "emeb", 4) == 0 ? 'e' : '?';
		at += e->sample[i].len;
		sum += e->sample[i].duration;
	}
	kind[n] = '\0';
	return at == e->len ? sum : -1;
}

static void
test(const char *name, const int64_t *hour, unsigned n, const char *want)
{
	char kind[16] = "";
	bool good;
	struct events e = make(hour, n, &good);
	int64_t sum = good ? look(&e, kind) : -1;

	ok(good && strcmp(kind, want) == 0 && sum == hour[n - 1] * HOUR + 1, "%s: %s", name, kind);
	free(e.p);
	free(e.sample);
}

int
main(void)
{
	bool good;
	struct events e = make(NULL, 0, &good);

	ok(good && e.n == 0 && e.len == 0, "no cue: no sample");
	free(e.p);
	free(e.sample);
	test("at the beginning, and later", (int64_t[]){ 0, 1, 3 }, 3, "iii");
	test("nothing before the first", (int64_t[]){ 2, 3 }, 2, "eii");
	test("two at a time are in one sample", (int64_t[]){ 1, 1 }, 2, "ei");
	test("a gap of just what one can be", (int64_t[]){ 0, 12 }, 2, "ii");
	test("a gap of 14 hours goes on with nothing", (int64_t[]){ 1, 15 }, 2, "eiei");
	test("the first after 23 hours", (int64_t[]){ 23 }, 1, "eei");
	test("more than two days", (int64_t[]){ 0, 50, 51 }, 3, "ieeeeii");
	return done_testing();
}
