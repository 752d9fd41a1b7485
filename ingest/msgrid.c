#include "ingest/msgrid.h"

#define COARSE		(2 * 90)	/* as far from the grid as ms may be */
#define COARSE_AUDIO	(30 * 90)

/* How far t is from the nearest picture. */
static int64_t
off_grid(const struct msgrid *g, struct rational rate, int64_t t)
{
	int64_t n = rescale_near(t - g->anchor, rate.num, 90000 * rate.den);

	return t - g->anchor - rescale_near(n, 90000 * rate.den, rate.num);
}

void
msgrid_picture(struct msgrid *g, struct rational rate, int64_t *pts, int64_t *dts)
{
	int64_t off;

	if (rate.num <= 0)
		return;
	if (!g->anchored) {
		g->anchored = true;
		g->anchor = *pts;
	}
	off = off_grid(g, rate, *pts);
	if (off > COARSE || off < -COARSE) {
		g->anchor = *pts;
		off = 0;
	}
	*pts -= off;
	off = off_grid(g, rate, *dts);
	if (off <= COARSE && off >= -COARSE)
		*dts -= off;
}

int64_t
msgrid_samples(struct msgrid *g, uint32_t rate, uint32_t samples, int64_t pts)
{
	int64_t t;

	if (samples == 0 || rate == 0)
		return pts;
	t = g->anchor + rescale_near(g->samples, 90000, rate);
	if (!g->anchored || pts - t > COARSE_AUDIO || pts - t < -COARSE_AUDIO) {
		g->anchored = true;
		g->anchor = t = pts;
		g->samples = 0;
	}
	g->samples += samples;
	return t;
}
