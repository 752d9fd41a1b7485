/* EBU Tech 3341 signals 15 to 19: true peaks of tones that samples miss, and of steps. */
#include <math.h>

#include "t/tap.h"
#include "lib/media/truepeak.c"

/* A sine with a number of samples a period, at a phase in degrees: its peak in dB. */
static double
peak_of(double period, double phase_deg, double amplitude)
{
	struct truepeak t = { .at = 0 };
	float most = 0;

	for (unsigned i = 0; i < 4800; i++) {
		double edge = i < 480 ? i / 480.0 : i >= 4320 ? (4800 - i) / 480.0 : 1;
		float p = truepeak_next(&t, (float)(edge * amplitude *
		    sin(2 * M_PI * i / period + phase_deg * M_PI / 180)));

		most = p > most ? p : most;
	}
	return 20 * log10((double)most);
}

static void
within(double got, double want)
{
	ok(got <= want + 0.2 && got >= want - 0.4, "%.2f dBTP, want %.1f +0.2 -0.4", got, want);
}

int
main(void)
{
	struct truepeak t = { .at = 0 };
	float p = 0;

	within(peak_of(4, 0, 0.5), -6);
	within(peak_of(4, 45, 0.5), -6);
	within(peak_of(6, 60, 0.5), -6);
	within(peak_of(8, 67.5, 0.5), -6);
	within(peak_of(4, 45, 1.41), 3);
	for (int i = 0; i < 100; i++)
		p = truepeak_next(&t, NAN);
	ok(p <= 0, "what is no number is silence");
	for (int i = 0; i <= TRUEPEAK_DELAY; i++)
		p = truepeak_next(&t, i == 0 ? 0.5f : 0);
	ok(p >= 0.5f, "a sample has its own height, so many samples later");
	return done_testing();
}
