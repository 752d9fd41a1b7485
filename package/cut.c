#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "package/cut.h"

#define HOLE		(CLK_90K / 2)	/* that much missing is a break */
#define FAR_BACK	(60 * CLK_90K)
#define GUIDE_LOST	(5 * CLK_90K)
#define START_WAIT	(5 * CLK_90K)	/* for tracks that do not come, live */
#define FILE_WAIT	(15 * CLK_90K)	/* and not live */
#define LEAD		(3 * CLK_90K)	/* that much sound before the picture is kept */
/* Where media time begins when it has no epoch: dts must not be negative. */
#define NOT_LIVE_ORIGIN	(10 * CLK_90K)

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
	if (cut->start && t->kind == KIND_AUDIO)
		at += rescale_down(s->frames, CLK_90K, track_timescale(t, s->config)) - 1;
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

/* What ties the first sample of a base to media time. */
static void
make_base(struct cutter *c, const struct sample *s)
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

/* ---- the start */

static struct track *
choose_guide(const struct cutter *c)
{
	struct track *best = NULL;
	int64_t size, best_size = -1;

	for (unsigned i = 0; i < c->ntrack; i++) {
		struct track *t = c->track[i];
		const struct config *f = track_config(t, t->version);

		if (f == NULL || t->n == 0)
			continue;
		size = t->kind == KIND_VIDEO ? (int64_t)f->video.width * f->video.height : 0;
		if (size > best_size) {
			best = t;
			best_size = size;
		}
	}
	return best;
}

static size_t
first_sync(const struct track *t, size_t from)
{
	while (from < t->n && !t->sample[from].sync)
		from++;
	return from;
}

static bool
is_ready(const struct track *t)
{
	return t->version != 0 && first_sync(t, 0) < t->n;
}

/* A track that begins long before the first random access point of the guide. */
static struct track *
leader(const struct cutter *c)
{
	struct sample *s = &c->guide->sample[first_sync(c->guide, 0)];
	struct track *best = c->guide;
	int64_t from = s->pts - LEAD;

	for (unsigned i = 0; i < c->ntrack; i++) {
		struct track *t = c->track[i];

		if (is_ready(t) && t->kind == KIND_AUDIO && t->sample[0].base == s->base &&
		    t->sample[0].pts <= from) {
			best = t;
			from = t->sample[0].pts - 1;
		}
	}
	return best;
}

static int
compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Rates that exist, to which a measured one is drawn. */
static const struct rational rates[] = {
	{ 24000, 1001 }, { 24, 1 }, { 25, 1 }, { 30000, 1001 }, { 30, 1 }, { 50, 1 },
	{ 60000, 1001 }, { 60, 1 }, { 100, 1 }, { 120000, 1001 }, { 120, 1 },
	{ 25, 2 }, { 15, 1 }, { 15000, 1001 }, { 12, 1 }, { 12000, 1001 }, { 10, 1 },
	{ 20, 1 }, { 48, 1 }, { 48000, 1001 }, { 5, 1 }, { 40, 1 }, { 72, 1 }, { 90, 1 },
};

/* Is span, of n pictures, within 1/2000 of what the rate makes it? */
static bool
rate_fits(struct rational r, int64_t span, int64_t n)
{
	int64_t due = rescale_near(n, CLK_90K * r.den, r.num);

	return llabs(span - due) * 2000 <= due || llabs(span - due) <= 2;
}

/* Pictures a second, from the median distance of the times. */
static struct rational
measure_rate(const struct track *t)
{
	int64_t *time = malloc(t->n * sizeof(*time)), span, n = 0, step;
	struct rational r = { 25, 1 };

	if (time == NULL)
		return r;
	for (size_t i = 0; i < t->n && t->sample[i].base == t->sample[0].base; i++)
		time[n++] = t->sample[i].pts;
	if (n < 3) {
		free(time);
		return r;
	}
	qsort(time, (size_t)n, sizeof(*time), compare_times);
	for (int64_t i = 0; i + 1 < n; i++)
		time[i] = time[i + 1] - time[i];
	qsort(time, (size_t)n - 1, sizeof(*time), compare_times);
	step = time[(n - 1) / 2];
	/* The mean of the steps near the median. */
	span = 0;
	int64_t count = 0;

	for (int64_t i = 0; i + 1 < n; i++)
		if (llabs(time[i] - step) * 4 <= step) {
			span += time[i];
			count++;
		}
	free(time);
	if (count == 0 || span <= 0)
		return r;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (rate_fits(rates[i], span, count))
			return rates[i];
	return rational_reduce(CLK_90K * count, span);
}

static struct rational
guide_rate(const struct track *t)
{
	const struct config *c = track_config(t, t->version);
	struct rational said, measured;

	if (t->kind == KIND_AUDIO)
		return rational_reduce(c->audio.rate,
		    c->audio.frame_samples != 0 ? c->audio.frame_samples : 960);
	said = c->video.frame_rate;
	measured = measure_rate(t);
	if (said.num <= 0 || said.den <= 0 || t->n < 8)
		return said.num > 0 && said.den > 0 ? said : measured;
	/* What the stream says is exact, when it is true. */
	if (rate_fits(said, rescale_near(10000, CLK_90K * measured.den, measured.num),
	    10000))
		return said;
	return measured;
}

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

		if (!t->sample[i].boundary || !cutter_time(c, t->sample[i].base,
		    t->sample[i].pts, &at))
			continue;
		k = grid_picture(&c->grid, at - c->origin);
		if (last >= 0)
			return k > last && c->grid.pictures % (k - last) == 0 &&
			    k % (k - last) == 0;
		last = k;
		if (grid_starts(&c->grid, k))
			return true;
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

		all = all && is_ready(t);
		late = late || (t->n > 0 &&
		    llabs(t->last_dts - t->sample[0].dts) > wait);
	}
	if (g == NULL || !is_ready(g) || !(all || late))
		return false;
	if (eof || g->kind != KIND_VIDEO)
		return true;
	i = first_sync(g, 0);
	return first_sync(g, i + 1) < g->n || g->last_dts - g->sample[i].dts >
	    rescale_near(c->segment_ns, 3 * CLK_90K, CLK_SECOND) + 2 * START_WAIT;
}

static void
begin(struct cutter *c)
{
	const struct track *g = c->guide;
	const struct sample *s = &g->sample[first_sync(g, 0)];
	int64_t distance, g0;
	bool aligned;

	c->number = -1;
	set_clock(c, s);
	c->origin = c->clock == CUT_NOT_LIVE ? NOT_LIVE_ORIGIN : 0;
	c->grid = grid_make(guide_rate(g), c->segment_ns);
	c->home = c->guide;
	if (c->clock == CUT_NOT_LIVE)
		c->guide = leader(c);
	make_base(c, c->guide == c->home ? s : &c->guide->sample[0]);
	distance = sync_distance(c, g, &aligned);
	c->strict = c->clock != CUT_PACKETS && c->clock != CUT_ARRIVAL &&
	    grid_is_marked(c, g);
	g0 = c->grid.pictures;
	if (!c->strict && distance > g0 && g->kind == KIND_VIDEO) {
		c->grid.pictures = (distance + g0 - 1) / g0 * g0;
		c->widened = true;
	}
	g0 = c->grid.pictures;
	if (!c->strict && distance > 0 && !(aligned && g0 % distance == 0))
		g0 = (g0 + distance - 1) / distance * distance;
	c->longest = grid_time(&c->grid, g0);
	c->seen = 0;
	c->left_home = INT64_MIN;
	c->slot = INT64_MIN;
	c->shift = c->clock == CUT_NOT_LIVE;	/* numbers from 1 */
	c->running = true;
	c->force = false;
}

/* ---- cuts */

static int
cut_at(struct cutter *c, const struct sample *s, int64_t t, int64_t slot, bool hole)
{
	bool first = c->number < 0;
	int64_t last = first ? c->last_number : c->number;
	struct cut cut = {
		.t = t, .base = s->base, .discontinuity = hole,
		.start = first ? c->clock == CUT_NOT_LIVE : hole,
	};

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
	cut.utc_ns = date_of(c, s, t);
	c->force = false;
	c->hole = false;
	return add_cut(c, &cut);
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
	bool known, missing, due;
	uint32_t last_base;

	known = cutter_time(c, s->base, s->pts, &t);
	if (!known) {
		if (!s->sync)
			return 0;
		make_base(c, s);
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
	missing = s->base == last_base && s->dts - s->pts + t > c->guide_end + HOLE;
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
	due = slot > c->slot && (c->strict || s->sync);
	return due ? cut_at(c, s, t, slot, false) : 0;
}

/* Up to where a track has come, t; INT64_MIN when nobody knows. */
static int64_t
reach(const struct cutter *c, const struct track *t)
{
	int64_t at;

	if (t->last_dts == PES_NO_TIME || !cutter_time(c, t->base, t->last_dts, &at))
		return INT64_MIN;
	return at;
}

static void
change_guide(struct cutter *c, struct track *t, size_t seen)
{
	c->guide = t;
	c->seen = seen;
	c->hole = true;
}

/* The first sample that is not before a time; sync: and a random access point. */
static size_t
find_after(const struct cutter *c, const struct track *t, int64_t from, bool sync)
{
	int64_t at;
	size_t i = 0;

	while (i < t->n && ((sync && !t->sample[i].sync) || !cutter_time(c,
	    t->sample[i].base, t->sample[i].pts, &at) || at < from))
		i++;
	return i;
}

/* Pictures where there was only sound: from now on they decide. */
static void
adopt(struct cutter *c)
{
	for (unsigned i = 0; i < c->ntrack && c->home->kind != KIND_VIDEO; i++)
		if (c->track[i]->kind == KIND_VIDEO && is_ready(c->track[i])) {
			c->home = c->track[i];
			c->grid = grid_make(guide_rate(c->home), c->segment_ns);
			c->longest = grid_time(&c->grid, c->grid.pictures);
			c->strict = false;
			c->left_home = c->slot = INT64_MIN;
		}
}

/* Home is (back) there, before what comes next from the one in its place. */
static bool
go_home(struct cutter *c)
{
	const struct sample *s = &c->guide->sample[c->seen];
	int64_t now, at, from = c->left_home;
	size_t i;

	if (c->n > 0 && c->cut[c->n - 1].t >= from)
		from = c->cut[c->n - 1].t + 1;

	if (c->guide == c->home || !cutter_time(c, s->base, s->pts, &now))
		return false;
	i = find_after(c, c->home, from, true);
	if (i == c->home->n || !cutter_time(c, c->home->sample[i].base,
	    c->home->sample[i].pts, &at) || at > now)
		return false;
	change_guide(c, c->home, i);
	return true;
}

/*
 * When nothing comes from the guide any more, another track takes its place until
 * it is back: radio goes on without the camera.
 */
static void
keep_guide(struct cutter *c, bool eof)
{
	int64_t now = INT64_MIN, at, last = c->n > 0 ? c->cut[c->n - 1].t : INT64_MAX;
	struct track *best = NULL;

	if (c->ntrack < 2)
		return;
	for (unsigned i = 0; i < c->ntrack; i++)
		if ((at = reach(c, c->track[i])) > now)
			now = at;
	if (now == INT64_MIN)
		return;
	at = reach(c, c->guide);
	eof = eof && now - c->longest > last;	/* else it belongs to the last segment */
	if (at == INT64_MIN || at > now - (eof ? HOLE : GUIDE_LOST))
		return;			/* INT64_MIN: a new base */
	for (unsigned i = 0; i < c->ntrack; i++)
		if (c->track[i]->n > 0 && reach(c, c->track[i]) > now - CLK_90K &&
		    (best == NULL || (best->kind != KIND_VIDEO &&
		    c->track[i]->kind == KIND_VIDEO)))
			best = c->track[i];
	if (best != NULL && best != c->guide) {
		/* A picture may be decoded before a hole and be shown after it. */
		c->left_home = c->shown_end < now ? c->shown_end : c->guide_end;
		change_guide(c, best, find_after(c, best, c->left_home, false));
	}
}

int
cutter_run(struct cutter *c, bool eof)
{
	int r = 0;

	if (!c->running) {
		c->guide = choose_guide(c);
		if (!may_begin(c, eof))
			return 0;
		begin(c);
	}
	if (c->hold)
		return 0;
	adopt(c);
	keep_guide(c, eof);
	while (r == 0 && c->seen < c->guide->n)
		if (!go_home(c))
			r = look_at(c, &c->guide->sample[c->seen++]);
	return r;
}
