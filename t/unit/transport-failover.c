/* Which leg goes out: silence, return, preference, clean points. */
#include "t/tap.h"
#include "transport/failover.c"

#define MS	INT64_C(1000000)

static bool
data(struct failover *f, unsigned leg, bool clean, int64_t ms)
{
	failover_seen(f, leg, ms * MS);
	return failover_passes(f, leg, clean, ms * MS);
}

int
main(void)
{
	struct failover f;

	failover_init(&f, 500 * MS, 1000 * MS, 300 * MS, true);
	ok(data(&f, 1, false, 1), "whichever comes first is used at once");
	ok(!data(&f, 0, true, 2), "a better one that has just come is not");
	ok(data(&f, 1, false, 400), "the one in use goes on");
	ok(!data(&f, 0, true, 401), "not yet");
	ok(data(&f, 1, false, 800), "on");
	ok(!data(&f, 0, false, 801), "still not");
	ok(data(&f, 1, false, 1001), "on");
	ok(!data(&f, 0, false, 1100), "it has lasted: but this is no clean point");
	ok(data(&f, 1, false, 1101), "so the old one goes on");
	ok(data(&f, 0, true, 1102), "a clean point: taken");
	ok(!data(&f, 1, true, 1103), "and the other stands by");
	is(f.switches, 1, "one switch");
	ok(!data(&f, 1, false, 1600), "498 ms are no failure");
	ok(data(&f, 1, false, 1602), "500 ms are: taken at any point");
	is(f.switches, 2, "another");
	ok(data(&f, 1, false, 1900), "on");
	ok(!data(&f, 0, true, 2000), "the first is back");
	ok(data(&f, 1, false, 2300), "on");
	ok(!data(&f, 0, true, 2600), "after a hole of 600 ms");
	ok(data(&f, 1, false, 2700), "on");
	ok(!data(&f, 0, true, 3050), "which does not count as a second of work");
	ok(data(&f, 1, false, 3150), "on");
	ok(!data(&f, 0, true, 3300), "still not");
	ok(data(&f, 1, false, 3550), "on");
	ok(data(&f, 0, true, 3601), "a second without hole");
	failover_forget(&f, 0);
	ok(data(&f, 1, false, 3610), "one that is taken away fails at once");

	failover_init(&f, 500 * MS, 0, 300 * MS, false);
	ok(data(&f, 1, false, 1), "without preference");
	ok(!data(&f, 0, true, 2), "the one in use stays in use");
	for (int64_t t = 3; t < 5000; t += 100) {
		data(&f, 1, false, t);
		data(&f, 0, true, t + 1);
	}
	is(f.active, 1, "as long as it works");

	failover_init(&f, 500 * MS, 1000 * MS, 300 * MS, true);
	for (int64_t t = 1; t < 9000; t += 100) {
		data(&f, 1, false, t);
		data(&f, 0, false, t + 1);
	}
	is(f.active, 0, "a stream without clean points is taken after a while");

	failover_init(&f, 500 * MS, 1000 * MS, 300 * MS, true);
	ok(data(&f, 0, false, 1) && !data(&f, 1, true, 2), "both live");
	failover_ill(&f, 0, true, 10 * MS);
	ok(!data(&f, 1, false, 11), "one that is ill goes on, no clean point yet");
	ok(data(&f, 0, false, 12), "it does");
	ok(data(&f, 1, true, 100), "a clean point of the other");
	is(f.reason, FAILOVER_HEALTH, "is taken, for that reason");
	ok(!data(&f, 0, true, 110), "and not left for one that is ill");
	failover_ill(&f, 1, true, 120 * MS);
	ok(!data(&f, 0, true, 130) && data(&f, 1, false, 131), "nor when both are");
	failover_ill(&f, 1, false, 140 * MS);
	failover_ill(&f, 0, false, 200 * MS);
	ok(data(&f, 1, false, 400) && !data(&f, 0, true, 500) && data(&f, 1, false, 800) &&
	    !data(&f, 0, true, 900) && !data(&f, 0, true, 1190),
	    "one that is well again has to be so for a while");
	ok(data(&f, 1, false, 1199) && data(&f, 0, true, 1201), "then it is taken back");
	is(f.reason, FAILOVER_PREFERENCE, "because it is better");
	ok(!data(&f, 1, false, 1202), "the other stands by");
	failover_ill(&f, 0, true, 1210 * MS);
	ok(!data(&f, 1, false, 1211) && !data(&f, 1, false, 1500), "it waits for a clean point");
	ok(data(&f, 1, false, 1512), "but not for ever");
	failover_ill(&f, 0, false, 1600 * MS);
	failover_ill(&f, 1, true, 1600 * MS);
	ok(!data(&f, 0, false, 1610), "one that fails");
	failover_ill(&f, 1, false, 1620 * MS);
	ok(!data(&f, 0, true, 1630) && data(&f, 1, false, 1631), "and is well in time is kept");
	failover_ill(&f, 0, true, 1640 * MS);
	ok(data(&f, 0, false, 2200), "one that is ill is better than one that is silent");
	is(f.reason, FAILOVER_SILENCE, "for that reason");
	return done_testing();
}
