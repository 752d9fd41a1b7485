#include <errno.h>
#include <stdlib.h>

#include "lib/base/clk.h"
#include "lib/media/times.h"

/* After a discontinuity it does not matter what was decoded before. */
static int64_t
decoded(const struct sample *s, bool fresh)
{
	return s->dts - (fresh ? s->pushed : 0);
}

/* From the first decoding time to the first picture that is shown. */
static int64_t
first_delay(const struct sample *s, size_t n, bool fresh)
{
	int64_t first = s[0].pts, dts = decoded(s, fresh);

	for (size_t i = 1; i < n; i++)
		if (s[i].pts >= decoded(&s[i], fresh) && s[i].pts < first)
			first = s[i].pts;
	return first > dts ? first - dts : 0;
}

void
times_delay(struct track *t, size_t n, bool fresh)
{
	if (t->has_delay && t->delay_base == t->sample[0].base && !fresh)
		return;
	t->delay = first_delay(t->sample, n, fresh);
	t->delay_base = t->sample[0].base;
	t->has_delay = true;
}

/*
 * Durations and offsets of samples [0, n); next: the one after them, or NULL.
 * start is when the first picture is shown, the delay after it is decoded.
 */
int
times_video(struct track *t, size_t n, const struct sample *next, int64_t offset,
    bool fresh, struct mp4_sample *out, int64_t *start)
{
	const struct sample *s = t->sample;
	int64_t step = n > 1 ? s[n - 1].dts - s[n - 2].dts :
	    t->step > 0 ? t->step : CLK_90K / 25;

	times_delay(t, n, fresh);
	*start = decoded(s, fresh) + t->delay + offset;
	for (size_t i = 0; i < n; i++) {
		const struct sample *after = i + 1 < n ? &s[i + 1] : next;
		int64_t dts = decoded(&s[i], fresh), end = dts + step;

		if (after != NULL)
			end = decoded(after, fresh);
		out[i] = (struct mp4_sample){
			.len = s[i].len, .sync = s[i].sync, .cts = (int32_t)(s[i].pts - dts),
			.duration = end > dts ? (uint32_t)(end - dts) : 0,
		};
	}
	return *start < t->delay ? -ERANGE : 0;	/* nothing is before 0 */
}

int
times_audio(struct track *t, size_t n, const struct sample *next, int64_t offset,
    uint32_t rate, struct mp4_sample *out, int64_t *start)
{
	const struct sample *s = t->sample;
	int64_t due = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		at = rescale_near(s[i].pts + offset, rate, CLK_90K);
		if (i == 0)
			*start = due = at;
		if (llabs(at - due) > s[i].frames / 2) {	/* something is missing */
			int64_t d = (int64_t)out[i - 1].duration + at - due;

			out[i - 1].duration = d > 0 ? (uint32_t)d : 0;
			due = at;
		}
		out[i] = (struct mp4_sample){
			.len = s[i].len, .sync = true, .duration = s[i].frames,
		};
		due += s[i].frames;
	}
	/* Let the next segment begin at its own time, exactly. */
	if (next != NULL) {
		at = rescale_near(next->pts + offset, rate, CLK_90K);
		at -= due - s[n - 1].frames;
		if (at > 0)
			out[n - 1].duration = (uint32_t)at;
	}
	return *start < 0 ? -ERANGE : 0;
}

/*
 * hls.js takes the first decoding time of a file, and after a discontinuity, for the
 * time at which something is shown, and has a hole where pictures are reordered.  So
 * the first is decoded there when it is shown, and the next in haste, until what is
 * decoded after that is as it was.  Live, no start of ours is a start of the stream:
 * segments have to be the same whoever made them.  Returns by how much the first is
 * later.
 */
int64_t
times_in_haste(struct mp4_sample *s, size_t n, int64_t delay)
{
	int64_t end = 0, was = 0;	/* from the first decoding time on */
	size_t k = 0;

	while (k < n && end <= delay)
		end += s[k++].duration;
	if (delay <= 0 || end - delay < (int64_t)k)
		return 0;
	for (size_t i = 0; i < k; i++) {
		int64_t now = delay + (end - delay) * (int64_t)i / (int64_t)k;
		int64_t then = delay + (end - delay) * (int64_t)(i + 1) / (int64_t)k;

		s[i].cts -= (int32_t)(now - was);
		was += s[i].duration;
		s[i].duration = (uint32_t)(then - now);
	}
	return delay;
}
