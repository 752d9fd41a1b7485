#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/decode.h"
#include "lib/base/log.h"
#include "lib/media/codecav.h"
#include "lib/media/psi.h"

/* channel_config_code of the Opus descriptor, as an OpusHead (RFC 7845 5.1). */
static int
opus_extradata(AVCodecContext *ctx, const uint8_t *desc, size_t desc_len)
{
	static const uint8_t streams[9] = { 1, 1, 1, 2, 2, 3, 4, 4, 5 };
	static const uint8_t coupled[9] = { 1, 0, 1, 1, 2, 2, 2, 3, 3 };
	static const uint8_t map[8][8] = {
		{ 0 }, { 0, 1 }, { 0, 2, 1 }, { 0, 1, 2, 3 }, { 0, 4, 1, 2, 3 },
		{ 0, 4, 1, 2, 3, 5 }, { 0, 4, 1, 2, 3, 5, 6 },
		{ 0, 6, 1, 2, 3, 4, 5, 7 },
	};
	const uint8_t *ext;
	unsigned code = 2, channels;
	size_t len;
	uint8_t *x;

	ext = desc_find(desc, desc_len, DESC_EXTENSION, &len);
	if (ext != NULL && len >= 2 && ext[0] == 0x80)
		code = ext[1];
	if (code > 8)
		return -ENOTSUP;
	channels = code == 0 ? 2 : code;
	x = av_mallocz(19 + 2 + 8 + AV_INPUT_BUFFER_PADDING_SIZE);
	if (x == NULL)
		return -ENOMEM;
	memcpy(x, "OpusHead\1", 9);
	x[9] = (uint8_t)channels;
	x[12] = 0x80, x[13] = 0xbb;	/* 48000 */
	if (channels > 2 || code == 0) {
		x[18] = code == 0 ? 255 : 1;
		x[19] = streams[code];
		x[20] = coupled[code];
		memcpy(x + 21, map[channels - 1], channels);
	}
	ctx->extradata = x;
	ctx->extradata_size = x[18] == 0 ? 19 : (int)(21 + channels);
	return 0;
}

int
decoder_open(struct decoder *d, enum codec codec, const uint8_t *desc,
    size_t desc_len, int threads)
{
	const AVCodec *c = NULL;
	int err = -ENOMEM;

	*d = (struct decoder){ .codec = codec };
	if (codec == CODEC_MPEGA)
		c = avcodec_find_decoder_by_name("mp3float");
	if (c == NULL)
		c = avcodec_find_decoder(codec_av_id(codec));
	if (c == NULL)
		return -ENOTSUP;
	d->ctx = avcodec_alloc_context3(c);
	d->pkt = av_packet_alloc();
	d->parser = av_parser_init((int)c->id);
	if (d->ctx == NULL || d->pkt == NULL)
		goto failed;
	d->ctx->pkt_timebase = (AVRational){ 1, 90000 };
	d->ctx->thread_count = threads;
	if (codec == CODEC_OPUS && (err = opus_extradata(d->ctx, desc, desc_len)) < 0)
		goto failed;
	err = -ENOTSUP;
	if (avcodec_open2(d->ctx, c, NULL) < 0)
		goto failed;
	return 0;
failed:
	decoder_close(d);
	return err;
}

static void
keep(struct decoder *d, AVFrame *f)
{
	if (d->head + d->n == d->size) {
		if (d->head > 0) {
			memmove(d->ready, d->ready + d->head,
			    d->n * sizeof(AVFrame *));
			d->head = 0;
		} else {
			unsigned size = d->size * 2 + 16;
			AVFrame **p = realloc(d->ready, size * sizeof(AVFrame *));

			if (p == NULL) {
				av_frame_free(&f);
				return;
			}
			d->ready = p;
			d->size = size;
		}
	}
	d->ready[d->head + d->n++] = f;
}

static void
collect(struct decoder *d)
{
	for (;;) {
		AVFrame *f = av_frame_alloc();

		if (f == NULL || avcodec_receive_frame(d->ctx, f) < 0) {
			av_frame_free(&f);
			return;
		}
		f->pts = f->best_effort_timestamp;
		d->frames++;
		if (f->decode_error_flags != 0 ||
		    (f->flags & AV_FRAME_FLAG_CORRUPT) != 0)
			d->corrupt++;
		/* From the first good picture on, a damaged one is better than none. */
		if (!d->seen)
			d->ctx->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
		d->seen = true;
		keep(d, f);
	}
}

static void
decode(struct decoder *d, const uint8_t *data, int len, int64_t pts, int64_t dts)
{
	int r;

	if (av_new_packet(d->pkt, len) < 0)
		return;
	memcpy(d->pkt->data, data, (size_t)len);
	d->pkt->pts = pts;
	d->pkt->dts = dts;
	r = avcodec_send_packet(d->ctx, d->pkt);
	if (r == AVERROR(EAGAIN)) {	/* cannot be: all frames are taken each time */
		collect(d);
		r = avcodec_send_packet(d->ctx, d->pkt);
	}
	if (r < 0)
		d->errors++;
	av_packet_unref(d->pkt);
	collect(d);
}

/*
 * Is this just one picture?  Then the parser, which waits for the start of the
 * next, would only delay it.  What begins a picture: an access unit delimiter of
 * AVC (9) or HEVC (35), a picture header of MPEG-1 and 2 (0).
 */
static bool
whole_picture(const struct decoder *d, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	bool first = true;
	unsigned starts = 0;

	while (end - p > 3) {
		const uint8_t *one = memchr(p + 2, 1, (size_t)(end - p) - 3);
		unsigned type;

		if (one == NULL)
			break;
		p = one;
		if (one[-1] != 0 || one[-2] != 0) {
			p = one - 1;
			continue;
		}
		type = d->codec == CODEC_AVC ? one[1] & 31u :
		    d->codec == CODEC_HEVC ? one[1] >> 1 & 63u : one[1];
		switch (d->codec) {
		case CODEC_AVC:
			starts += type == 9;
			if (first && type != 9)
				return false;
			break;
		case CODEC_HEVC:
			starts += type == 35;
			if (first && type != 35)
				return false;
			break;
		default:
			starts += type == 0;
			if (first && type != 0 && type != 0xb3 && type != 0xb8)
				return false;
		}
		first = false;
	}
	return starts == 1;
}

static void
parse(struct decoder *d, const uint8_t *data, size_t len, int64_t pts, int64_t dts)
{
	do {
		uint8_t *out;
		int out_len, used;

		used = av_parser_parse2(d->parser, d->ctx, &out, &out_len, data,
		    (int)len, pts, dts, 0);
		if (used < 0)
			return;
		data += used;
		len -= (size_t)used;
		pts = dts = AV_NOPTS_VALUE;
		if (out_len > 0)
			decode(d, out, out_len, d->parser->pts, d->parser->dts);
	} while (len > 0);
}

void
decoder_send(struct decoder *d, const uint8_t *data, size_t len, int64_t pts,
    int64_t dts)
{
	uint8_t *padded;

	if (len == 0 || len > INT32_MAX / 2)
		return;
	if (d->parser == NULL || (codec_kind(d->codec) == KIND_VIDEO && !d->pending &&
	    whole_picture(d, data, len))) {
		decode(d, data, (int)len, pts, dts);
		return;
	}
	d->pending = true;
	padded = malloc(len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (padded == NULL)
		return;
	memcpy(padded, data, len);
	memset(padded + len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	parse(d, padded, len, pts, dts);
	free(padded);
}

void
decoder_drain(struct decoder *d)
{
	static const uint8_t padding[AV_INPUT_BUFFER_PADDING_SIZE];

	if (d->pending)
		parse(d, padding, 0, AV_NOPTS_VALUE, AV_NOPTS_VALUE);
	avcodec_send_packet(d->ctx, NULL);
	collect(d);
}

AVFrame *
decoder_receive(struct decoder *d)
{
	if (d->n == 0)
		return NULL;
	d->n--;
	return d->ready[d->head++];
}

void
decoder_close(struct decoder *d)
{
	AVFrame *f;

	while ((f = decoder_receive(d)) != NULL)
		av_frame_free(&f);
	free(d->ready);
	av_packet_free(&d->pkt);
	if (d->parser != NULL)
		av_parser_close(d->parser);
	avcodec_free_context(&d->ctx);
	*d = (struct decoder){ 0 };
}

void
decoder_send_frame(struct decoder *d, const uint8_t *data, size_t len, int64_t pts)
{
	if (len > 0 && len <= INT32_MAX / 2)
		decode(d, data, (int)len, pts, pts);
}
