/*
 * What a bad network does: losses as often and in bursts as long as was asked,
 * the same for the same seed whatever the time, delays, queues, outages.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"
#include "transport/impair.h"
#include "transport/impair.c"
#include "transport/impairspec.c"
#undef MS
#include "transport/impairtrace.c"

#define COUNT	1000000

static struct impair_spec
spec(const char *text)
{
	struct impair_spec s = { .queue_ns = 100 * MS, .reorder_ns = 10 * MS };
	char *copy = strdup(text);
	const char *lack, *wrong = "";

	is(impair_parse(&s, copy, &wrong, &lack), 0, "'%s' is understood", text);
	free(copy);
	return s;
}

static bool
near(double got, double want, double part)
{
	return fabs(got - want) <= part * want;
}

/* Losses and the mean length of their runs. */
static void
measure(const char *text, double want_loss, double want_burst)
{
	struct impair_spec s = spec(text);
	struct impair m;
	unsigned lost = 0, runs = 0;
	bool before = false;

	impair_init(&m, &s, 7, 0);
	for (int i = 0; i < COUNT; i++) {
		bool now = impair_next(&m, 0, 1316).what == IMPAIR_LOSS;

		lost += now;
		runs += now && !before;
		before = now;
	}
	ok(near((double)lost / COUNT, want_loss, 0.03), "%s: %u of %d", text, lost, COUNT);
	ok(near((double)lost / runs, want_burst, 0.05), "%s: runs of %.2f", text,
	    (double)lost / runs);
}

static void
test_loss(void)
{
	measure("loss=5%", 0.05, 1 / 0.95);
	measure("loss=0.5%", 0.005, 1 / 0.995);
	measure("loss=5%,burst=3", 0.05, 3);
	measure("loss=20%,burst=10", 0.2, 10);
	/* Bad a third of the time; half is lost then. */
	measure("states=1%:2%:50%", 1.0 / 6, 1.961);
}

static void
test_seed(void)
{
	struct impair_spec s = spec("loss=5%,burst=2,jitter=5ms,delay=20ms,dup=1%,reorder=1%");
	struct impair a, b, c;
	int same = 0, other = 0;

	impair_init(&a, &s, 1, 0);
	impair_init(&b, &s, 1, 500);
	impair_init(&c, &s, 2, 0);
	for (int i = 0; i < 10000; i++) {
		struct impair_verdict x = impair_next(&a, i * MS, 1316);
		struct impair_verdict y = impair_next(&b, i * MS * 3, 100);

		same += x.what == y.what && (x.copy_ns < 0) == (y.copy_ns < 0);
		other += x.what != impair_next(&c, i * MS, 1316).what;
	}
	is(same, 10000, "a seed decides, not the time");
	ok(other > 500, "another seed, other losses: %d", other);
}

static void
test_delay(void)
{
	struct impair_spec s = spec("delay=40ms,jitter=5ms");
	struct impair m;
	int64_t least = INT64_MAX, most = 0, last = 0;
	bool order = true;
	int overtaken = 0;

	impair_init(&m, &s, 3, 0);
	for (int i = 0; i < 10000; i++) {
		struct impair_verdict v = impair_next(&m, i * 20 * MS, 1316);
		int64_t d = v.due_ns - i * 20 * MS;

		least = d < least ? d : least;
		most = d > most ? d : most;
		order &= v.due_ns >= last;
		last = v.due_ns;
	}
	ok(least >= 35 * MS && least < 36 * MS && most <= 45 * MS && most > 44 * MS,
	    "35 to 45 ms: %lld to %lld us", (long long)least / 1000, (long long)most / 1000);
	ok(order, "in order");
	s = spec("delay=40ms,jitter=5ms,overtake");
	impair_init(&m, &s, 3, 0);
	last = 0;
	for (int i = 0; i < 10000; i++) {
		struct impair_verdict v = impair_next(&m, i * MS, 1316);

		overtaken += v.due_ns < last;
		last = v.due_ns;
	}
	ok(overtaken > 3000, "and not, if that is allowed: %d", overtaken);
	s = spec("reorder=2%,reorder-by=30ms");
	impair_init(&m, &s, 3, 0);
	for (int i = 0; i < 10000; i++)
		overtaken = (int)impair_next(&m, i * MS, 1316).due_ns;
	ok(near((double)m.reordered, 200, 0.25), "some come later: %d", (int)m.reordered);
}

static void
test_rate(void)
{
	struct impair_spec s = spec("rate=10M,queue=50ms");
	struct impair m;
	int64_t last = 0;
	unsigned passed = 0;
	bool late = false;

	/* 20 Mb/s for ten seconds into 10 Mb/s. */
	impair_init(&m, &s, 3, 0);
	for (int i = 0; i < 20000; i++) {
		struct impair_verdict v = impair_next(&m, i * MS / 2, 1250);

		if (v.what != IMPAIR_PASS)
			continue;
		late |= v.due_ns - i * MS / 2 > 52 * MS;
		passed++;
		last = v.due_ns;
	}
	ok(!late, "none waits longer than the queue");
	ok(near(passed * 1250.0 * 8e9 / (double)last, 10e6, 0.01), "ten megabits");
	ok(near((double)m.count[IMPAIR_QUEUE], 10000, 0.05), "half is dropped");
}

static struct impairtrace *
trace(const char *text)
{
	struct impairtrace *t = NULL;
	unsigned line;

	is(impairtrace_parse(&t, text, strlen(text), &line), 0, "a trace");
	return t;
}

static void
test_trace(void)
{
	struct impairtrace *t = trace("2\n2\n5\r\n10");
	struct impair_spec s = spec("rate-trace=a file,queue=20ms");
	/* What comes at that time, how much, and when it has gone; -1: dropped. */
	static const struct { int at, len, sent; } row[] = {
		{ 0, 1500, 2 },		/* waits for the first */
		{ 0, 1000, 2 },		/* has two thirds of the second */
		{ 1, 1000, 5 },		/* and the rest, and half of the third */
		{ 1, 1000, 5 },
		{ 6, 100, 10 },		/* what is left of the third has passed */
		{ 6, 1400, 10 },	/* as much as goes with it */
		{ 6, 1, 12 },		/* the next round */
		{ 20, 4500, 22 },	/* at its end is one, and two follow */
		{ 20, 0, 25 },
		{ 20, 6000, 35 },
		{ 20, 6000, 45 },
		{ 20, 10, -1 },
		{ 31, 10, 45 },
		{ 1000, 1500, 1000 },
		{ 1001, 1500, 1002 },
	};
	struct impair m;
	bool fits;

	snprintf(s.trace_path, sizeof(s.trace_path), "a file");
	s.trace = t;
	impair_init(&m, &s, 3, 7 * MS);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct impair_verdict v = impair_next(&m, (7 + row[i].at) * MS,
		    (size_t)row[i].len);
		int sent = v.what == IMPAIR_QUEUE ? -1 : (int)(v.due_ns / MS) - 7;

		is(sent, row[i].sent, "%d bytes at %d ms", row[i].len, row[i].at);
	}
	free(t);
	/* 12 Mb/s for a second, then 6: twice as much as goes is sent. */
	t = malloc(sizeof(*t) + 1500 * sizeof(t->ms[0]));
	t->n = 1500;
	for (unsigned i = 0; i < 1500; i++)
		t->ms[i] = i < 1000 ? i + 1 : 1000 + 2 * (i - 999);
	s.trace = t;
	impair_init(&m, &s, 3, 0);
	fits = true;
	for (int i = 0; i < 60000; i++) {
		struct impair_verdict v = impair_next(&m, i * MS / 2, 750);

		fits &= v.what == IMPAIR_QUEUE || (v.due_ns >= i * MS / 2 &&
		    v.due_ns <= i * MS / 2 + 23 * MS);
	}
	ok(fits, "none waits longer than the queue");
	ok(near((double)m.count[IMPAIR_PASS], 45000, 0.01), "as much as goes: %d",
	    (int)m.count[IMPAIR_PASS]);
	free(t);
}

static void
test_traces(void)
{
	static const struct { const char *text; unsigned line; } bad[] = {
		{ "", 1 }, { "0\n", 1 }, { "0\n0\n", 2 }, { "1\n\n2\n", 2 }, { "2\n1\n", 2 },
		{ "1 \n", 1 }, { "-1\n", 1 }, { "x", 1 }, { "1\n99999999999999999999\n", 2 },
		{ "1\r2\n", 1 }, { "1\n2.5\n", 2 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct impairtrace *t = NULL;
		unsigned line = 0;

		is(impairtrace_parse(&t, bad[i].text, strlen(bad[i].text), &line), -EBADMSG,
		    "trace %u is none", (unsigned)i);
		is(line, bad[i].line, "and its line");
		ok(t == NULL, "and nothing is given");
	}
}

static void
test_outage(void)
{
	struct impair_spec s = spec("outage=1s+200ms/10s,outage=5s+1s");
	struct impair m;
	unsigned first = 0, second = 0, others = 0;

	impair_init(&m, &s, 3, 1000 * MS);
	for (int i = 0; i < 20000; i++) {
		bool out = impair_next(&m, (1000 + i) * MS, 1).what == IMPAIR_OUTAGE;

		first += out && ((i >= 1000 && i < 1200) || (i >= 11000 && i < 11200));
		second += out && i >= 5000 && i < 6000;
		others += out;
	}
	is(first, 400, "200 ms each ten seconds");
	is(second, 1000, "and once a second");
	is(others, 1400, "and no other time");
}

static void
test_wrong(void)
{
	static const char *const bad[] = {
		"", "loss", "loss=", "loss=101%", "loss=5", "loss=-1%", "burst=0.5", "delay=5",
		"delay=25h", "rate=0", "rate=1", "outage=1s", "outage=1s+2s/1s", "states=1%",
		"states=1%:2%:3%:4%:5%", "what=1", "rate-trace=", "rate=1M,rate-trace=x", "loss=100%,burst=2", "loss=90%,burst=1.01",
		("outage=1s+1s,outage=1s+1s,outage=1s+1s,outage=1s+1s,outage=1s+1s,"
		"outage=1s+1s,outage=1s+1s,outage=1s+1s,outage=1s+1s"),
	};
	static const char *const alone[][2] = {
		{ "burst=3", "loss" }, { "delay=5ms,queue=5ms", "rate" },
		{ "reorder-by=5ms", "reorder" }, { "overtake,delay=1ms", "jitter" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct impair_spec s = { 0 };
		char *copy = strdup(bad[i]);
		const char *lack, *wrong = NULL;

		is(impair_parse(&s, copy, &wrong, &lack), -EINVAL, "'%s' is wrong", bad[i]);
		free(copy);
	}
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		struct impair_spec s = { 0 };
		char *copy = strdup(alone[i][0]);
		const char *lack = NULL, *wrong = NULL;

		is(impair_parse(&s, copy, &wrong, &lack), -EINVAL, "'%s' is no use", alone[i][0]);
		ok(lack != NULL && strcmp(lack, alone[i][1]) == 0, "without %s", alone[i][1]);
		free(copy);
	}
}

int
main(void)
{
	test_loss();
	test_seed();
	test_delay();
	test_rate();
	test_trace();
	test_traces();
	test_outage();
	test_wrong();
	return done_testing();
}
