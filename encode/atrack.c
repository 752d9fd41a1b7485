#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>

#include "encode/atrack.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"
#include "lib/media/pes.h"

#define DRIFT_DEAD	96		/* samples: 2 ms */
#define DRIFT_OVER	96000		/* samples over which to correct: 2 s */
#define DRIFT_MOST	96		/* in that time: 0.1 % */
#define HARD		4800		/* samples: 100 ms */
#define HARD_LOSSY	480		/* where something is missing: 10 ms */
#define STEP		384		/* 8 ms, for as many frames: a hole, no drift */
#define STEP_FRAMES	8
#define RESTART		(5 * INT64_C(48000))	/* a longer hole is left open */

static int
channels_of(uint64_t layout)
{
	return __builtin_popcountll(layout);
}

static int64_t
sample_of(int64_t t)
{
	return rescale_near(t, ATRACK_RATE, 90000);
}

void
atrack_init(struct atrack *a, struct output *out, struct output_stream *s,
    const struct blank *blank, uint16_t pid, uint64_t rate, int64_t start)
{
	*a = (struct atrack){
		.out = out, .stream = s, .blank = blank, .pid = pid, .rate = rate,
		.start = sample_of(start), .next_t = PES_NO_TIME,
		.pkt = av_packet_alloc(),
	};
	if (a->pkt == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
}

int
atrack_codec(struct atrack *a, enum codec codec, const uint8_t *desc,
    size_t desc_len)
{
	int err;

	if (a->decoding)
		decoder_close(&a->dec);
	if (a->splitting)
		audio_free(&a->split);
	err = decoder_open(&a->dec, codec, desc, desc_len, 1);
	a->decoding = err == 0;
	a->splitting = err == 0 && audio_init(&a->split, codec, desc, desc_len) == 0;
	return err;
}

/* ---- coding */

static void
put_packet(struct atrack *a)
{
	uint8_t head[ADTS_HEADER];
	struct output_unit *u;

	if (audio_adts_put(&a->info, (size_t)a->pkt->size, head) < 0)
		return;
	u = output_unit_new(NULL, ADTS_HEADER + (size_t)a->pkt->size);
	memcpy(u->data, head, ADTS_HEADER);
	memcpy(u->data + ADTS_HEADER, a->pkt->data, (size_t)a->pkt->size);
	u->pts = u->dts = rescale_near(a->pkt->pts, 90000, ATRACK_RATE);
	u->random_access = true;
	output_put(a->out, a->stream, u);
}

static void
collect(struct atrack *a)
{
	while (avcodec_receive_packet(a->enc, a->pkt) >= 0) {
		put_packet(a);
		av_packet_unref(a->pkt);
	}
}

/* What AAC has a channel configuration for, and the encoder takes. */
static uint64_t
aac_layout(uint64_t layout)
{
	switch (channels_of(layout)) {
	case 1:
		return AV_CH_LAYOUT_MONO;
	case 2:
		return AV_CH_LAYOUT_STEREO;
	case 3:
		return layout == AV_CH_LAYOUT_SURROUND ? layout : AV_CH_LAYOUT_5POINT1_BACK;
	case 4:
		return layout == AV_CH_LAYOUT_4POINT0 ? layout : AV_CH_LAYOUT_5POINT1_BACK;
	case 5:
		return layout == AV_CH_LAYOUT_5POINT0 || layout == AV_CH_LAYOUT_5POINT0_BACK ?
		    AV_CH_LAYOUT_5POINT0_BACK : AV_CH_LAYOUT_5POINT1_BACK;
	default:
		return AV_CH_LAYOUT_5POINT1_BACK;
	}
}

static void
open_encoder(struct atrack *a)
{
	const AVCodec *c = avcodec_find_encoder(AV_CODEC_ID_AAC);
	int channels = channels_of(a->layout);

	a->enc = c != NULL ? avcodec_alloc_context3(c) : NULL;
	if (a->enc == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot open the AAC encoder");
	av_channel_layout_from_mask(&a->enc->ch_layout, a->layout);
	a->enc->sample_rate = ATRACK_RATE;
	a->enc->sample_fmt = AV_SAMPLE_FMT_FLTP;
	a->enc->bit_rate = (int64_t)a->rate * channels / 2;
	a->enc->time_base = (AVRational){ 1, ATRACK_RATE };
	a->enc->thread_count = 1;
	if (avcodec_open2(a->enc, c, NULL) < 0)
		fatal(EXIT_RUNTIME, 0, "cannot open the AAC encoder for %d channels at "
		    "%lld bit/s", channels, (long long)a->enc->bit_rate);
	if (audio_parse_asc(a->enc->extradata, (size_t)a->enc->extradata_size,
	    &a->info) < 0)
		fatal(EXIT_RUNTIME, 0, "cannot read the AAC encoder's configuration");
}

static void
encode(struct atrack *a, int samples)
{
	AVFrame *f = av_frame_alloc();

	if (f == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	f->format = AV_SAMPLE_FMT_FLTP;
	f->nb_samples = samples;
	f->sample_rate = ATRACK_RATE;
	av_channel_layout_from_mask(&f->ch_layout, a->layout);
	if (av_frame_get_buffer(f, 0) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	f->pts = a->fifo_pos - av_audio_fifo_size(a->fifo);
	av_audio_fifo_read(a->fifo, (void **)f->data, samples);
	if (avcodec_send_frame(a->enc, f) >= 0)
		collect(a);
	av_frame_free(&f);
}

static void
encode_whole(struct atrack *a)
{
	while (av_audio_fifo_size(a->fifo) >= ATRACK_FRAME)
		encode(a, ATRACK_FRAME);
}

/* Silence in what is about to be appended, where it is blank. */
static void
cover(const struct atrack *a, uint8_t **data, int64_t n)
{
	int64_t from, to;

	for (size_t i = 0; blank_next(a->blank, &i, &from, &to);) {
		from = sample_of(from) - a->fifo_pos;
		to = to == CUE_NEVER ? n : sample_of(to) - a->fifo_pos;
		from = from < 0 ? 0 : from;
		to = to > n ? n : to;
		for (int c = 0; c < channels_of(a->layout) && from < to; c++)
			memset((float *)(void *)data[c] + from, 0,
			    (size_t)(to - from) * sizeof(float));
	}
}

/* Append samples: n of them at data, or of silence if that is NULL. */
static void
append(struct atrack *a, uint8_t **data, int64_t n)
{
	static const float zero[ATRACK_FRAME];
	uint8_t *silence[8];

	for (size_t i = 0; i < 8; i++)
		silence[i] = (uint8_t *)(uintptr_t)zero;
	if (data != NULL)
		cover(a, data, n);
	while (n > 0) {
		int part = data == NULL && n > ATRACK_FRAME ? ATRACK_FRAME : (int)n;

		if (av_audio_fifo_write(a->fifo, (void **)(data != NULL ? data : silence),
		    part) < part)
			fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
		a->fifo_pos += part;
		n -= part;
		encode_whole(a);
	}
}

/* ---- the timeline */

/* Begin at the AAC frame in which sample pos lies. */
static void
start_at(struct atrack *a, int64_t pos)
{
	int64_t first = rescale_down(pos, 1, ATRACK_FRAME) * ATRACK_FRAME;

	open_encoder(a);
	a->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP,
	    channels_of(a->layout), 8 * ATRACK_FRAME);
	if (a->fifo == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	a->fifo_pos = first;
	a->started = true;
	append(a, NULL, pos - first);
	output_require(a->out, a->stream, true);
}

static void
close_encoder(struct atrack *a)
{
	int left = av_audio_fifo_size(a->fifo);

	if (left > 0)
		encode(a, left);
	avcodec_send_frame(a->enc, NULL);
	collect(a);
	avcodec_free_context(&a->enc);
	av_audio_fifo_free(a->fifo);
	a->fifo = NULL;
}

/* Take what the resampler gives for this input (NULL: what is inside). */
static void
resample(struct atrack *a, const AVFrame *f)
{
	int channels = channels_of(a->layout);
	int room;
	uint8_t *data[8] = { NULL };
	int n, skip;

	if (a->swr == NULL)
		return;
	room = swr_get_out_samples(a->swr, f != NULL ? f->nb_samples : 0) + 256;
	if (av_samples_alloc(data, NULL, channels, room,
	    AV_SAMPLE_FMT_FLTP, 0) < 0)
		return;
	n = swr_convert(a->swr, data, room, f != NULL ?
	    (const uint8_t **)(uintptr_t)f->extended_data : NULL,
	    f != NULL ? f->nb_samples : 0);
	skip = n > 0 && a->trim > 0 ? (a->trim < n ? (int)a->trim : n) : 0;
	a->trim -= skip;
	if (n > skip) {
		uint8_t *rest[8];

		for (size_t i = 0; i < 8; i++)
			rest[i] = data[i] == NULL ? NULL :
			    data[i] + (size_t)skip * sizeof(float);
		append(a, rest, n - skip);
	}
	av_freep(&data[0]);
}

/* Take what is inside the resampler, which then begins anew. */
static void
flush(struct atrack *a)
{
	resample(a, NULL);
	if (a->swr != NULL && swr_init(a->swr) < 0)
		swr_free(&a->swr);
	a->soft_left = 0;
}

static bool
open_swr(struct atrack *a, const AVFrame *f, uint64_t layout)
{
	AVChannelLayout to = { 0 }, from = { 0 };

	if (a->swr != NULL && a->in_layout == layout && a->in_rate == f->sample_rate &&
	    a->in_format == f->format)
		return true;
	if (a->swr != NULL && a->started)
		resample(a, NULL);
	swr_free(&a->swr);
	if (a->layout == 0)
		a->layout = aac_layout(layout);
	av_channel_layout_from_mask(&to, a->layout);
	av_channel_layout_from_mask(&from, layout);
	if (swr_alloc_set_opts2(&a->swr, &to, AV_SAMPLE_FMT_FLTP, ATRACK_RATE, &from,
	    (enum AVSampleFormat)f->format, f->sample_rate, 0, NULL) < 0 ||
	    swr_init(a->swr) < 0) {
		swr_free(&a->swr);
		return false;
	}
	a->in_layout = layout;
	a->in_rate = f->sample_rate;
	a->in_format = f->format;
	a->soft_left = 0;
	a->error = 0;
	return true;
}

/* Where the next sample that goes into the resampler will come to lie. */
static int64_t
position(const struct atrack *a)
{
	return a->fifo_pos - a->trim +
	    (a->swr != NULL ? swr_get_delay(a->swr, ATRACK_RATE) : 0);
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
	if (a->soft_left > 0 || (fix > -DRIFT_DEAD && fix < DRIFT_DEAD))
		return;
	if (fix > DRIFT_MOST)
		fix = DRIFT_MOST;
	if (fix < -DRIFT_MOST)
		fix = -DRIFT_MOST;
	if (swr_set_compensation(a->swr, (int)fix, DRIFT_OVER) < 0)
		return;
	a->compensated += (uint64_t)llabs(fix);
	a->soft_left = DRIFT_OVER;
	a->error -= fix * 16;
}

/*
 * Is this no drift but something missing, or too much, of the source?  Jitter of
 * timestamps does not stay on one side.
 */
static bool
is_step(struct atrack *a, int64_t error)
{
	if (llabs(error) < STEP || a->steps == 0 || (error > 0) != (a->step > 0)) {
		a->steps = llabs(error) >= STEP;
		a->step = error;
		return false;
	}
	if (llabs(error) < llabs(a->step))
		a->step = error;
	return ++a->steps >= STEP_FRAMES;
}

static void
shift(struct atrack *a, int64_t error)
{
	if (error > 0) {
		flush(a);
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
	if (error < -HARD && a->filling && !a->told_late) {
		log_warn(0, "the sound of PID %u comes too long after its pictures: "
		    "silence in its place", a->pid);
		a->told_late = true;
	}
	if (error > RESTART) {
		flush(a);
		close_encoder(a);
		a->trim = 0;
		start_at(a, want);
		a->error = 0;
		a->gaps++;
	} else if (llabs(error) >= HARD || (a->lossy > 0 && llabs(error) >= HARD_LOSSY)) {
		shift(a, error);
	} else if (is_step(a, error)) {
		shift(a, a->step);
	} else {
		a->error += (error * 16 - a->error) / 16;
	}
}

static void
take_frame(struct atrack *a, AVFrame *f)
{
	AVChannelLayout usual = { 0 };
	uint64_t layout = f->ch_layout.order == AV_CHANNEL_ORDER_NATIVE ?
	    f->ch_layout.u.mask : 0;
	int64_t t = f->pts != AV_NOPTS_VALUE ? f->pts : a->next_t;

	if (layout == 0) {
		av_channel_layout_default(&usual, f->ch_layout.nb_channels);
		layout = usual.order == AV_CHANNEL_ORDER_NATIVE ? usual.u.mask : 0;
	}
	if (t == PES_NO_TIME || f->sample_rate <= 0 || f->nb_samples <= 0 ||
	    layout == 0)
		return;
	a->next_t = t + rescale_near(f->nb_samples, 90000, f->sample_rate);
	if (!a->started && sample_of(a->next_t) <= a->start)
		return;
	if (!open_swr(a, f, layout))
		return;
	align(a, sample_of(t));
	a->filling = false;
	correct_softly(a, f->nb_samples);
	resample(a, f);
}

/* What is lost may be missing before any of the frames that came together. */
static void
take_frames(struct atrack *a)
{
	bool any = false;
	AVFrame *f;

	while ((f = decoder_receive(&a->dec)) != NULL) {
		take_frame(a, f);
		av_frame_free(&f);
		any = true;
	}
	if (any && a->lossy > 0)
		a->lossy--;
}

static void
send_split(struct atrack *a, const uint8_t *data, size_t len, int64_t t, bool lost)
{
	struct audio_frame f;

	if (audio_push(&a->split, data, len, t, lost) < 0)
		return;
	while (audio_next(&a->split, &f) > 0)
		decoder_send_frame(&a->dec, f.data, f.len, f.pts);
}

void
atrack_unit(struct atrack *a, const uint8_t *data, size_t len, int64_t t,
    bool broken)
{
	uint64_t errors = a->dec.errors;

	if (!a->decoding)
		return;
	if (broken)
		a->lossy = 2;	/* it shows in the times of the unit after it */
	if (a->splitting)
		send_split(a, data, len, t, broken);
	else
		decoder_send(&a->dec, data, len, t, t);
	if (a->dec.errors != errors)
		a->lossy = 2;
	take_frames(a);
}

void
atrack_fill(struct atrack *a, int64_t t)
{
	int64_t missing;

	if (!a->started)
		return;
	missing = sample_of(t) - position(a);
	if (missing <= 0)
		return;
	flush(a);
	pad(a, sample_of(t) - position(a));
}

int64_t
atrack_time(const struct atrack *a)
{
	return a->started ? rescale_down(a->fifo_pos, 90000, ATRACK_RATE) :
	    PES_NO_TIME;
}

void
atrack_finish(struct atrack *a)
{
	struct audio_frame last;

	if (a->decoding) {
		if (a->splitting && audio_flush(&a->split, &last) > 0)
			decoder_send_frame(&a->dec, last.data, last.len, last.pts);
		decoder_drain(&a->dec);
		take_frames(a);
	}
	if (a->started) {
		resample(a, NULL);
		close_encoder(a);
	}
	output_end(a->out, a->stream);
}

void
atrack_free(struct atrack *a)
{
	if (a->splitting)
		audio_free(&a->split);
	if (a->decoding)
		decoder_close(&a->dec);
	swr_free(&a->swr);
	avcodec_free_context(&a->enc);
	av_packet_free(&a->pkt);
	if (a->fifo != NULL)
		av_audio_fifo_free(a->fifo);
}
