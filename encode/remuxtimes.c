/* When the samples of a piece are decoded and shown: one timeline over all jumps. */
#include <errno.h>
#include <stdlib.h>

#include "encode/remux.h"
#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "lib/media/times.h"

/* The first sample of a base from i on, or n. */
static size_t
find_base(const struct remux_track *w, uint32_t base)
{
	size_t i = 0;

	while (i < w->track.n && w->track.sample[i].base < base)
		i++;
	return i < w->track.n && w->track.sample[i].base == base ? i : w->track.n;
}

/* The track whose first picture in a base says where that begins. */
static const struct remux_track *
guide_of(const struct remux *m, uint32_t base)
{
	const struct remux_track *best = NULL;

	for (unsigned i = 0; i < m->ntrack; i++) {
		const struct remux_track *w = m->track[i];

		if (find_base(w, base) < w->track.n && (best == NULL ||
		    (best->track.kind != KIND_VIDEO && w->track.kind == KIND_VIDEO)))
			best = w;
	}
	return best;
}

static bool
next_base(const struct remux *m, uint32_t from, uint32_t *base)
{
	bool some = false;

	for (unsigned i = 0; i < m->ntrack; i++) {
		const struct track *t = &m->track[i]->track;

		for (size_t k = 0; k < t->n; k++)
			if (t->sample[k].base >= from && (!some || t->sample[k].base < *base)) {
				*base = t->sample[k].base;
				some = true;
			}
	}
	return some;
}

/* The first that is shown, of all tracks, where nothing says what the beginning is. */
static int64_t
earliest(const struct remux *m, uint32_t base)
{
	int64_t first = INT64_MAX;

	for (unsigned i = 0; i < m->ntrack; i++) {
		const struct track *t = &m->track[i]->track;

		for (size_t k = find_base(m->track[i], base); k < t->n &&
		    t->sample[k].base == base; k++)
			if (t->sample[k].pts < first)
				first = t->sample[k].pts;
	}
	return first;
}

/* Where the guide of a base ends: the next one goes on from there. */
static int64_t
end_of(const struct remux_track *w, uint32_t base)
{
	const struct track *t = &w->track;
	int64_t step = t->step > 0 ? t->step : CLK_90K / 25, end = INT64_MIN;

	for (size_t i = find_base(w, base); i < t->n && t->sample[i].base == base; i++)
		if (t->sample[i].pts + step > end)
			end = t->sample[i].pts + step;
	return end;
}

static void
tie_bases(struct remux *m)
{
	const struct remux_track *guide = NULL;
	uint32_t id = 0;
	int64_t at = m->config.t;

	while (m->nbase < REMUX_BASES && next_base(m, id, &id)) {
		struct remux_base *b = &m->base[m->nbase];
		int64_t first;

		b->id = id;
		if (guide != NULL) {	/* that of the base before, as at is */
			at = end_of(guide, b[-1].id) + b[-1].offset;
			guide = guide_of(m, id);
			first = guide->track.sample[find_base(guide, id)].pts;
		} else {
			guide = guide_of(m, id);
			first = m->has_origin && m->origin_base == id ? m->origin :
			    earliest(m, id);
		}
		b->offset = at - first;
		m->nbase++;
		id++;
	}
}

int64_t
remux_time(const struct remux *m, uint32_t base, int64_t pts)
{
	unsigned i = m->nbase;

	while (i > 1 && m->base[i - 1].id > base)
		i--;
	return i > 0 ? pts + m->base[i - 1].offset : pts;
}

/* ---- tables */

/* Frames at another rate than the first have theirs in its ticks. */
static void
scale_frames(struct remux_track *w, uint32_t rate)
{
	for (size_t i = 0; i < w->track.n; i++) {
		struct sample *s = &w->track.sample[i];
		uint32_t own = w->config[s->config].audio.rate;

		if (own != rate && own > 0)
			s->frames = (uint32_t)rescale_near(s->frames, rate, own);
	}
}

/* The last sample before a jump is shown until what comes behind it. */
static void
stretch(struct mp4_sample *last, int64_t by)
{
	int64_t d = (int64_t)last->duration + by;

	last->duration = d < 1 ? 1 : d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
}

static int
make_track(struct remux *m, struct remux_track *w)
{
	size_t n = w->track.n, to;
	bool video = w->track.kind == KIND_VIDEO;
	uint32_t rate = video ? CLK_90K : w->config[0].audio.rate;
	int64_t end = 0;

	if ((w->sample = calloc(n, sizeof(*w->sample))) == NULL)
		return -ENOMEM;
	if (!video)
		scale_frames(w, rate);
	for (size_t i = 0; i < n; i = to) {
		struct track run = w->track;
		const struct sample *next = NULL;
		uint32_t base = run.sample[i].base;
		int64_t start, offset = remux_time(m, base, 0);

		for (to = i + 1; to < n && w->track.sample[to].base == base; to++)
			;
		if (to == n && w->has_next && w->next.base == base)
			next = &w->next;
		run.sample += i;
		if (video) {
			times_video(&run, to - i, next, offset, true, w->sample + i, &start);
			start -= run.delay;
		} else {
			times_audio(&run, to - i, next, offset, rate, w->sample + i, &start);
			run.delay = 0;
		}
		if (i == 0) {
			w->start = start;
			w->delay = run.delay;
		} else {
			stretch(&w->sample[i - 1], start - end);
		}
		end = start;
		for (size_t k = i; k < to; k++)
			end += w->sample[k].duration;
	}
	if (m->config.not_before_0 && w->start < 0) {
		int64_t by = times_in_haste(w->sample, n, w->delay);

		w->start += by;
		w->delay -= by;
	}
	return 0;
}

int
remux_tables(struct remux *m)
{
	int r = 0;

	tie_bases(m);
	for (unsigned i = 0; i < m->ntrack && r == 0; i++)
		if (m->track[i]->track.n > 0 && m->track[i]->nconfig > 0)
			r = make_track(m, m->track[i]);
	return r;
}
