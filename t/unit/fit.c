/* Straight lines through points, and percentiles. */
#include <stdlib.h>

#include "lib/base/fit.h"
#include "lib/base/hist.h"
#include "t/tap.h"

static void
test_line(void)
{
	static struct fit f;
	int64_t y = 0, worst = 0;

	ok(!fit_at(&f, 0, &y), "no points, no line");
	fit_add(&f, 10, 1000);
	ok(!fit_at(&f, 10, &y), "nor with one");
	fit_add(&f, 20, 1300);
	ok(fit_at(&f, 40, &y), "two make one");
	is(y, 1900, "and it goes on");
	/* 27 MHz over packets of 188 bytes at 38.014706 Mb/s, for an hour. */
	for (int64_t i = 0; i < 90000; i++) {
		int64_t x = i * 1011, want = x * 188 * 8 * INT64_C(27000000) / 38014706;

		if (f.n > 16 && fit_at(&f, x, &y) && llabs(y - want) > worst)
			worst = llabs(y - want);
		fit_add(&f, x, want);
	}
	ok(worst <= 1, "long lines stay exact: off by %" PRId64, worst);
	is(f.n, FIT_POINTS, "the last points count");
	fit_add(&f, 5, 5);
	is(f.n, 1, "a step back begins anew");
	fit_add(&f, 6, INT64_C(1) << 50);
	is(f.n, 1, "so does a leap");
}

static void
test_noise(void)
{
	static struct fit f;
	unsigned seed = 1;
	int64_t y = 0;

	for (int64_t i = 0; i < 512; i++) {
		seed = seed * 1103515245 + 12345;
		fit_add(&f, i * 1080000, i * 40000000 + (int64_t)(seed >> 16 & 0xffff) - 32768);
	}
	ok(fit_at(&f, 511 * 1080000, &y), "noise has a line");
	ok(llabs(y - INT64_C(511) * 40000000) < 6000, "near the truth: %" PRId64,
	    y - INT64_C(511) * 40000000);
}

/* Whatever is added, nothing overflows (seen under UBSan). */
static void
test_hostile(void)
{
	static struct fit f;
	static const int64_t edge[] = { INT64_MIN, INT64_MAX, 0, -1, INT64_C(1) << 32,
	    (INT64_C(1) << 40) - 1, 1 - (INT64_C(1) << 40), 1, 2 };
	uint64_t seed = 7;
	int64_t y;
	int lines = 0;

	for (int i = 0; i < 200000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		if (seed >> 60 == 0)
			fit_add(&f, edge[(seed >> 40) % 9], edge[(seed >> 50) % 9]);
		else
			fit_add(&f, i * (int64_t)(seed >> 44 & 0xffff), (int64_t)(seed >> 24) -
			    (INT64_C(1) << 39));
		lines += fit_at(&f, edge[(seed >> 32) % 9], &y);
	}
	ok(lines > 0, "odd points: %d lines", lines);
}

static void
test_hist(void)
{
	static struct hist h;

	is(hist_permille(&h, 500), 0, "nothing has no median");
	for (uint64_t i = 1; i <= 1000; i++)
		hist_add(&h, i * 1000);
	is(h.min, 1000, "least");
	is(h.max, 1000000, "most");
	ok(hist_permille(&h, 500) >= 500000 && hist_permille(&h, 500) < 532000, "median");
	ok(hist_permille(&h, 990) >= 990000, "99 %%");
	is(hist_permille(&h, 1000), 1000000, "all");
	hist_add(&h, UINT64_MAX);
	is(hist_permille(&h, 1000), UINT64_MAX, "the largest there is");
	for (uint64_t i = 0; i < 20; i++) {
		static struct hist one;

		one = (struct hist){ .n = 0 };
		hist_add(&one, i);
		if (hist_permille(&one, 1) != i)
			ok(0, "%" PRIu64 " is exact", i);
	}
}

int
main(void)
{
	test_line();
	test_noise();
	test_hostile();
	test_hist();
	return done_testing();
}
