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

#define MS	INT64_C(1000000)
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
		"states=1%:2%:3%:4%:5%", "what=1", "loss=100%,burst=2", "loss=90%,burst=1.01",
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
	test_outage();
	test_wrong();
	return done_testing();
}
