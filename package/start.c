/* Where the first segment may begin, and on which grid. */
#include <stdlib.h>

#include "lib/base/clk.h"
#include "package/cutter.h"

#define START_WAIT	(5 * CLK_90K)	/* for tracks that do not come, live */
#define FILE_WAIT	(15 * CLK_90K)	/* and not live */
/* Where media time begins when it has no epoch: dts must not be negative. */
#define NOT_LIVE_ORIGIN	(10 * CLK_90K)

/* The longest distance of random access points, in pictures; 0: not known. */
static int64_t
sync_distance(const struct cutter *c, const struct track *t, bool *aligned)
{
	int64_t last = -1, distance = 0, at;

	*aligned = true;
	for (size_t i = 0; i < t->n; i++) {
		int64_t k;

		if (!t->sample[i].sync || !cutter_time(c, t->sample[i].base,
		    t->sample[i].pts, &at))
			continue;
		k = grid_picture(&c->grid, at - c->origin);
		if (last >= 0 && k - last > distance)
			distance = k - last;
		*aligned = *aligned && grid_starts(&c->grid, k);
		last = k;
	}
	return distance;
}

/* Do the boundaries that the stream marks make up our grid? */
static bool
grid_is_marked(const struct cutter *c, const struct track *t)
{
	int64_t last = -1, at;

	for (size_t i = 0; i < t->n; i++) {
		int64_t k;

		if (!t->sample[i].on_grid || !cutter_time(c, t->sample[i].base,
		    t->sample[i].pts, &at))
			continue;
		k = grid_picture(&c->grid, at - c->origin);
		if (grid_starts(&c->grid, k))
			return true;
		/* The first one may be where the stream begins. */
		if (last >= 0 && k > last && c->grid.pictures % (k - last) == 0 &&
		    k % (k - last) == 0)
			return true;
		last = k;
	}
	return false;
}

static void
set_clock(struct cutter *c, const struct sample *s)
{
	if (s->ebp_ns > 0)
		c->clock = CUT_EBP;
	else if (c->said != CUT_UNKNOWN)
		c->clock = c->said;
	else if (s->boundary || c->regular_file)
		c->clock = CUT_NOT_LIVE;
	else
		c->clock = CUT_ARRIVAL;
}

/*
 * May we begin?  All tracks must be there, or one have waited for long, and
 * the guide must have shown how far apart its random access points are.
 */
static bool
may_begin(const struct cutter *c, bool eof)
{
	bool all = c->ntrack > 0, late = eof;
	int64_t wait = c->regular_file || c->said == CUT_NOT_LIVE ? FILE_WAIT : START_WAIT;
	const struct track *g = c->guide;
	size_t i;

	for (unsigned n = 0; n < c->ntrack; n++) {
		const struct track *t = c->track[n];

		all = all && track_ready(t);
		late = late || (t->n > 0 &&
		    llabs(t->last_dts - t->sample[0].dts) > wait);
	}
	if (g == NULL || !track_ready(g) || !(all || late))
		return false;
	if (eof || g->kind != KIND_VIDEO)
		return true;
	i = track_first_sync(g, 0);
	return track_first_sync(g, i + 1) < g->n || g->last_dts - g->sample[i].dts >
	    rescale_near(c->segment_ns, 3 * CLK_90K, CLK_SECOND) + 2 * START_WAIT;
}

static void
begin(struct cutter *c)
{
	const struct track *g = c->guide;
	const struct sample *s = &g->sample[track_first_sync(g, 0)];
	int64_t distance, g0;
	bool aligned;

	c->number = -1;
	set_clock(c, s);
	c->origin = c->clock == CUT_NOT_LIVE ? NOT_LIVE_ORIGIN : 0;
	c->grid = grid_make(track_rate(g, g->version), c->segment_ns);
	c->home = c->guide;
	if (c->clock == CUT_NOT_LIVE)
		c->guide = guide_leader(c);
	cutter_base(c, c->guide == c->home ? s : &c->guide->sample[0]);
	distance = sync_distance(c, g, &aligned);
	c->strict = c->clock != CUT_PACKETS && c->clock != CUT_ARRIVAL &&
	    grid_is_marked(c, g);
	g0 = c->grid.pictures;
	if (!c->strict && c->kept.pictures >= g0 && c->kept.pictures % g0 == 0 &&
	    c->kept.rate.num == c->grid.rate.num && c->kept.rate.den == c->grid.rate.den) {
		c->grid.pictures = c->kept.pictures;
	} else if (!c->strict && distance > g0 && g->kind == KIND_VIDEO) {
		c->grid.pictures = (distance + g0 - 1) / g0 * g0;
		c->widened = true;
	}
	g0 = c->grid.pictures;
	if (!c->strict && distance > 0 && !(aligned && g0 % distance == 0))
		g0 = (g0 + distance - 1) / distance * distance;
	c->longest = grid_time(&c->grid, g0);
	c->seen = 0;
	c->left_home = INT64_MIN;
	c->slot = c->promised = INT64_MIN;
	c->shift = c->clock == CUT_NOT_LIVE;	/* numbers from 1 */
	c->running = true;
	c->force = false;
}

void
cutter_start(struct cutter *c, bool eof)
{
	c->guide = guide_choose(c);
	if (may_begin(c, eof))
		begin(c);
}
