/* The minimum requirements of EBU Tech 3341, signals 1 to 6, and BS.1770's own. */
#include <stdlib.h>

#include "t/tap.h"
#include "lib/media/loudness.c"

static struct loudness l;
static unsigned rate;
static uint64_t at;

static void
begin(unsigned hz, unsigned channels)
{
	static const double weight[6] = { 1, 1, 1, 0, 1.41, 1.41 };

	rate = hz;
	at = 0;
	loudness_init(&l, hz, channels, weight);
}

/* A sine of 1 kHz, so many seconds, at these peak levels in dBFS. */
static void
tone(double seconds, const double *db)
{
	enum { PIECE = 1000 };
	static float x[6][PIECE];
	const float *p[6] = { x[0], x[1], x[2], x[3], x[4], x[5] };
	uint64_t left = (uint64_t)(seconds * rate + 0.5);

	while (left > 0) {
		size_t n = left < PIECE ? left : PIECE;

		for (size_t i = 0; i < n; i++, at++)
			for (unsigned c = 0; c < l.channels; c++)
				x[c][i] = (float)(pow(10, db[c] / 20) *
				    sin(2 * M_PI * 1000 * (double)at / rate));
		loudness_add(&l, p, n);
		left -= n;
	}
}

static void
near(int64_t got, double want, const char *what)
{
	ok(got != LOUDNESS_NONE && fabs((double)got / 1000 - want) <= 0.1,
	    "%u Hz, %s: %.2f, want %.1f", rate, what, (double)got / 1000, want);
}

static void
test_rate(unsigned hz)
{
	double at23[2] = { -23, -23 }, at33[2] = { -33, -33 }, at36[2] = { -36, -36 };
	double at72[2] = { -72, -72 }, at20[2] = { -20, -20 }, at26[2] = { -26, -26 };
	double surround[6] = { -28, -28, -24, -60, -30, -30 };

	begin(hz, 2);
	is(loudness_integrated(&l), LOUDNESS_NONE, "nothing yet");
	tone(20, at23);
	near(loudness_integrated(&l), -23, "3341-1 integrated");
	near(l.momentary, -23, "3341-1 momentary");
	near(l.short_term, -23, "3341-1 short-term");
	begin(hz, 2);
	tone(20, at33);
	near(loudness_integrated(&l), -33, "3341-2");
	begin(hz, 2);
	tone(10, at36);
	tone(60, at23);
	tone(10, at36);
	near(loudness_integrated(&l), -23, "3341-3, relative gate");
	begin(hz, 2);
	tone(10, at72);
	tone(10, at36);
	tone(60, at23);
	tone(10, at36);
	tone(10, at72);
	near(loudness_integrated(&l), -23, "3341-4, both gates");
	begin(hz, 2);
	tone(20, at26);
	tone(20.1, at20);
	tone(20, at26);
	near(loudness_integrated(&l), -23, "3341-5");
	begin(hz, 6);
	tone(20, surround);
	near(loudness_integrated(&l), -23, "3341-6, 5.0");
}

/* EBU Tech 3342 signals 1 to 4: 20 s each of these levels. */
static void
test_range(const double *db, unsigned n, double want)
{
	begin(48000, 2);
	is(loudness_range(&l), 0, "no range yet");
	for (unsigned i = 0; i < n; i++) {
		double both[2] = { db[i], db[i] };

		tone(20, both);
	}
	ok(fabs((double)loudness_range(&l) / 1000 - want) <= 1, "range %.2f LU, want %.0f +-1",
	    (double)loudness_range(&l) / 1000, want);
}

int
main(void)
{
	double none[2] = { -200, -200 }, left[2] = { 0, -200 };

	test_rate(48000);
	test_rate(44100);
	test_range((const double[]){ -20, -30 }, 2, 10);
	test_range((const double[]){ -20, -15 }, 2, 5);
	test_range((const double[]){ -40, -20 }, 2, 20);
	test_range((const double[]){ -50, -35, -20, -35, -50 }, 5, 15);
	begin(48000, 2);
	tone(5, none);
	is(loudness_integrated(&l), LOUDNESS_NONE, "silence has none");
	begin(48000, 2);
	tone(5, left);
	near(loudness_integrated(&l), -3.01, "0 dBFS of 1 kHz in one channel");
	begin(8000, 1);
	tone(5, left);
	ok(loudness_integrated(&l) != LOUDNESS_NONE, "8 kHz works");
	return done_testing();
}
