#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "package/cues.h"
#include "package/cutter.h"

#define FAR_BACK	(60 * CLK_90K)

bool
cutter_time(const struct cutter *c, uint32_t base, int64_t pts, int64_t *t)
{
	unsigned i = base % CUTTER_BASES;

	if (!c->base[i].known || c->base[i].id != base)
		return false;
	*t = pts + c->base[i].offset;
	return true;
}

const struct cut *
cutter_cut(const struct cutter *c, size_t index)
{
	if (index < c->first || index - c->first >= c->n)
		return NULL;
	return &c->cut[index - c->first];
}

void
cutter_forget(struct cutter *c, size_t index)
{
	size_t n = index - c->first;

	if (index <= c->first || n > c->n)
		return;
	c->n -= n;
	c->first = index;
	memmove(c->cut, c->cut + n, c->n * sizeof(*c->cut));
}

void
cutter_moved(struct cutter *c, const struct track *t, size_t n)
{
	if (t == c->guide)
		c->seen = c->seen > n ? c->seen - n : 0;
}

void
cutter_break(struct cutter *c)
{
	c->force = c->running;
}

void
cutter_switch(struct cutter *c)
{
	c->force = c->switched = c->running;
}

int64_t
cutter_horizon(const struct cutter *c)
{
	int64_t t;

	if (c->guide == NULL || c->guide->last_dts == PES_NO_TIME ||
	    !cutter_time(c, c->guide->base, c->guide->last_dts, &t))
		return INT64_MIN;
	return t;
}

bool
cutter_after(const struct cutter *c, const struct track *t, const struct sample *s,
    const struct cut *cut)
{
	int64_t at;

	if (s->base != cut->base)
		return s->base > cut->base;
	if (!cutter_time(c, s->base, s->pts, &at))
		return false;
	if (t->kind == KIND_AUDIO && s->frames > 0)	/* with a picture there is its sound */
		at += rescale_down(s->frames, CLK_90K, track_timescale(t, s->config)) - 1;
	/* Of a track of another frame rate the picture nearest to the guide's is the one. */
	if (t->kind == KIND_VIDEO && s->sync && t != c->guide && c->guide != NULL)
		at += c->guide->step > 0 ? c->guide->step / 2 + 1 : 0;
	if (at < cut->t)
		return false;
	return !cut->discontinuity || s->sync || t->kind != KIND_VIDEO;
}

static int
add_cut(struct cutter *c, const struct cut *cut)
{
	if (c->n == c->cap) {
		size_t cap = c->cap * 2 + 16;
		struct cut *p = realloc(c->cut, cap * sizeof(*p));

		if (p == NULL)
			return -ENOMEM;
		c->cut = p;
		c->cap = cap;
	}
	c->cut[c->n++] = *cut;
	c->discontinuities += cut->discontinuity;
	return 0;
}

/* ---- media time */

void
cutter_base(struct cutter *c, const struct sample *s)
{
	int64_t offset = 0, first = c->number >= 0 ? c->shown_end : INT64_MIN;
	unsigned i = s->base % CUTTER_BASES;

	switch (c->clock) {
	case CUT_EBP:
		if (s->ebp_ns > 0) {
			int64_t t = rescale_near(s->ebp_ns, CLK_90K, CLK_SECOND);

			offset = rescale_near(t - s->pts, 1, PES_WRAP) * PES_WRAP;
			break;
		}
		/* fall through */
	case CUT_PACKETS:
	case CUT_ARRIVAL:
		if (c->utc_ns > 0) {
			int64_t turns = rescale_near(s->pts - c->pcr, 1, PES_WRAP);
			int64_t pcr = c->pcr + turns * PES_WRAP;

			offset = timeline_offset(pcr, c->utc_ns);
			c->date_t = pcr + offset;
			c->date_ns = c->utc_ns;
		}
		break;
	case CUT_UNKNOWN:
	case CUT_NOT_LIVE:
		offset = (first != INT64_MIN ? first : c->origin) - s->pts;
		break;
	}
	/* Never back in time. */
	if (first != INT64_MIN && s->pts + offset < first)
		offset += (first - s->pts - offset + TIMELINE_ROUND - 1) /
		    TIMELINE_ROUND * TIMELINE_ROUND;
	c->base[i].id = s->base;
	c->base[i].offset = offset;
	c->base[i].known = true;
}

static int64_t
date_of(struct cutter *c, const struct sample *s, int64_t t)
{
	if (c->clock == CUT_NOT_LIVE)
		return 0;
	if (s->ebp_ns > 0) {
		c->date_t = t;
		c->date_ns = s->ebp_ns;
	}
	return c->date_ns + rescale_near(t - c->date_t, CLK_SECOND, CLK_90K);
}

/* ---- cuts */

static int
cut_at(struct cutter *c, const struct sample *s, int64_t t, int64_t slot, bool hole)
{
	bool first = c->number < 0;
	int64_t last = first ? c->last_number : c->number;
	struct cut cut = {
		.t = t, .base = s->base, .discontinuity = hole,
	};

	cut.missing = hole && !c->force && c->clock != CUT_NOT_LIVE && (first ||
	    (c->n > 0 && c->cut[c->n - 1].base == s->base));
	if (first || hole)
		c->shift = c->clock == CUT_NOT_LIVE;
	cut.number = slot + c->shift;
	if (!first && !hole && cut.number > last + 1)
		cut.number = last + 1;		/* a long segment, nothing missing */
	if (first && last >= 0 && c->clock != CUT_NOT_LIVE && !c->regular_file &&
	    (last - cut.number) * c->longest > FAR_BACK)
		cut.number = last + 1;		/* a clock was set, by more than our rounding */
	if (cut.number <= last && !first)
		cut.number = last + 1;
	if (!first && c->clock == CUT_NOT_LIVE)
		cut.number = last + 1;
	c->shift = cut.number - slot;
	c->slot = slot;
	c->number = cut.number;
	c->last_t = t;
	cut.utc_ns = date_of(c, s, t);
	c->force = c->switched = false;
	c->hole = false;
	return add_cut(c, &cut);
}

/* ---- splices */

/* The segment whose place a cut at t takes: that of the nearest grid point. */
static int64_t
nearest_slot(const struct cutter *c, int64_t t)
{
	int64_t half = grid_time(&c->grid, c->grid.pictures) / 2;

	return grid_segment(&c->grid, grid_picture(&c->grid, t - c->origin + half));
}

/*
 * At this random access point, is there a splice that no cut has been made for?  The
 * picture of a splice is the first that begins less than half a picture before it.
 */
static bool
is_spliced(const struct cutter *c, int64_t t, int64_t half)
{
	return c->cues != NULL && cue_next_splice(c->cues, c->last_t + half) <= t + half;
}

/* A splice that is to come takes the place of the cut at the grid point that is due. */
static bool
will_be_spliced(const struct cutter *c, int64_t t, int64_t slot, int64_t half)
{
	int64_t splice;

	if (c->cues == NULL)
		return false;
	splice = cue_next_splice(c->cues, t + half);
	return splice != CUE_NEVER && nearest_slot(c, splice) <= slot;
}

/*
 * Splices close together have made more segments than the grid has, and numbers that are
 * ahead of the clock: a cut of the grid is left out for each, if the segment is not longer
 * than two by that.
 */
static bool
may_catch_up(const struct cutter *c, int64_t t)
{
	return c->clock != CUT_NOT_LIVE && c->shift > 0 &&
	    t - c->last_t <= grid_time(&c->grid, c->grid.pictures);
}

/* Is the first picture of a live stream one that begins a segment for sure? */
static bool
may_be_first(struct cutter *c, const struct sample *s, int64_t k, int64_t slot)
{
	bool known;

	if (!s->sync)
		return false;
	if (c->clock == CUT_NOT_LIVE || grid_starts(&c->grid, k))
		return true;
	if (c->strict)
		return false;
	known = c->slot != INT64_MIN && slot > c->slot;
	c->slot = slot;
	return known;
}

static int
look_at(struct cutter *c, const struct sample *s)
{
	const struct track *g = c->guide;
	int64_t t = 0, end, step, k, slot;
	bool known, missing, due, sworn;
	uint32_t last_base;

	known = cutter_time(c, s->base, s->pts, &t);
	if (!known) {
		if (!s->sync)
			return 0;
		cutter_base(c, s);
		cutter_time(c, s->base, s->pts, &t);
	}
	k = grid_picture(&c->grid, t - c->origin);
	slot = grid_segment(&c->grid, k);
	step = g->step > 0 ? g->step : 0;
	end = s->dts - s->pts + t + step;
	if (c->number < 0) {
		if (!may_be_first(c, s, k, slot))
			return 0;
		c->guide_end = end;
		c->shown_end = t + step;
		return cut_at(c, s, t, slot, c->last_number >= 0);
	}
	last_base = c->n > 0 ? c->cut[c->n - 1].base : s->base;
	missing = !c->switched && s->base == last_base &&
	    s->dts - s->pts + t > c->guide_end + CUT_HOLE;
	if (missing)
		c->hole = true;
	due = s->sync && (slot > c->slot || c->clock == CUT_NOT_LIVE);
	if (c->hole && !due)		/* it is not shown */
		return 0;
	if (end > c->guide_end || s->base != last_base)
		c->guide_end = end;
	end = t + step;
	if (end > c->shown_end || s->base != last_base)
		c->shown_end = end;
	if (c->hole)
		return cut_at(c, s, t, slot, true);
	if (s->base != last_base || c->force)
		return s->sync ? cut_at(c, s, t, slot, true) : 0;
	if (s->sync && is_spliced(c, t, step / 2)) {
		slot = nearest_slot(c, t);
		return cut_at(c, s, t, slot > c->slot ? slot : c->slot, false);
	}
	sworn = slot > c->slot && c->promised > c->slot;
	due = slot > c->slot && (c->strict || s->sync) &&
	    (sworn || !will_be_spliced(c, t, slot, step / 2));
	if (due && !sworn && may_catch_up(c, t)) {
		c->shift--;
		c->slot = slot;
		return 0;
	}
	return due ? cut_at(c, s, t, slot, false) : 0;
}

int64_t
cutter_promise(struct cutter *c, bool promise)
{
	int64_t t, half = c->guide != NULL && c->guide->step > 0 ? c->guide->step / 2 : 0;

	if (!c->strict || c->hole || c->force || c->number < 0)
		return INT64_MAX;
	t = grid_time(&c->grid, (c->slot + 1) * c->grid.pictures) + c->origin;
	if (c->promised <= c->slot && (will_be_spliced(c, t, c->slot + 1, half) ||
	    may_catch_up(c, t) || is_spliced(c, t, half)))
		return INT64_MAX;
	if (promise)
		c->promised = c->slot + 1;
	return t;
}

int64_t
cutter_expect(const struct cutter *c, const struct cut *cut)
{
	int64_t half = grid_time(&c->grid, c->grid.pictures) / 2, t, splice;

	/* The grid point nearest to one segment later. */
	t = grid_segment(&c->grid, grid_picture(&c->grid, cut->t - c->origin + 3 * half));
	t = c->strict ? grid_time(&c->grid, t * c->grid.pictures) + c->origin :
	    cut->t + 2 * half;
	splice = c->cues != NULL ? cue_next_splice(c->cues, cut->t + 2 * CUE_SLACK) :
	    CUE_NEVER;
	return splice < t + half ? splice : t;
}

bool
cutter_settled(const struct cutter *c, const struct track *t, const struct sample *s,
    const struct cut *cut)
{
	struct cut next = { .t = c->shown_end, .base = cut->base };

	if (s->base != cut->base)
		return false;
	if (t == c->guide)
		return (size_t)(s - t->sample) < c->seen;
	return !cutter_after(c, t, s, &next);
}

int
cutter_run(struct cutter *c, bool eof)
{
	int r = 0;

	if (!c->running)
		cutter_start(c, eof);
	if (!c->running || c->hold)
		return 0;
	guide_keep(c, eof);
	while (r == 0 && c->seen < c->guide->n)
		if (!guide_go_home(c))
			r = look_at(c, &c->guide->sample[c->seen++]);
	return r;
}
