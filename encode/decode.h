/*
 * decode.h - compressed units to frames, by libavcodec.
 *
 * Damage is concealed and counted; nothing that comes in ends the program.
 *
 * Units    Times are media time in 90 kHz ticks, or PES_NO_TIME; the frames carry
 *          theirs in pts (AV_NOPTS_VALUE is the same number).
 * Memory   decoder_receive() gives the frame.
 * Threads  One decoder belongs to one thread, and may have some of its own.
 * Errors   -ENOTSUP no decoder for this codec, -ENOMEM.
 */
#ifndef ENCODE_DECODE_H
#define ENCODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>

#include "lib/media/codec.h"

struct decoder {
	enum codec codec;
	AVCodecContext *ctx;
	AVCodecParserContext *parser;
	AVPacket *pkt;
	bool	 pending;		/* the parser holds something */
	bool	 seen;			/* a frame has come out */
	unsigned n, head, size;		/* frames that wait for decoder_receive() */
	AVFrame	 **ready;
	uint64_t frames, corrupt, errors;
};

/* desc: the PMT descriptors of the stream. */
int decoder_open(struct decoder *d, enum codec codec, const uint8_t *desc,
    size_t desc_len, int threads);

/* A PES payload. */
void decoder_send(struct decoder *d, const uint8_t *data, size_t len,
    int64_t pts, int64_t dts);

/* One whole frame, which needs no parser. */
void decoder_send_frame(struct decoder *d, const uint8_t *data, size_t len,
    int64_t pts);

/* The end: all that is inside comes out.  Only decoder_close() may follow. */
void decoder_drain(struct decoder *d);

AVFrame *decoder_receive(struct decoder *d);
void decoder_close(struct decoder *d);

#endif
