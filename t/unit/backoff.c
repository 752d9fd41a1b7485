/* Waits before another try: twice as long, up to a bound, and by chance a little less. */
#include "lib/base/backoff.h"
#include "lib/base/clk.h"
#include "t/tap.h"

#define MS		(CLK_SECOND / 1000)

int
main(void)
{
	struct backoff b = { .next_ns = 0 }, spread = { .first_ns = 1000 * MS,
	    .most_ns = 8000 * MS, .spread = true };
	int64_t before = clk_mono_ns(), last = 0;
	bool within = true, varies = false;

	ok(backoff_ns(3, 100, 0) == 3 && backoff_ns(3, 100, 1) == 6, "twice as long");
	ok(backoff_ns(3, 100, 5) == 96 && backoff_ns(3, 100, 6) == 100, "up to a bound");
	ok(backoff_ns(3, 100, 1u << 31) == 100, "however often");
	ok(backoff_failed(&b) == 250 * MS && b.next_ns >= before + 250 * MS, "250 ms");
	ok(backoff_failed(&b) == 500 * MS, "500 ms");
	for (int i = 0; i < 100; i++)
		last = backoff_failed(&b);
	ok(last == 8000 * MS, "8 s");
	backoff_reset(&b);
	ok(b.next_ns == 0 && backoff_failed(&b) == 250 * MS, "from the first again");
	last = 0;
	for (int i = 0; i < 100; i++) {
		int64_t wait = (backoff_reset(&spread), backoff_failed(&spread));

		within &= wait > 740 * MS && wait <= 1000 * MS;
		varies |= last != 0 && wait != last;
		last = wait;
	}
	ok(within && varies, "from three quarters of it to all");
	ok(!backoff_wait(&spread, clk_mono_ns()), "it is not time yet");
	spread.next_ns = clk_mono_ns();
	ok(backoff_wait(&spread, clk_mono_ns() + CLK_SECOND), "it is");
	return done_testing();
}
