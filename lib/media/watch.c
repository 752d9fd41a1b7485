#include "lib/media/watch.h"

#include "lib/base/clk.h"

void
watch_config_init(struct watch_config *cfg)
{
	*cfg = (struct watch_config){
		.limit_ns = { 2 * CLK_SECOND, 2 * CLK_SECOND, 2 * CLK_SECOND },
		.black_pixel = 100000, .black_part = 980000, .freeze_noise = 1000,
		.silence_level = -60000,
	};
}

#ifdef HAVE_LIBAVCODEC

#include <libavcodec/avcodec.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/captions.h"
#include "lib/media/codecav.h"
#include "lib/media/look.h"
#include "lib/media/loudness.h"
#include "lib/media/tsdemux.h"

#define WINDOW		(1 << 20)	/* bytes that wait for the demultiplexer */
#define CHANNELS	LOUDNESS_CHANNELS

struct eye {				/* a stream that is decoded */
	struct watch_stream s;
	struct watch *watch;
	AVCodecContext *ctx;
	AVCodecParserContext *parser;
	AVPacket *pkt;
	AVFrame *frame;
	AVFrame *still;			/* freeze: what later ones are compared with */
	struct captions captions;
	struct {
		bool	on, told;
		int64_t	start;
	} spell[WATCH_KINDS];
	int64_t	 end_90k;		/* of the last frame */
	int64_t	 length_90k;		/* of a frame, as far as known */
	struct loudness *loud;
	float	 *sample[CHANNELS];
	size_t	 samples;		/* room in each */
};

struct watch {
	struct watch_config cfg;
	bool	 spare;
	struct tsdemux demux;
	unsigned n;
	struct eye *eye[WATCH_STREAMS];
	size_t	 len;
	uint8_t	 buf[WINDOW];
};

bool
watch_there(void)
{
	return true;
}

/* ---- things that last */

/*
 * It is so, or not, from at on.  What was so lasts until at: long enough, it is told, and
 * told again when it is over.
 */
static void
lasts(struct eye *e, enum watch_kind kind, bool so, int64_t at)
{
	const struct watch_config *cfg = &e->watch->cfg;
	int64_t limit = cfg->limit_ns[kind] * 9 / 100000, ns;
	bool over = e->spell[kind].on && !so;

	if (so && !e->spell[kind].on) {
		e->spell[kind].on = true;
		e->spell[kind].told = false;
		e->spell[kind].start = at;
	}
	ns = at - e->spell[kind].start;
	e->s.so[kind] = so;
	if (e->spell[kind].on && !e->spell[kind].told && ns >= limit) {
		e->spell[kind].told = e->s.open[kind] = true;
		e->s.count[kind]++;
		if (cfg->event != NULL)
			cfg->event(cfg->arg, e->s.pid, kind, false, e->spell[kind].start, at);
	}
	if (!over)
		return;
	e->spell[kind].on = e->s.open[kind] = false;
	if (!e->spell[kind].told)
		return;
	e->s.total_90k[kind] += ns;
	if (cfg->event != NULL)
		cfg->event(cfg->arg, e->s.pid, kind, true, e->spell[kind].start, at);
}

static void
end_all(struct eye *e)
{
	for (int k = 0; k < WATCH_KINDS; k++)
		lasts(e, (enum watch_kind)k, false, e->end_90k);
	av_frame_free(&e->still);
}

/* ---- pictures */

static void
note_captions(struct eye *e)
{
	const AVFrameSideData *d = av_frame_get_side_data(e->frame, AV_FRAME_DATA_A53_CC);

	if (d == NULL)
		return;
	captions_note(&e->captions, d->data, (unsigned)(d->size / 3));
	e->s.captions = e->captions.cc != 0 || e->captions.services != 0;
}

static void
look(struct eye *e, int64_t at)
{
	const struct watch_config *cfg = &e->watch->cfg;
	const AVFrame *f = e->frame;
	AVRational rate = e->ctx->framerate;
	bool black, same;

	e->s.width = (unsigned)f->width;
	e->s.height = (unsigned)f->height;
	e->s.interlaced = f->interlaced_frame != 0;
	if (rate.num > 0 && rate.den > 0) {
		e->s.rate_num = (unsigned)rate.num;
		e->s.rate_den = (unsigned)rate.den;
	}
	note_captions(e);
	black = look_black(f, cfg->black_pixel, cfg->black_part);
	lasts(e, WATCH_BLACK, black, at);
	e->s.not_so[WATCH_BLACK] += !black;
	/* It froze when the picture came that all later ones are like. */
	same = e->still != NULL && look_same(e->still, f, cfg->freeze_noise);
	if (same && !e->spell[WATCH_FREEZE].on)
		lasts(e, WATCH_FREEZE, true, e->still->pts);
	lasts(e, WATCH_FREEZE, same, at);
	if (!same) {
		e->s.not_so[WATCH_FREEZE]++;
		av_frame_free(&e->still);
		e->still = av_frame_clone(f);
		if (e->still != NULL)
			e->still->pts = at;
	}
}

/* ---- sound */

static float
sample_of(const AVFrame *f, int channel, int channels, int i)
{
	bool planar = av_sample_fmt_is_planar(f->format) != 0;
	const uint8_t *p = f->extended_data[planar ? channel : 0];
	int k = planar ? i : i * channels + channel;

	switch (av_get_packed_sample_fmt(f->format)) {
	case AV_SAMPLE_FMT_U8:	return (float)(p[k] - 128) / 128;
	case AV_SAMPLE_FMT_S16:	return (float)((const int16_t *)(const void *)p)[k] / 32768;
	case AV_SAMPLE_FMT_S32:
		return (float)((const int32_t *)(const void *)p)[k] / 2147483648.f;
	case AV_SAMPLE_FMT_FLT:	return ((const float *)(const void *)p)[k];
	case AV_SAMPLE_FMT_DBL:	return (float)((const double *)(const void *)p)[k];
	default:		return 0;
	}
}

/* BS.1770 table 3: surround channels count more, low frequency effects do not. */
static void
begin_loudness(struct eye *e, const AVFrame *f)
{
	double weight[CHANNELS];

	for (int c = 0; c < CHANNELS; c++)
		switch (av_channel_layout_channel_from_index(&f->ch_layout, (unsigned)c)) {
		case AV_CHAN_LOW_FREQUENCY:
		case AV_CHAN_LOW_FREQUENCY_2:
			weight[c] = 0;
			break;
		case AV_CHAN_SIDE_LEFT:
		case AV_CHAN_SIDE_RIGHT:
		case AV_CHAN_BACK_LEFT:
		case AV_CHAN_BACK_RIGHT:
			weight[c] = 1.41;
			break;
		default:
			weight[c] = 1;
		}
	loudness_init(e->loud, (unsigned)f->sample_rate, (unsigned)f->ch_layout.nb_channels,
	    weight);
}

static bool
room_for(struct eye *e, size_t n)
{
	if (n <= e->samples)
		return true;
	for (int c = 0; c < CHANNELS; c++) {
		float *p = realloc(e->sample[c], n * sizeof(*p));

		if (p == NULL)
			return false;
		e->sample[c] = p;
	}
	e->samples = n;
	return true;
}

static void
listen_to(struct eye *e, int64_t at)
{
	const AVFrame *f = e->frame;
	int channels = f->ch_layout.nb_channels, n = f->nb_samples;
	int used = channels < CHANNELS ? channels : CHANNELS;
	float level = powf(10, (float)e->watch->cfg.silence_level / 20000);
	bool loud = false;

	if (n <= 0 || f->sample_rate <= 0 || channels <= 0 || !room_for(e, (size_t)n))
		return;
	if (e->s.sample_rate != (unsigned)f->sample_rate || e->s.channels != (unsigned)channels) {
		e->s.sample_rate = (unsigned)f->sample_rate;
		e->s.channels = (unsigned)channels;
		begin_loudness(e, f);
	}
	for (int c = 0; c < used; c++)
		for (int i = 0; i < n; i++)
			e->sample[c][i] = sample_of(f, c, channels, i);
	for (int i = 0; i < n; i++) {
		bool silent = true;

		for (int c = 0; c < used; c++)
			silent = silent && fabsf(e->sample[c][i]) < level;
		loud |= !silent;
		if (silent != e->spell[WATCH_SILENCE].on)
			lasts(e, WATCH_SILENCE, silent, at + i * CLK_90K / f->sample_rate);
	}
	lasts(e, WATCH_SILENCE, e->spell[WATCH_SILENCE].on,
	    at + n * CLK_90K / f->sample_rate);
	e->s.not_so[WATCH_SILENCE] += loud;
	loudness_add(e->loud, (const float *const *)e->sample, (size_t)n);
	e->s.momentary = e->loud->momentary;
	e->s.short_term = e->loud->short_term;
	e->s.momentary_max = e->loud->momentary_max;
	e->s.short_term_max = e->loud->short_term_max;
}

/* ---- decoding */

static void
take_frame(struct eye *e)
{
	AVFrame *f = e->frame;
	int64_t at = f->best_effort_timestamp, length;

	e->s.frames++;
	e->s.errors += f->decode_error_flags != 0;
	if (at == AV_NOPTS_VALUE)
		at = e->end_90k;
	/* After a jump nothing goes on. */
	if (e->s.frames > 1 && (at < e->end_90k - CLK_90K || at > e->end_90k + 10 * CLK_90K))
		end_all(e);
	length = e->s.video ? e->length_90k :
	    f->sample_rate > 0 ? f->nb_samples * CLK_90K / f->sample_rate : 0;
	if (e->s.video) {
		AVRational rate = e->ctx->framerate;

		if (rate.num > 0 && rate.den > 0)
			length = e->length_90k = CLK_90K * rate.den / rate.num;
		look(e, at);
	} else {
		listen_to(e, at);
	}
	e->end_90k = at + length;
}

static void
decode(struct eye *e, const AVPacket *pkt)
{
	if (avcodec_send_packet(e->ctx, pkt) < 0 && pkt != NULL)
		e->s.errors++;
	while (avcodec_receive_frame(e->ctx, e->frame) >= 0) {
		take_frame(e);
		av_frame_unref(e->frame);
	}
}

/* A payload of a PES packet; the parser makes whole frames of it.  p NULL: no more. */
static void
feed(struct eye *e, const uint8_t *p, size_t len, int64_t pts, int64_t dts)
{
	bool end = p == NULL;

	if (pts == PES_NO_TIME)
		pts = dts = AV_NOPTS_VALUE;
	do {
		uint8_t *out;
		int size, n = av_parser_parse2(e->parser, e->ctx, &out, &size, p, (int)len,
		    pts, dts, 0);

		p = end ? NULL : p + n;
		len -= (size_t)n;
		pts = dts = AV_NOPTS_VALUE;
		if (size > 0 && av_new_packet(e->pkt, size) == 0) {
			memcpy(e->pkt->data, out, (size_t)size);
			e->pkt->pts = e->parser->pts;
			e->pkt->dts = e->parser->dts;
			decode(e, e->pkt);
			av_packet_unref(e->pkt);
		}
		if (end && size <= 0)
			break;
	} while (len > 0 || end);
}

static void
close_eye(struct eye *e)
{
	av_parser_close(e->parser);
	e->parser = NULL;
	avcodec_free_context(&e->ctx);
	av_packet_free(&e->pkt);
	av_frame_free(&e->frame);
	av_frame_free(&e->still);
	free(e->loud);
	e->loud = NULL;
	for (int c = 0; c < CHANNELS; c++) {
		free(e->sample[c]);
		e->sample[c] = NULL;
	}
	e->samples = 0;
}

static bool
open_codec(struct eye *e, enum codec codec)
{
	const AVCodec *c = codec == CODEC_MPEGA ? avcodec_find_decoder_by_name("mp3float") :
	    avcodec_find_decoder(codec_av_id(codec));

	if (c == NULL)
		return false;
	e->ctx = avcodec_alloc_context3(c);
	e->parser = av_parser_init((int)c->id);
	e->pkt = av_packet_alloc();
	e->frame = av_frame_alloc();
	e->loud = calloc(1, sizeof(*e->loud));
	if (e->ctx == NULL || e->parser == NULL || e->pkt == NULL || e->frame == NULL ||
	    e->loud == NULL)
		return false;
	e->ctx->pkt_timebase = (AVRational){ 1, 90000 };
	e->ctx->thread_count = 1;
	e->ctx->err_recognition = AV_EF_CRCCHECK;
	return avcodec_open2(e->ctx, c, NULL) >= 0;
}

/* The place of a stream; a PID that comes again gets the one it had. */
static struct eye *
eye_of(struct watch *w, struct tsdemux_stream *s)
{
	enum codec_kind kind = codec_kind(s->codec);
	struct eye *e = NULL;

	if (s->user != NULL)
		return s->user;
	if ((kind != KIND_VIDEO && kind != KIND_AUDIO) ||
	    (kind == KIND_VIDEO ? w->cfg.no_video : w->cfg.no_audio) ||
	    s->codec == CODEC_OPUS || codec_av_id(s->codec) == AV_CODEC_ID_NONE)
		return NULL;
	for (unsigned i = 0; i < w->n; i++)
		if (w->eye[i]->s.pid == s->pid)
			e = w->eye[i];
	if (e == NULL) {
		if (w->n == WATCH_STREAMS || (e = calloc(1, sizeof(*e))) == NULL)
			return NULL;
		e->watch = w;
		e->s = (struct watch_stream){ .pid = s->pid, .momentary = WATCH_NO_LEVEL,
		    .short_term = WATCH_NO_LEVEL, .integrated = WATCH_NO_LEVEL,
		    .momentary_max = WATCH_NO_LEVEL, .short_term_max = WATCH_NO_LEVEL };
		w->eye[w->n++] = e;
	}
	if (e->ctx != NULL) {
		end_all(e);
		close_eye(e);
	}
	e->s.video = kind == KIND_VIDEO;
	e->s.channels = e->s.sample_rate = 0;
	if (!open_codec(e, s->codec)) {
		close_eye(e);
		return NULL;
	}
	s->user = e;
	return e;
}

static void
take_units(struct watch *w)
{
	struct tsdemux_event ev;
	size_t used, pos = 0;
	int r;

	while ((r = tsdemux_next(&w->demux, w->buf + pos, w->len - pos, &used, &ev)) == 1) {
		struct eye *e;

		pos += used;
		if (ev.type != TSDEMUX_UNIT || (e = eye_of(w, ev.stream)) == NULL)
			continue;
		e->ctx->skip_frame = w->spare && e->s.video ? AVDISCARD_NONKEY :
		    AVDISCARD_DEFAULT;
		e->ctx->skip_loop_filter = w->cfg.rough ? AVDISCARD_ALL : AVDISCARD_DEFAULT;
		feed(e, ev.data, ev.len, ev.pts, ev.dts);
	}
	pos += used;
	w->len -= pos;
	memmove(w->buf, w->buf + pos, w->len);
	if (r < 0 || w->len == WINDOW)
		w->len = 0;
}

void
watch_push(struct watch *w, size_t stride, const uint8_t *p, size_t len)
{
	if (stride == 0)
		return;			/* nobody knows yet where its packets are */
	w->demux.sync.stride = stride;
	while (len > 0) {
		size_t n = WINDOW - w->len < len ? WINDOW - w->len : len;

		memcpy(w->buf + w->len, p, n);
		w->len += n;
		p += n;
		len -= n;
		take_units(w);
	}
}

void
watch_end(struct watch *w)
{
	w->demux.eof = true;
	take_units(w);
	for (unsigned i = 0; i < w->n; i++) {
		struct eye *e = w->eye[i];

		if (e->ctx == NULL)
			continue;
		feed(e, NULL, 0, AV_NOPTS_VALUE, AV_NOPTS_VALUE);
		decode(e, NULL);
		end_all(e);
	}
}

void
watch_spare(struct watch *w, bool spare)
{
	w->spare = spare;
}

const struct watch_stream *
watch_stream(struct watch *w, unsigned i)
{
	struct eye *e = i < w->n ? w->eye[i] : NULL;
	const AVCodecContext *ctx;

	if (e == NULL)
		return NULL;
	ctx = e->ctx;
	if (ctx != NULL && e->s.frames > 0) {
		const char *profile = avcodec_profile_name(ctx->codec_id, ctx->profile);

		snprintf(e->s.codec, sizeof(e->s.codec), "%s%s%s",
		    avcodec_get_name(ctx->codec_id), profile != NULL ? " " : "",
		    profile != NULL ? profile : "");
		if (!e->s.video)
			e->s.integrated = loudness_integrated(e->loud);
	}
	return &e->s;
}

struct watch *
watch_new(const struct watch_config *cfg)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->cfg = *cfg;
	av_log_set_level(AV_LOG_QUIET);
	if (tsdemux_init(&w->demux) < 0) {
		free(w);
		return NULL;
	}
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < w->n; i++) {
		close_eye(w->eye[i]);
		free(w->eye[i]);
	}
	tsdemux_free(&w->demux);
	free(w);
}

#else

void
watch_spare(struct watch *w, bool spare)
{
	(void)w, (void)spare;
}

bool
watch_there(void)
{
	return false;
}

struct watch *
watch_new(const struct watch_config *cfg)
{
	(void)cfg;
	return NULL;
}

void
watch_free(struct watch *w)
{
	(void)w;
}

void
watch_push(struct watch *w, size_t stride, const uint8_t *p, size_t len)
{
	(void)w, (void)stride, (void)p, (void)len;
}

void
watch_end(struct watch *w)
{
	(void)w;
}

const struct watch_stream *
watch_stream(struct watch *w, unsigned i)
{
	(void)w, (void)i;
	return NULL;
}

#endif
