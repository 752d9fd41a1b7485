/* Where parts of a segment end, and when their samples are decoded and shown. */
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

/* The duration of a picture as the stream says, else as it was last. */
static int64_t
picture(const struct track *t, const struct sample *s, const struct low *l)
{
	struct rational r = track_rate(t, s->config);
	int64_t last = s > t->sample ? s[-1].dts : l->begun ? l->last_dts : s->dts;

	if (r.num > 0 && r.den > 0)
		return rescale_near(CLK_90K, r.den, r.num);
	return s->dts > last ? s->dts - last : t->step > 0 ? t->step : CLK_90K / 25;
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
	struct reach r = { 0, 0 };
	int64_t step;

	cutter_time(&p->cutter, cut->base, s->pts, &r.end);
	if (t->kind == KIND_AUDIO) {
		step = frame_90k(t, s);
		r.end += step;
		r.slack = step - 1;
	} else {
		step = picture(t, s, t->low);
		cutter_time(&p->cutter, cut->base, s->dts, &r.end);
		r.end += step + t->delay;
		r.slack = step / 2;
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
	} else {
		cutter_time(&p->cutter, cut->base, t->sample[0].dts, &from);
		from = (l->begun ? l->start : from) + t->delay;
	}
	return r.end + r.slack >= from + boundary(p, l->boundary + 1);
}

void
low_pass_boundaries(const struct pack *p, const struct track *t, const struct cut *cut,
    struct reach r)
{
	int64_t from = t->kind == KIND_AUDIO ? cut->t : t->low->start + t->delay;

	do
		t->low->boundary++;
	while (r.end + r.slack >= from + boundary(p, t->low->boundary + 1));
}

/* ---- samples with their times */

/*
 * Each part begins where the one before it ended.  A picture that comes later or
 * earlier than that is decoded then, and is shown at its own time.
 */
void
low_time_video(struct pack *p, struct track *t, size_t n, int64_t offset)
{
	struct low *l = t->low;

	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &t->sample[i];
		int64_t end = s->dts + offset + picture(t, s, l);

		if (i + 1 < n)
			end = s[1].dts + offset;
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
low_time_audio(struct pack *p, struct track *t, size_t n, int64_t offset, uint32_t rate,
    int64_t *start)
{
	struct low *l = t->low;

	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &t->sample[i];
		int64_t at = rescale_near(s->pts + offset, rate, CLK_90K);

		if (at - l->time > s->frames / 2) {	/* something is missing */
			if (i > 0)
				p->scratch[i - 1].duration += (uint32_t)(at - l->time);
			else
				*start = at;
			l->time = at;
		}
		p->scratch[i] = (struct mp4_sample){
			.len = s->len, .sync = true, .duration = s->frames,
		};
		l->time += s->frames;
	}
}
