/* Where parts of a segment end, and when their samples are decoded and shown. */
#include <stdlib.h>

#include "lib/base/clk.h"
#include "package/lowpart.h"

/* ---- their ends */

/* The end of a part in ticks of 90 kHz after the segment's beginning. */
static int64_t
boundary(const struct pack *p, unsigned n)
{
	int64_t step = grid_time(&p->cutter.grid, p->cutter.grid.pictures);
	int64_t pictures = rescale_near(p->pres.chunk, p->cutter.grid.pictures, step);

	return grid_time(&p->cutter.grid, pictures * n);
}

/*
 * The duration of a picture: by the rate of the grid, or that which the stream says, if
 * pictures come like that; else as it was before.
 */
static int64_t
picture(const struct pack *p, const struct track *t, const struct sample *s)
{
	const struct config *c = track_config(t, s->config);
	struct rational rate[2] = { p->cutter.grid.rate, { 0, 1 } };

	if (c != NULL)
		rate[1] = c->video.frame_rate;
	for (unsigned i = 0; i < 2; i++) {
		int64_t step = rate[i].num > 0 && rate[i].den > 0 ?
		    rescale_near(CLK_90K, rate[i].den, rate[i].num) : 0;

		if (llabs(step - t->step) * 16 <= step)
			return step;
	}
	return t->low->picture > 0 ? t->low->picture : t->step > 0 ? t->step : CLK_90K / 25;
}

static int64_t
frame_90k(const struct track *t, const struct sample *s)
{
	int64_t ticks = rescale_near(s->frames, CLK_90K, track_timescale(t, s->config));

	return ticks > 0 ? ticks : 1;
}

/* Are frames so long that parts of equal time would differ too much? */
static unsigned
frames_in_part(const struct pack *p, int64_t frame)
{
	int64_t most = (p->pres.chunk + frame - 1) / frame, least = p->pres.chunk / frame;

	return least * 100 < most * 85 ? (unsigned)most : 0;
}

struct reach
low_reach(const struct pack *p, const struct track *t, const struct sample *s,
    const struct cut *cut)
{
	const struct track *guide = p->cutter.guide;
	struct reach r = { .end = 0 };
	int64_t step;

	cutter_time(&p->cutter, cut->base, s->pts, &r.end);
	if (t->kind == KIND_AUDIO) {
		step = frame_90k(t, s);
		r.end += step;
		r.slack = r.cut_slack = step - 1;
	} else {
		step = picture(p, t, s);
		cutter_time(&p->cutter, cut->base, s->dts, &r.end);
		r.end += step + t->delay;
		r.slack = r.cut_slack = step / 2;
		if (guide != NULL && guide->step > 0 && guide->step < step)
			r.cut_slack = guide->step / 2;	/* as cutter_after() */
	}
	return r;
}

/* Does a part end with the n-th sample of the queue? */
bool
low_ends_part(const struct pack *p, const struct track *t, const struct cut *cut, size_t n,
    struct reach r)
{
	const struct low *l = t->low;
	int64_t from = cut->t;

	if (t->kind == KIND_AUDIO) {
		unsigned frames = frames_in_part(p, frame_90k(t, &t->sample[n]));

		if (frames > 0)
			return n + 1 >= frames;
	} else if (!l->begun) {
		cutter_time(&p->cutter, cut->base, t->sample[0].dts, &from);
		from += t->delay;
	}
	return r.end + r.slack >= (l->begun ? l->from : from) + boundary(p, l->boundary + 1);
}

void
low_pass_boundaries(const struct pack *p, const struct track *t, struct reach r)
{
	struct low *l = t->low;

	do
		l->boundary++;
	while (r.end + r.slack >= l->from + boundary(p, l->boundary + 1));
}

/* ---- holes: what is missing between two samples */

int64_t
low_decoded(const struct track *t, const struct sample *s, int64_t offset)
{
	return t->kind == KIND_VIDEO ? s->dts + offset :
	    rescale_near(s->pts + offset, track_timescale(t, s->config), CLK_90K);
}

int64_t
low_lasts(const struct pack *p, const struct track *t, const struct sample *s)
{
	return t->kind == KIND_VIDEO ? picture(p, t, s) : s->frames;
}

int64_t
low_part_max(const struct pack *p, const struct track *t)
{
	const struct sample *s = t->sample;

	return t->kind == KIND_VIDEO ? p->pres.chunk :
	    pres_part_frames(&p->pres, s->frames, track_timescale(t, s->config)) * s->frames;
}

bool
low_is_too_long(const struct pack *p, const struct track *t, size_t n, int64_t offset)
{
	const struct sample *s = &t->sample[n];
	int64_t start = t->low->begun ? t->low->time : low_decoded(t, t->sample, offset);
	int64_t max = t->low->begun ? t->low->max : low_part_max(p, t);

	return n > 0 && low_decoded(t, s, offset) + low_lasts(p, t, s) / 2 > start + max;
}

int64_t
low_hole(const struct pack *p, const struct track *t, int64_t offset)
{
	const struct sample *s = t->sample;
	int64_t step = low_lasts(p, t, s), hole = low_decoded(t, s, offset) - t->low->time;

	if (!t->low->begun || hole <= step / 2 || (t->kind == KIND_VIDEO &&
	    hole + step / 2 <= t->low->max))
		return 0;
	return hole;
}

int64_t
low_missing_end(const struct pack *p, const struct track *t, const struct segment *seg,
    const struct cut *next, const struct sample *last, int64_t offset)
{
	int64_t end, step = low_lasts(p, t, last), slack = step / 2;

	if (next == NULL || (next->discontinuity && !next->missing))
		return 0;
	end = seg->expect > 0 && seg->expect < next->t ? seg->expect : next->t;
	if (t->kind == KIND_VIDEO) {
		end -= t->delay;
	} else {			/* a frame that ends after it is not of this one */
		end = rescale_near(end, track_timescale(t, last->config), CLK_90K);
		slack += step;
	}
	return end - low_decoded(t, last, offset) - step > slack ? end : 0;
}

/* ---- samples with their times */

/*
 * Each part begins where the one before it ended.  A picture that comes later or
 * earlier than that is decoded then, and is shown at its own time; one before a hole
 * lasts until then, as far as the part may.
 */
void
low_time_video(struct pack *p, struct track *t, size_t n, int64_t offset, int64_t until)
{
	struct low *l = t->low;
	int64_t limit = l->time + l->max - (int64_t)n;

	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &t->sample[i];
		int64_t end = s->dts + offset + picture(p, t, s);

		if (i + 1 < n)
			end = s[1].dts + offset;
		else if (until != 0)
			end = until;
		if (end > ++limit)		/* with a tick for each that follows */
			end = limit;
		if (end <= l->time)
			end = l->time + 1;
		p->scratch[i] = (struct mp4_sample){
			.len = s->len, .sync = s->sync,
			.cts = (int32_t)(s->pts + offset - l->time),
			.duration = (uint32_t)(end - l->time),
		};
		l->time = end;
	}
}

void
low_time_audio(struct pack *p, struct track *t, size_t n, int64_t offset)
{
	struct low *l = t->low;

	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &t->sample[i];
		int64_t at = low_decoded(t, s, offset);

		if (i > 0 && at - l->time > s->frames / 2) {	/* something is missing */
			p->scratch[i - 1].duration += (uint32_t)(at - l->time);
			l->time = at;
		}
		p->scratch[i] = (struct mp4_sample){
			.len = s->len, .sync = true, .duration = s->frames,
		};
		l->time += s->frames;
	}
}
