/* No peak above the ceiling, nothing changed below it, and no memory of long ago. */
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"
#include "encode/limiter.c"

enum { N = 96000 };

static struct limiter one, two;
static float a[2][N], b[2][N], in[2][N];

static double
true_peak(const float *x, int n)
{
	struct truepeak t = { .at = 0 };
	float most = 0;

	for (int i = 0; i < n; i++) {
		float p = truepeak_next(&t, x[i]);

		most = p > most ? p : most;
	}
	return (double)most;
}

static void
run(struct limiter *l, float (*x)[N], int from)
{
	for (int pos = from, n; pos < N; pos += n) {
		float *data[2] = { x[0] + pos, x[1] + pos };

		n = 1 + rand() % 3000;
		n = n > N - pos ? N - pos : n;
		limiter_run(l, data, n);
	}
}

static void
test(unsigned hz)
{
	double ceiling = 0.5, most;
	int late = 20000, settled = late + 2 * LIMITER_BACK + 2 * LIMITER_SPAN, moved = 0;

	/* Bursts of noise, some of them twelve times too loud, and quiet between. */
	for (int c = 0; c < 2; c++)
		for (int i = 0; i < N; i++)
			in[c][i] = (float)(rand() % 2001 - 1000) / 1000 *
			    (i / 1500 % 4 == 0 ? 6 : i > N / 2 ? 0.3f : 0.9f);
	memcpy(a, in, sizeof(a));
	memcpy(b, in, sizeof(b));
	limiter_init(&one, hz, 2, ceiling);
	limiter_init(&two, hz, 2, ceiling);
	run(&one, a, 0);
	run(&two, b, late);
	most = fmax(true_peak(a[0], N), true_peak(a[1], N));
	ok(most <= ceiling * 1.03 && most > ceiling * 0.9, "%u Hz: peaks at %.4f of %.2f", hz,
	    most, ceiling);
	ok(memcmp(a[0] + settled, b[0] + settled, (size_t)(N - settled) * sizeof(float)) == 0 &&
	    memcmp(a[1] + settled, b[1] + settled, (size_t)(N - settled) * sizeof(float)) == 0,
	    "one that began later comes to the same");
	for (int i = 0; i < N; i++)
		a[0][i] = a[1][i] = in[0][i] / 30;
	memcpy(in, a, sizeof(a));
	limiter_init(&one, hz, 2, ceiling);
	run(&one, a, 0);
	for (int i = (int)one.line; i < N; i++)
		moved += a[0][i] != in[0][i - (int)one.line] || a[1][i] != in[1][i - (int)one.line];
	is(moved, 0, "what is quiet stays as it is, %u samples later", one.line);
}

int
main(void)
{
	srand(1);
	test(48000);
	test(44100);
	test(16000);
	return done_testing();
}
