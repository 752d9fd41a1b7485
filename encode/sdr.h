/*
 * sdr.h - pictures of HDR in SDR, and what colours a source is taken to have.
 *
 * Spec     ITU-T H.273 (code points); see tonemap.h.
 * Memory   sdr_free() gives all back; the table is made with the first picture.
 * Threads  One sdr belongs to one thread; frames may go to others.
 */
#ifndef ENCODE_SDR_H
#define ENCODE_SDR_H

#include <stdbool.h>

#include <libavutil/frame.h>

#include "encode/scale.h"
#include "encode/tonemap.h"

enum color { COLOR_UNSAID, COLOR_601, COLOR_709, COLOR_HDR10, COLOR_HLG };

/* false: no such name. */
bool color_parse(const char *name, enum color *c);

/* The picture's own colours become these: always if forced, else where it says none. */
void color_take(AVFrame *f, enum color c, bool force);

/* Is it PQ or HLG? */
bool color_is_hdr(const AVFrame *f);

struct sdr {
	struct scaler to_size;		/* in 10 bits */
	struct scaler room;		/* for what is made */
	struct tonemap *table;		/* of the source as it is, or NULL */
};

/* format: YUV420P or YUV420P10. */
void sdr_init(struct sdr *s, int width, int height, enum AVPixelFormat format);

/* In its size; NULL without memory. */
AVFrame *sdr_frame(struct sdr *s, const AVFrame *in);
void sdr_free(struct sdr *s);

#endif
