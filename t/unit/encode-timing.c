/* Pictures onto the grid: kept, repeated, dropped; the rate found. */
#include "encode/timing.c"
#include "t/tap.h"

static struct timing
begin(int64_t num, int64_t den, int64_t t, bool file)
{
	struct timing g;

	timing_start(&g, grid_make((struct rational){ num, den }, 2000000000),
	    (struct rational){ num, den }, t, file);
	return g;
}

/* Every picture of a clean source is kept, whatever small jitter it has. */
static void
clean(int64_t num, int64_t den, int jitter)
{
	struct timing g = begin(num, den, 1234567, false);
	int64_t k = g.next_k;
	bool right = true;

	for (int64_t i = 0; i < 5000; i++) {
		int64_t t = 1234567 + rescale_down(i, 90000 * den, num) +
		    (i > 0 && jitter > 0 ? i * 7919 % (2 * jitter) - jitter : 0);
		struct timing_plan p = timing_next(&g, t);

		right &= !p.drop && p.repeat == 0 && !p.gap && p.k == k + i;
	}
	ok(right && g.repeated == 0 && g.dropped == 0,
	    "%lld/%lld with a jitter of %d ticks: all pictures, once",
	    (long long)num, (long long)den, jitter);
}

/* Of a faster source each slot gets the picture that is nearest to it. */
static void
faster(int source, int grid)
{
	struct timing g;
	bool near = true;

	timing_start(&g, grid_make((struct rational){ grid, 1 }, 2000000000),
	    (struct rational){ source, 1 }, 0, false);
	for (int i = 0; i < 10 * source; i++) {
		int64_t t = i * 90000 / source;
		struct timing_plan p = timing_next(&g, t);

		near &= p.repeat == 0 && (p.drop ||
		    llabs(t - grid_time(&g.grid, p.k)) * source * 10 <= 90000 * 6);
	}
	ok(near, "%d to %d: the nearest pictures", source, grid);
	ok(g.next_k >= 10 * grid - 1 && g.next_k <= 10 * grid, "as many as there are slots");
}

static void
rate(struct rational real, int round_to, struct rational stated,
    struct rational want)
{
	int64_t t[25];
	struct rational r;

	for (int i = 0; i < 25; i++)
		t[i] = 5000 + rescale_down(i, 90000 * real.den, real.num) / round_to *
		    round_to;
	r = timing_rate(t, 25, stated);
	ok(r.num == want.num && r.den == want.den,
	    "rate %lld/%lld rounded to %d, stated %lld: %lld/%lld", (long long)real.num,
	    (long long)real.den, round_to, (long long)stated.num, (long long)r.num,
	    (long long)r.den);
}

/* The first few steps are other than those that follow. */
static void
uneven(int few, int first, int even, int odd, struct rational want, const char *what)
{
	int64_t t[25] = { 5000 };
	struct rational r;

	for (int i = 1; i < 25; i++)
		t[i] = t[i - 1] + (i <= few ? first : i % 2 == 0 ? even : odd);
	r = timing_rate(t, 25, (struct rational){ 0, 0 });
	ok(r.num == want.num && r.den == want.den, "%s: %lld/%lld", what,
	    (long long)r.num, (long long)r.den);
}

int
main(void)
{
	const struct rational none = { 0, 0 }, ntsc = { 30000, 1001 };
	struct timing g;
	struct timing_plan p;

	clean(25, 1, 0);
	clean(30000, 1001, 0);
	clean(60000, 1001, 0);
	clean(24000, 1001, 0);
	clean(50, 1, 600);
	clean(30000, 1001, 90);

	g = begin(25, 1, 7777, true);
	is(g.next_k, 250, "a file begins at 10 s");
	is(g.next_k % g.grid.pictures, 0, "with a segment");
	p = timing_next(&g, 7777);
	is(p.k, 250, "by its first picture");
	p = timing_next(&g, 7777 + 3 * 3600);
	is(p.repeat, 2, "two missing pictures: two repeats");
	is(p.k, 253, "and the next in its place");
	p = timing_next(&g, 7777 + 3 * 3600 + 100);
	ok(p.drop, "a picture too many is dropped");
	p = timing_next(&g, 7777 + 4 * 3600);
	ok(!p.drop && p.k == 254, "and the next is where it belongs");
	p = timing_next(&g, 7777 + 5 * 3600 + 10 * 90000);
	ok(p.gap && p.repeat == 0 && p.k == 255 + 250, "a long hole stays a hole");

	g = begin(30, 1, 0, false);
	for (int i = 0; i < 250; i++)
		timing_next(&g, i * 3600);
	is(g.repeated, 50, "25 to 30: every fifth is made twice");
	is(g.dropped, 0, "and none dropped");
	faster(50, 25);
	faster(60, 25);
	faster(25, 10);
	g = begin(25, 1, 0, false);
	for (int i = 0; i < 500; i++)
		p = timing_next(&g, i * 1800);
	is(g.dropped, 250, "from 25 to 50 on the way: every other is dropped");
	ok(p.drop, "that which is between two slots");

	rate((struct rational){ 25, 1 }, 1, none, (struct rational){ 25, 1 });
	rate(ntsc, 1, none, ntsc);
	rate(ntsc, 90, ntsc, ntsc);
	rate((struct rational){ 60000, 1001 }, 1, none, (struct rational){ 60000, 1001 });
	rate((struct rational){ 25, 1 }, 1, (struct rational){ 50, 1 },
	    (struct rational){ 25, 1 });
	rate((struct rational){ 10, 1 }, 90, none, (struct rational){ 10, 1 });
	rate((struct rational){ 17, 1 }, 1, (struct rational){ 17, 1 },
	    (struct rational){ 17, 1 });
	uneven(1, 11250, 3750, 3750, (struct rational){ 24, 1 }, "two pictures missing");
	uneven(6, 6000, 3000, 3000, (struct rational){ 30, 1 }, "slow at first");
	uneven(0, 0, 3003, 4504, (struct rational){ 24000, 1001 }, "pulldown");
	uneven(0, 0, 500, 2500, (struct rational){ 60, 1 }, "jitter");
	return done_testing();
}
