#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/channel_layout.h>

#include "encode/atrack.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"
#include "lib/media/pes.h"

#define DRIFT_DEAD	2		/* ms */
#define DRIFT_OVER	2000		/* ms over which to correct */
#define DRIFT_MOST	2		/* ms in that time: 0.1 % */
#define HARD		100		/* ms */
#define HARD_LOSSY	10		/* ms, where something is missing */
#define STEP		8		/* ms, for as many frames: a hole, no drift */
#define STEP_FRAMES	8
#define RESTART		5000		/* ms: a longer hole is left open */
#define PIECE		1024		/* samples of silence at a time */

static int64_t
in_ms(const struct atrack *a, int64_t ms)
{
	return ms * a->spec->hz / 1000;
}

static int64_t
sample_of(const struct atrack *a, int64_t t)
{
	return rescale_near(t, a->spec->hz, 90000);
}

void
atrack_init(struct atrack *a, const struct audio_spec *spec, struct output *out,
    struct output_stream *s, const struct blank *blank, int64_t start)
{
	*a = (struct atrack){
		.out = out, .stream = s, .spec = spec, .blank = blank,
		.next_t = PES_NO_TIME, .mix = { .spec = spec },
	};
	atrack_start(a, start);
}

void
atrack_start(struct atrack *a, int64_t start)
{
	a->start = sample_of(a, start);
}

/* ---- samples */

/* Encoders refuse what is no number, or far from a sample, as damage makes it. */
static void
amplify(const struct atrack *a, float *const *data, int64_t n)
{
	float factor = (float)pow(10, a->spec->gain / 20000.0);

	for (unsigned c = 0; c < audiospec_channels(a->layout); c++)
		for (int64_t i = 0; i < n; i++)
			data[c][i] = fabsf(data[c][i]) < 1000 ? data[c][i] * factor : 0;
}

/* Silence in what is about to be appended, where it is blank. */
static void
cover(const struct atrack *a, float *const *data, int64_t n)
{
	int64_t from, to;

	for (size_t i = 0; blank_next(a->blank, &i, &from, &to);) {
		from = sample_of(a, from) - a->pos;
		to = to == CUE_NEVER ? n : sample_of(a, to) - a->pos;
		from = from < 0 ? 0 : from;
		to = to > n ? n : to;
		for (unsigned c = 0; c < audiospec_channels(a->layout) && from < to; c++)
			memset(data[c] + from, 0, (size_t)(to - from) * sizeof(float));
	}
}

/* Append samples: n of them at data, or of silence if that is NULL. */
static void
append(struct atrack *a, float *const *data, int64_t n)
{
	static const float zero[PIECE];
	const float *from[MIX_ROWS];

	for (size_t i = 0; i < MIX_ROWS; i++)
		from[i] = data != NULL ? data[i] : zero;
	if (data != NULL) {
		amplify(a, data, n);
		cover(a, data, n);
	}
	while (n > 0) {
		int part = data == NULL && n > PIECE ? PIECE : (int)n;

		aloud_push(&a->loud, &a->coder, from, part);
		a->pos += part;
		n -= part;
	}
}

/* ---- the timeline */

/* Begin at the frame in which sample pos lies. */
static void
start_at(struct atrack *a, int64_t pos)
{
	int64_t first = acoder_open(&a->coder, a->spec, a->out, a->stream, a->layout, pos);

	aloud_open(&a->loud, a->spec, a->layout, first);
	a->pos = first;
	a->started = true;
	append(a, NULL, pos - first);
	output_require(a->out, a->stream, true);
}

/* Take what the mixer gives for this input (NULL: what is inside). */
static void
resample(struct atrack *a, const AVFrame *f)
{
	uint8_t *raw[MIX_ROWS] = { NULL };
	float *data[MIX_ROWS];
	int n = amix_run(&a->mix, f, raw);
	int skip = a->trim > 0 ? (a->trim < n ? (int)a->trim : n) : 0;

	a->trim -= skip;
	for (size_t i = 0; i < MIX_ROWS; i++)
		data[i] = raw[i] == NULL ? NULL : (float *)(void *)raw[i] + skip;
	if (n > skip)
		append(a, data, n - skip);
	av_freep((void *)&raw[0]);
}

/* Take what is inside the mixer, which then begins anew. */
static void
flush(struct atrack *a)
{
	resample(a, NULL);
	amix_restart(&a->mix);
	a->soft_left = 0;
}

static bool
fit_mix(struct atrack *a, const AVFrame *f)
{
	uint64_t layout = amix_layout(f);

	if (amix_fits(&a->mix, f))
		return true;
	if (a->started)
		resample(a, NULL);
	if (a->layout == 0)
		a->layout = acoder_layout(a->spec,
		    layout != 0 ? layout : AV_CH_LAYOUT_STEREO);
	a->mix.layout = a->layout;
	a->soft_left = 0;
	a->error = 0;
	return amix_open(&a->mix, f);
}

/* Where the next sample that goes into the resampler will come to lie. */
static int64_t
position(const struct atrack *a)
{
	return a->pos - a->trim + amix_delay(&a->mix);
}

/* Silence for n samples from position() on; what is to be dropped is of these. */
static void
pad(struct atrack *a, int64_t n)
{
	int64_t drop = a->trim < n ? a->trim : n;

	a->trim -= drop;
	a->trimmed -= (uint64_t)drop < a->trimmed ? (uint64_t)drop : a->trimmed;
	append(a, NULL, n - drop);
	a->padded += (uint64_t)(n - drop);
	a->gaps += !a->filling;
	a->filling = true;
}

static void
correct_softly(struct atrack *a, int samples)
{
	int64_t fix = a->error / 16;

	a->soft_left -= samples;
	if (a->soft_left > 0 || a->steps > 0 || llabs(fix) < in_ms(a, DRIFT_DEAD))
		return;
	if (fix > in_ms(a, DRIFT_MOST))
		fix = in_ms(a, DRIFT_MOST);
	if (fix < -in_ms(a, DRIFT_MOST))
		fix = -in_ms(a, DRIFT_MOST);
	if (!amix_compensate(&a->mix, (int)fix, (int)in_ms(a, DRIFT_OVER)))
		return;
	a->compensated += (uint64_t)llabs(fix);
	a->soft_left = in_ms(a, DRIFT_OVER);
	a->error -= fix * 16;
}

/*
 * Is this no drift but something missing, or too much, of the source?  Jitter of
 * timestamps does not stay on one side.
 */
static bool
is_step(struct atrack *a, int64_t error)
{
	int64_t least = in_ms(a, STEP);

	if (llabs(error) < least || a->steps == 0 || (error > 0) != (a->step > 0)) {
		a->steps = llabs(error) >= least;
		a->step = error;
		return false;
	}
	if (llabs(error) < llabs(a->step))
		a->step = error;
	return ++a->steps >= STEP_FRAMES;
}

/* A mixer that was correcting a drift would go on beyond this, so it begins anew. */
static void
shift(struct atrack *a, int64_t error)
{
	flush(a);
	if (error > 0) {
		pad(a, error);
	} else {
		a->trim += -error;
		a->trimmed += (uint64_t)-error;
	}
	a->error = 0;
	a->steps = 0;
}

/* Compare where a frame belongs with where it would lie, and act on it. */
static void
align(struct atrack *a, int64_t want)
{
	int64_t error;

	if (!a->started) {
		if (want < a->start) {
			a->trim = a->start - want;
			want = a->start;
		}
		start_at(a, want);
		return;
	}
	error = want - position(a);
	a->offset = error;
	if (error < -in_ms(a, HARD) && a->filling && !a->told_late) {
		log_warn(0, "the sound of PID %u comes too long after its pictures: "
		    "silence in its place", a->pid);
		a->told_late = true;
	}
	if (error > in_ms(a, RESTART)) {
		flush(a);
		aloud_close(&a->loud, &a->coder);
		acoder_close(&a->coder);
		a->trim = 0;
		start_at(a, want);
		a->error = 0;
		a->gaps++;
	} else if (llabs(error) >= in_ms(a, HARD) ||
	    (a->lossy > 0 && llabs(error) >= in_ms(a, HARD_LOSSY))) {
		shift(a, error);
	} else if (is_step(a, error)) {
		shift(a, a->step);
	} else {
		a->error += (error * 16 - a->error) / 16;
	}
}

/* What could not be decoded may be missing before what comes next. */
static void
note_errors(struct atrack *a)
{
	if (a->dec.errors != a->errors)
		a->lossy = 2;
	a->errors = a->dec.errors;
}

static void
take_frame(void *arg, AVFrame *f)
{
	struct atrack *a = arg;
	int64_t t = f->pts != AV_NOPTS_VALUE ? f->pts : a->next_t;

	note_errors(a);
	if (t == PES_NO_TIME || f->sample_rate <= 0 || f->nb_samples <= 0)
		return;
	a->next_t = t + rescale_near(f->nb_samples, 90000, f->sample_rate);
	if (!a->started && sample_of(a, a->next_t) <= a->start)
		return;
	if (!fit_mix(a, f))
		return;
	align(a, sample_of(a, t));
	a->filling = false;
	correct_softly(a, f->nb_samples);
	resample(a, f);
}

int
atrack_codec(struct atrack *a, uint16_t pid, enum codec codec, const uint8_t *desc,
    size_t desc_len)
{
	a->pid = pid;
	a->lossy = 2;
	return adecode_open(&a->dec, codec, desc, desc_len, take_frame, a);
}

/* What is lost may be missing before any of the frames that come together. */
void
atrack_unit(struct atrack *a, const uint8_t *data, size_t len, int64_t t,
    bool broken)
{
	if (!a->dec.open)
		return;
	if (broken)
		a->lossy = 2;	/* it shows in the times of the unit after it */
	if (adecode_unit(&a->dec, data, len, t, broken) > 0 && a->lossy > 0)
		a->lossy--;
	note_errors(a);
}

void
atrack_fill(struct atrack *a, int64_t t)
{
	int64_t missing;

	if (!a->started)
		return;
	missing = sample_of(a, t) - position(a);
	if (missing <= 0)
		return;
	flush(a);
	pad(a, sample_of(a, t) - position(a));
}

void
atrack_silence(struct atrack *a, int64_t t)
{
	if (!a->started && sample_of(a, t) > a->start) {
		a->layout = acoder_layout(a->spec, AV_CH_LAYOUT_STEREO);
		start_at(a, a->start);
		a->filling = true;
	}
	atrack_fill(a, t);
}

void
atrack_finish(struct atrack *a)
{
	if (a->dec.open)
		adecode_drain(&a->dec);
	if (a->started) {
		resample(a, NULL);
		aloud_close(&a->loud, &a->coder);
		acoder_close(&a->coder);
	}
	output_end(a->out, a->stream);
}

void
atrack_free(struct atrack *a)
{
	adecode_close(&a->dec);
	amix_close(&a->mix);
	aloud_free(&a->loud);
	acoder_free(&a->coder);
}
