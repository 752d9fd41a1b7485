#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/channel_layout.h>

#include "encode/acoder.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"
#include "lib/media/pes.h"

static const AVCodec *
codec_for(const struct audio_spec *spec)
{
	if (spec->he > 0)
		return avcodec_find_encoder_by_name("libfdk_aac");
	switch (spec->codec) {
	case CODEC_AC3:
		return avcodec_find_encoder_by_name("ac3");
	case CODEC_EAC3:
		return avcodec_find_encoder_by_name("eac3");
	case CODEC_OPUS:
		return avcodec_find_encoder_by_name("libopus");
	default:
		return avcodec_find_encoder(AV_CODEC_ID_AAC);
	}
}

uint64_t
acoder_layout(const struct audio_spec *spec, uint64_t source)
{
	bool opus = spec->codec == CODEC_OPUS;

	if (spec->layout != 0)
		return spec->layout;
	switch (audiospec_channels(source)) {
	case 1:
		return AV_CH_LAYOUT_MONO;
	case 2:
		return AV_CH_LAYOUT_STEREO;
	case 3:
		return source == AV_CH_LAYOUT_SURROUND ? source : AV_CH_LAYOUT_5POINT1_BACK;
	case 4:
		if (opus && (source == AV_CH_LAYOUT_QUAD || source == AV_CH_LAYOUT_2_2))
			return AV_CH_LAYOUT_QUAD;
		return !opus && source == AV_CH_LAYOUT_4POINT0 ? source :
		    AV_CH_LAYOUT_5POINT1_BACK;
	case 5:
		return source == AV_CH_LAYOUT_5POINT0 || source == AV_CH_LAYOUT_5POINT0_BACK ?
		    AV_CH_LAYOUT_5POINT0_BACK : AV_CH_LAYOUT_5POINT1_BACK;
	case 8:
		return opus ? AV_CH_LAYOUT_7POINT1 : AV_CH_LAYOUT_5POINT1_BACK;
	default:
		return AV_CH_LAYOUT_5POINT1_BACK;
	}
}

/* AC-3 has certain rates only. */
static uint64_t
usual_rate(const struct audio_spec *spec, unsigned channels)
{
	static const uint16_t ac3[MIX_ROWS + 1] = { 0, 96, 192, 256, 320, 384, 384, 448, 448 };
	static const uint16_t eac3[MIX_ROWS + 1] = { 0, 64, 128, 160, 192, 224, 256, 320, 384 };
	unsigned lone = channels == 1;

	switch (spec->codec) {
	case CODEC_AC3:
		return ac3[channels] * UINT64_C(1000);
	case CODEC_EAC3:
		return eac3[channels] * UINT64_C(1000);
	case CODEC_OPUS:
		return (lone ? 64 : 48 * channels) * UINT64_C(1000);
	default:
		return (spec->he == 2 ? 16 : spec->he == 1 ? 32 : 64) * UINT64_C(1000) * channels;
	}
}

uint64_t
acoder_rate(const struct audio_spec *spec, unsigned channels)
{
	if (spec->rate == 0)
		return usual_rate(spec, channels);
	return spec->per_pair ? spec->rate * channels / 2 : spec->rate;
}

static AVCodecContext *
open_encoder(const struct audio_spec *spec, uint64_t layout, uint64_t rate)
{
	const AVCodec *codec = codec_for(spec);
	AVCodecContext *e = codec != NULL ? avcodec_alloc_context3(codec) : NULL;

	if (e == NULL)
		return NULL;
	av_channel_layout_from_mask(&e->ch_layout, layout);
	e->sample_rate = (int)spec->hz;
	e->sample_fmt = spec->codec == CODEC_OPUS ? AV_SAMPLE_FMT_FLT :
	    spec->he > 0 ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLTP;
	e->bit_rate = (int64_t)rate;
	e->time_base = (AVRational){ 1, (int)spec->hz };
	e->thread_count = 1;
	if (spec->he > 0)
		e->profile = spec->he == 2 ? FF_PROFILE_AAC_HE_V2 : FF_PROFILE_AAC_HE;
	if (avcodec_open2(e, codec, NULL) < 0 || e->frame_size <= 0)
		avcodec_free_context(&e);
	return e;
}

static int
read_config(const AVCodecContext *e, const struct audio_spec *spec,
    struct audio_info *info)
{
	const uint8_t *x = e->extradata;
	size_t len = (size_t)e->extradata_size;

	if (spec->codec == CODEC_AAC)
		return x == NULL ? -EBADMSG : audio_parse_asc(x, len, info);
	if (spec->codec == CODEC_OPUS)
		return x == NULL ? -EBADMSG : audio_parse_opus_head(x, len, info);
	return 0;
}

const char *
acoder_check(const struct audio_spec *spec)
{
	uint64_t layout = acoder_layout(spec, AV_CH_LAYOUT_STEREO);
	struct audio_info info;
	AVCodecContext *e;
	int err;

	if (codec_for(spec) == NULL)
		return spec->he > 0 ? "this libavcodec has no encoder for HE-AAC (libfdk_aac)" :
		    "this libavcodec has no encoder for it";
	e = open_encoder(spec, layout, acoder_rate(spec, audiospec_channels(layout)));
	if (e == NULL)
		return "the encoder refuses it: try another rate";
	err = read_config(e, spec, &info);
	avcodec_free_context(&e);
	return err < 0 ? "the encoder makes what this program cannot write" : NULL;
}

/* ---- packets */

static struct output_unit *
unit_of(struct acoder *c)
{
	size_t len = (size_t)c->pkt->size, head;
	uint8_t opus[OPUS_HEADER_MAX(8192)], adts[ADTS_HEADER];
	struct output_unit *u;

	if (c->spec->codec == CODEC_OPUS && len <= 8192) {
		head = audio_opus_header_put(len, 0, 0, opus);
		u = output_unit_new(NULL, head + len);
		memcpy(u->data, opus, head);
	} else if (c->spec->codec == CODEC_AAC) {
		head = ADTS_HEADER;
		if (audio_adts_put(&c->info, len, adts) < 0)
			return NULL;
		u = output_unit_new(NULL, head + len);
		memcpy(u->data, adts, head);
	} else {
		head = 0;
		u = output_unit_new(NULL, len);
	}
	memcpy(u->data + head, c->pkt->data, len);
	return u;
}

static void
put_packet(struct acoder *c)
{
	struct output_unit *u = unit_of(c);

	if (u == NULL)
		return;
	u->pts = u->dts = rescale_near(c->pkt->pts, 90000, c->spec->hz);
	u->random_access = true;
	output_put(c->out, c->stream, u);
}

/* The packets of an encoder from a sample on, and before another; false: it reached that. */
static bool
collect(struct acoder *c, AVCodecContext *e, int64_t from, int64_t to)
{
	bool more = true;

	while (avcodec_receive_packet(e, c->pkt) >= 0) {
		more &= c->pkt->pts < to;
		if (c->pkt->pts >= from && c->pkt->pts < to)
			put_packet(c);
		av_packet_unref(c->pkt);
	}
	return more;
}

static void
send(struct acoder *c, AVFrame *f)
{
	int64_t to = c->next != NULL ? c->from : INT64_MAX;
	bool more = true;

	if (avcodec_send_frame(c->enc, f) >= 0)
		more = collect(c, c->enc, INT64_MIN, to);
	if (c->next == NULL)
		return;
	if (avcodec_send_frame(c->next, f) >= 0)
		collect(c, c->next, to, INT64_MAX);
	if (more)
		return;
	avcodec_free_context(&c->enc);
	c->enc = c->next;
	c->next = NULL;
}

/*
 * Is it time for a successor?  By measurement: after 24 frames no seam is heard in Opus,
 * which predicts, nor in the rate of AAC; frames of AC-3 only overlap.
 */
static void
relieve(struct acoder *c, int samples)
{
	bool ac3 = c->spec->codec == CODEC_AC3 || c->spec->codec == CODEC_EAC3;
	int64_t n = c->pos / samples + (ac3 ? 4 : 24);

	if (n % ACODER_PERIOD != 0 || c->next != NULL)
		return;
	c->next = open_encoder(c->spec, c->layout, c->bit_rate);
	if (c->next != NULL)
		c->from = n * samples - c->next->initial_padding;
}

/* ---- samples */

static void
to_format(AVFrame *f, float *const *data, int n)
{
	int channels = f->ch_layout.nb_channels;

	for (int ch = 0; ch < channels; ch++)
		for (int i = 0; i < n; i++) {
			float x = data[ch][i];

			if (f->format == AV_SAMPLE_FMT_FLT)
				((float *)(void *)f->data[0])[i * channels + ch] = x;
			else
				((int16_t *)(void *)f->data[0])[i * channels + ch] = (int16_t)
				    (x >= 1 ? 32767 : x <= -1 ? -32768 : x * 32767);
		}
}

static void
encode(struct acoder *c, int samples, int n)
{
	float *plane[MIX_ROWS] = { NULL };
	AVFrame *f = av_frame_alloc();
	uint8_t *raw[MIX_ROWS];

	if (f == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	relieve(c, samples);
	f->format = c->enc->sample_fmt;
	f->nb_samples = n;
	f->sample_rate = (int)c->spec->hz;
	av_channel_layout_from_mask(&f->ch_layout, c->layout);
	if (av_frame_get_buffer(f, 0) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	f->pts = c->pos;
	if (av_sample_fmt_is_planar((enum AVSampleFormat)f->format)) {
		av_audio_fifo_read(c->fifo, (void **)f->data, n);
	} else {
		if (av_samples_alloc(raw, NULL, f->ch_layout.nb_channels, n,
		    AV_SAMPLE_FMT_FLTP, 0) < 0)
			fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
		av_audio_fifo_read(c->fifo, (void **)raw, n);
		for (int i = 0; i < f->ch_layout.nb_channels; i++)
			plane[i] = (float *)(void *)raw[i];
		to_format(f, plane, n);
		av_freep((void *)&raw[0]);
	}
	send(c, f);
	c->pos += n;
	av_frame_free(&f);
}

/* What a PMT says of it beside the language. */
static void
announce(struct acoder *c)
{
	struct output_stream *s = c->stream;
	const struct audio_spec *spec = c->spec;
	int n = 0;

	s->max_rate = c->bit_rate;
	switch (spec->codec) {
	case CODEC_AC3:
		desc_put(s->desc, sizeof(s->desc), &s->desc_len, DESC_REGISTRATION, "AC-3", 4);
		break;
	case CODEC_EAC3:
		desc_put(s->desc, sizeof(s->desc), &s->desc_len, DESC_REGISTRATION, "EAC3", 4);
		break;
	case CODEC_OPUS:
		n = audio_opus_desc_put(&c->info, s->desc + s->desc_len,
		    sizeof(s->desc) - s->desc_len);
		s->desc_len += n > 0 ? (size_t)n : 0;
		break;
	default:
		break;
	}
}

int64_t
acoder_open(struct acoder *c, const struct audio_spec *spec, struct output *out,
    struct output_stream *s, uint64_t layout, int64_t pos)
{
	bool again = c->spec != NULL;
	unsigned channels = audiospec_channels(layout);
	int samples;

	*c = (struct acoder){
		.spec = spec, .out = out, .stream = s, .layout = layout,
		.bit_rate = acoder_rate(spec, channels), .pkt = av_packet_alloc(),
	};
	if (c->pkt == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	c->enc = open_encoder(spec, layout, c->bit_rate);
	if (c->enc == NULL) {		/* it is not for so many channels, or few */
		log_warn(0, "--audio '%s': no %s of %s has %llu bit/s, but %llu", spec->text,
		    codec_name(spec->codec), audiospec_layout_name(layout),
		    (unsigned long long)c->bit_rate,
		    (unsigned long long)usual_rate(spec, channels));
		c->bit_rate = usual_rate(spec, channels);
		c->enc = open_encoder(spec, layout, c->bit_rate);
	}
	if (c->enc == NULL || read_config(c->enc, spec, &c->info) < 0)
		fatal(EXIT_RUNTIME, 0, "cannot open the %s encoder for %s at %llu bit/s",
		    codec_name(spec->codec), audiospec_layout_name(layout),
		    (unsigned long long)c->bit_rate);
	samples = c->enc->frame_size;
	c->pos = rescale_down(pos, 1, samples) * samples;
	c->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, (int)audiospec_channels(layout),
	    8 * samples);
	if (c->fifo == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	if (!again)
		announce(c);
	return c->pos;
}

void
acoder_push(struct acoder *c, const float *const *data, int n)
{
	int samples = c->enc->frame_size;

	if (av_audio_fifo_write(c->fifo, (void **)(uintptr_t)data, n) < n)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold audio");
	while (av_audio_fifo_size(c->fifo) >= samples)
		encode(c, samples, samples);
}

void
acoder_close(struct acoder *c)
{
	int left = c->fifo != NULL ? av_audio_fifo_size(c->fifo) : 0;

	if (c->enc == NULL)
		return;
	if (left > 0)
		encode(c, c->enc->frame_size, left);
	send(c, NULL);
	acoder_free(c);
}

void
acoder_free(struct acoder *c)
{
	avcodec_free_context(&c->enc);
	avcodec_free_context(&c->next);
	av_packet_free(&c->pkt);
	if (c->fifo != NULL)
		av_audio_fifo_free(c->fifo);
	c->fifo = NULL;
}
