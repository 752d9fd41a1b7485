#include "lib/base/clk.h"
#include "lib/media/timeline.h"
#include "t/tap.h"

#define WRAP	(INT64_C(1) << 33)
#define NOW_NS	(INT64_C(1790000000) * CLK_SECOND)
#define NOW_90K	(INT64_C(1790000000) * 90000)

static void
test_unwrap(void)
{
	is(timeline_unwrap(INT64_MIN, 5), 5, "the first is taken as it is");
	is(timeline_unwrap(WRAP - 10, 5), WRAP + 5, "over the wrap");
	is(timeline_unwrap(WRAP + 5, WRAP - 10), WRAP - 10, "and back");
	is(timeline_unwrap(7 * WRAP + 100, 90), 7 * WRAP + 90, "a little back");
	is(timeline_unwrap(0, WRAP - 1), -1, "below zero");
}

static void
test_offset(void)
{
	/* A source that counts from the epoch, seen 0.3 s late. */
	int64_t pts = NOW_90K % WRAP;

	is((timeline_offset(pts, NOW_NS + CLK_SECOND / 3) + pts), NOW_90K,
	    "an epoch source is taken exactly");
	/* Two machines, 0.2 s apart, and a source that counts from 0. */
	is(timeline_offset(1000, NOW_NS), timeline_offset(1000 + 18000,
	    NOW_NS + CLK_SECOND / 5 + 50000000), "two machines choose the same");
	is(timeline_offset(1000, NOW_NS) % TIMELINE_ROUND, 0, "a round number");
}

static void
test_grid(void)
{
	static const struct rational rates[] = {
		{ 25, 1 }, { 30000, 1001 }, { 60000, 1001 }, { 24000, 1001 }, { 50, 1 },
	};
	struct grid g = grid_make(rates[1], 4 * CLK_SECOND);

	is(g.pictures, 120, "4 s at 30000/1001 is 120 pictures");
	is(grid_make((struct rational){ 1, 10 }, CLK_SECOND).pictures, 1,
	    "at least one picture");
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		int64_t k, bad = 0;

		g = grid_make(rates[i], 2 * CLK_SECOND);
		for (k = grid_picture(&g, NOW_90K); k % 1000 != 0; k++)
			bad += grid_picture(&g, grid_time(&g, k)) != k;
		is(bad, 0, "picture of time of picture, at %d/%d",
		    (int)rates[i].num, (int)rates[i].den);
		ok(grid_starts(&g, grid_segment(&g, k) * g.pictures),
		    "a segment starts at its first picture");
	}
	/* t = 0.5 picture rounds up, a tick less down. */
	g = grid_make(rates[0], 2 * CLK_SECOND);
	is(grid_picture(&g, 1800), 1, "half a picture is the next one");
	is(grid_picture(&g, 1799), 0, "less is not");
	is(grid_segment(&g, -1), -1, "before the epoch");
}

int
main(void)
{
	test_unwrap();
	test_offset();
	test_grid();
	return done_testing();
}
