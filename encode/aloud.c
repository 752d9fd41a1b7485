#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/channel_layout.h>

#include "encode/aloud.h"
#include "lib/base/log.h"

#define BOOST_MOST	20000		/* of what is quiet: no noise is made loud */
#define CUT_MOST	40000
#define GATE		(-70000)
#define GATE_BELOW	10000		/* the mean of what is above GATE */

static bool
corrects(const struct aloud *l)
{
	return l->spec->loud == LOUD_CORRECT;
}

/* BS.1770-4 table 4: 1.41 for what is at the sides, nothing for the LFE. */
static void
weigh(uint64_t layout, double weight[static MIX_ROWS])
{
	uint64_t back = AV_CH_BACK_LEFT | AV_CH_BACK_RIGHT;
	uint64_t side = AV_CH_SIDE_LEFT | AV_CH_SIDE_RIGHT;
	unsigned n = 0;

	if ((layout & side) == 0)
		side |= back;
	for (uint64_t bit = 1; bit != 0 && n < MIX_ROWS; bit <<= 1)
		if ((layout & bit) != 0)
			weight[n++] = bit == AV_CH_LOW_FREQUENCY ? 0 :
			    (side & bit) != 0 ? 1.41 : 1;
}

/* Blocks begin at whole tenths of a second of media time. */
static void
begin_correction(struct aloud *l, const double *weight)
{
	static const float zero[4800];
	const float *silence[MIX_ROWS];
	struct aloud_work *w = l->work;

	for (unsigned i = 0; i < MIX_ROWS; i++)
		silence[i] = zero;
	loudness_init(&w->in, l->spec->hz, l->channels, weight);
	loudness_add(&w->in, silence, (size_t)(l->at % (l->spec->hz / 10)));
	for (unsigned i = 0; i < ALOUD_WINDOW; i++)
		w->heard[i] = LOUDNESS_NONE;
	w->gain = 0;
	w->from = w->to = 1;
	limiter_init(&w->limiter, l->spec->hz, l->channels, pow(10, l->spec->peak / 20000.0));
	w->skip = (int)w->limiter.line;
}

void
aloud_open(struct aloud *l, const struct audio_spec *spec, uint64_t layout, int64_t at)
{
	double weight[MIX_ROWS] = { 0 };
	bool again = l->work != NULL;

	l->spec = spec;
	l->channels = audiospec_channels(layout);
	l->at = at;
	if (spec->loud == LOUD_AS_IS)
		return;
	weigh(layout, weight);
	if (!again) {
		l->work = calloc(1, sizeof(*l->work));
		if (l->work == NULL)
			fatal(EXIT_RUNTIME, ENOMEM, "cannot measure loudness");
		loudness_init(&l->work->out, spec->hz, l->channels, weight);
	}
	if (corrects(l))
		begin_correction(l, weight);
}

/* ---- the gain */

static double
mean_above(const struct aloud_work *w, int64_t gate)
{
	double sum = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < ALOUD_WINDOW; i++)
		if (w->heard[i] != LOUDNESS_NONE && w->heard[i] >= gate) {
			sum += pow(10, (double)w->heard[i] / 10000);
			n++;
		}
	return n > 0 ? 10000 * log10(sum / n) : -1e9;
}

/* A block has been heard, up to l->at: what its gain has come to, the next begins with. */
static void
decide(struct aloud *l)
{
	struct aloud_work *w = l->work;
	uint64_t block = (uint64_t)l->at / (l->spec->hz / 10);
	double mean;

	w->heard[block % ALOUD_WINDOW] = w->in.momentary;
	mean = mean_above(w, GATE);
	w->gain = 0;
	if (mean > GATE) {
		mean = mean_above(w, (int64_t)mean - GATE_BELOW);
		w->gain = l->spec->target - (int64_t)lround(mean / 10) * 10;
	}
	w->gain = w->gain > BOOST_MOST ? BOOST_MOST : w->gain;
	w->gain = w->gain < -CUT_MOST ? -CUT_MOST : w->gain;
	w->from = w->to;
	w->to = (float)pow(10, (double)w->gain / 20000);
}

/* n samples that do not go beyond a block: louder or softer, to data. */
static void
correct(struct aloud *l, const float *const *from, float *const *data, int n)
{
	struct aloud_work *w = l->work;
	int block = (int)l->spec->hz / 10, place = (int)(l->at % block);

	loudness_add(&w->in, from, (size_t)n);
	for (unsigned c = 0; c < l->channels; c++)
		for (int i = 0; i < n; i++)
			data[c][i] = from[c][i] * (w->from +
			    (w->to - w->from) * (float)(place + i) / (float)block);
	limiter_run(&w->limiter, data, n);
	l->at += n;
	if (place + n == block)
		decide(l);
}

static void
finish(struct aloud *l, struct acoder *c, const float *const *data, int n)
{
	struct aloud_work *w = l->work;

	loudness_add(&w->out, data, (size_t)n);
	for (unsigned ch = 0; ch < l->channels; ch++)
		for (int i = 0; i < n; i++) {
			float peak = truepeak_next(&w->peak[ch], data[ch][i]);

			w->peak_max = peak > w->peak_max ? peak : w->peak_max;
		}
	acoder_push(c, data, n);
}

void
aloud_push(struct aloud *l, struct acoder *c, const float *const *data, int n)
{
	int64_t block = l->spec->hz / 10;

	if (l->work == NULL) {
		acoder_push(c, data, n);
		return;
	}
	for (int pos = 0, part; pos < n; pos += part) {
		const float *from[MIX_ROWS], *out[MIX_ROWS];
		float *room[MIX_ROWS];
		int skip;

		part = n - pos < ALOUD_PIECE ? n - pos : ALOUD_PIECE;
		for (unsigned i = 0; i < l->channels; i++)
			out[i] = from[i] = data[i] + pos;
		if (!corrects(l)) {
			finish(l, c, out, part);
			continue;
		}
		if (part > block - l->at % block)
			part = (int)(block - l->at % block);
		for (unsigned i = 0; i < l->channels; i++)
			room[i] = l->work->room[i];
		correct(l, from, room, part);
		skip = l->work->skip < part ? l->work->skip : part;
		l->work->skip -= skip;
		for (unsigned i = 0; i < l->channels; i++)
			out[i] = room[i] + skip;
		if (part > skip)
			finish(l, c, out, part - skip);
	}
}

void
aloud_close(struct aloud *l, struct acoder *c)
{
	static const float zero[LIMITER_LINE];
	const float *silence[MIX_ROWS];

	for (unsigned i = 0; i < MIX_ROWS; i++)
		silence[i] = zero;
	if (l->work != NULL && corrects(l))
		aloud_push(l, c, silence, (int)l->work->limiter.line);
}

void
aloud_free(struct aloud *l)
{
	free(l->work);
	l->work = NULL;
}

int64_t
aloud_peak(const struct aloud *l)
{
	if (l->work == NULL || l->work->peak_max <= 0)
		return LOUDNESS_NONE;
	return (int64_t)lround(20000 * log10((double)l->work->peak_max));
}
