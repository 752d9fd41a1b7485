#include "lib/base/clk.h"
#include "lib/media/timeline.h"

#define WRAP	(INT64_C(1) << 33)

int64_t
timeline_unwrap(int64_t last, int64_t wire)
{
	int64_t delta;

	if (last == INT64_MIN)
		return wire;
	delta = (wire - last) & (WRAP - 1);
	return last + (delta >= WRAP / 2 ? delta - WRAP : delta);
}

int64_t
timeline_offset(int64_t pts, int64_t utc_ns)
{
	int64_t truth = rescale_near(utc_ns, CLK_90K, CLK_SECOND) - pts;
	int64_t epoch = rescale_near(truth, 1, WRAP) * WRAP;
	int64_t off = truth - epoch;

	if (off > -CLK_90K && off < CLK_90K)
		return epoch;
	return rescale_near(truth, 1, TIMELINE_ROUND) * TIMELINE_ROUND;
}

struct grid
grid_make(struct rational rate, int64_t duration_ns)
{
	struct grid g = {
		.rate = rate,
		.pictures = rescale_near(duration_ns, rate.num,
		    rate.den * CLK_SECOND),
	};

	if (g.pictures < 1)
		g.pictures = 1;
	return g;
}

int64_t
grid_picture(const struct grid *g, int64_t t)
{
	return rescale_near(t, g->rate.num, g->rate.den * CLK_90K);
}

int64_t
grid_time(const struct grid *g, int64_t k)
{
	return rescale_down(k, g->rate.den * CLK_90K, g->rate.num);
}

int64_t
grid_segment(const struct grid *g, int64_t k)
{
	return rescale_down(k, 1, g->pictures);
}

bool
grid_starts(const struct grid *g, int64_t k)
{
	return k % g->pictures == 0;
}
