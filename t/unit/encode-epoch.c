/* Source timestamps onto media time: wraps, breaks, wild values, twins. */
#include <stdlib.h>

#include "encode/epoch.c"
#include "t/tap.h"

#define UTC	(INT64_C(1790000000) * NS)	/* a day in 2026 */

static int64_t
at(struct epoch *e, struct epoch_stream *s, int64_t pts, bool announced)
{
	return epoch_time(e, s, pts, announced, UTC);
}

static void
file(void)
{
	struct epoch e;
	struct epoch_stream v = { 0 }, a = { 0 };
	int64_t t, last;

	epoch_init(&e);
	e.mode = EPOCH_FILE;
	t = at(&e, &v, PES_WRAP - 3600, false);
	is(t, EPOCH_FILE_START, "a file begins at 10 s");
	is(at(&e, &v, 0, false), t + 3600, "a wrap is no break");
	is(at(&e, &v, 3600, false), t + 7200, "time goes on after it");
	is(at(&e, &a, PES_WRAP - 1800, false), t + 1800, "audio from before it belongs");
	is(e.breaks, 0, "no break");

	last = t + 7200;
	ok(at(&e, &v, 50 * CLOCK, false) == PES_NO_TIME, "one wild time is not believed");
	is(at(&e, &v, 7200, false), last + 3600, "and changes nothing");
	at(&e, &v, 500 * CLOCK, false);
	at(&e, &v, 500 * CLOCK + 3600, false);
	t = at(&e, &v, 500 * CLOCK + 7200, false);
	ok(t > last + 3600 && t < last + 8 * 3600, "three in a row are a new timeline");
	is(e.breaks, 1, "one break");
	is(at(&e, &a, 9000, false), EPOCH_FILE_START + 3600 + 9000,
	    "what is late of the old one keeps its place");

	last = t;
	t = at(&e, &v, 77, true);
	is(t, last + FRAME, "an announced jump goes on at once");
	for (int i = 1; i < 100; i++)
		t = at(&e, &v, 77 + i * 3600, false);
	last = t;
	t = at(&e, &v, 77 + 3600, true);
	ok(t > last, "a loop that begins again goes forward");
}

static void
live(void)
{
	struct epoch e, f;
	struct epoch_stream s = { 0 }, r = { 0 };
	int64_t t, u, utc = UTC;

	epoch_init(&e);
	epoch_init(&f);
	e.mode = f.mode = EPOCH_LIVE;
	epoch_pcr(&e, 1000 * CLOCK, utc, true);
	t = at(&e, &s, 1001 * CLOCK, false);
	ok(llabs(t - rescale_near(utc, CLOCK, NS)) <= TIMELINE_ROUND, "live: since 1970");
	is((t - 1001 * CLOCK) % TIMELINE_ROUND, 0, "by a round offset");
	is(epoch_utc_ns(&e, t), utc + NS, "the date is exact");
	epoch_pcr(&f, 1007 * CLOCK, utc + 7 * NS + 40000000, true);
	u = at(&f, &r, 1008 * CLOCK, false);
	is(u - t, 7 * CLOCK, "a twin that starts 7 s later agrees");

	u = t;
	epoch_pcr(&e, 5 * CLOCK, utc + 20 * NS, true);
	t = at(&e, &s, 6 * CLOCK, true);
	ok(t > u, "after a break time goes forward");
	ok(llabs(epoch_utc_ns(&e, t) - (utc + 21 * NS)) < 1000000, "with the right date");
}

static void
switched(void)
{
	struct epoch e;
	struct epoch_stream v = { 0 }, a = { 0 };
	int64_t t = 0, last;

	epoch_init(&e);
	e.mode = EPOCH_FILE;
	for (int i = 0; i < 1000; i++)
		t = at(&e, &v, i * 3600, false);
	last = t;
	at(&e, &a, 999 * 3600, false);
	v.switched = a.switched = true;
	t = at(&e, &v, 750 * 3600, true);
	is(t, last - 249 * 3600, "pre-roll of 10 s keeps its times");
	t = at(&e, &v, 751 * 3600, false);
	is(t, last - 248 * 3600, "all of it");
	is(at(&e, &a, 1000 * 3600, true), last + 3600, "sound goes on beside it");
	for (int i = 752; i < 1001; i++)
		t = at(&e, &v, i * 3600, false);
	is(t, last + 3600, "up to where the timeline was, and on");
	is(e.breaks, 0, "that is no break");
	v.switched = true;
	t = at(&e, &v, 3600, true);
	is(t, last + 2 * FRAME, "what goes back further is another clock");
	is(e.breaks, 1, "a break");
}

int
main(void)
{
	file();
	live();
	switched();
	return done_testing();
}
