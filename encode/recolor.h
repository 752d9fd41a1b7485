/*
 * recolor.h - pictures in the light of a rung, and what colours a source is taken to have.
 *
 * Spec     ITU-T H.273 (code points); see tonemap.h.
 * Memory   recolor_free() gives all back; the table is made with the first picture.
 * Threads  One belongs to one thread; frames may go to others.
 */
#ifndef ENCODE_RECOLOR_H
#define ENCODE_RECOLOR_H

#include <stdbool.h>

#include <libavutil/frame.h>

#include "encode/scale.h"
#include "encode/tonemap.h"

enum color { COLOR_UNSAID, COLOR_601, COLOR_709, COLOR_HDR10, COLOR_HLG };

/* false: no such name. */
bool color_parse(const char *name, enum color *c);

/*
 * The picture's own colours become these: always if forced, else where it says none.  RGB
 * has the matrix that it gets as Y'CbCr.
 */
void color_take(AVFrame *f, enum color c, bool force);

/* What is not PQ or HLG is SDR. */
enum light color_light(const AVFrame *f);

struct recolor {
	enum light to;
	struct scaler to_size;		/* in 10 bits */
	struct scaler room;		/* for what is made */
	struct tonemap *table;		/* of the source as it is, or NULL */
	int64_t	 made;			/* at this time, 90 kHz */
};

/* format: YUV420P or YUV420P10. */
void recolor_init(struct recolor *s, int width, int height, enum AVPixelFormat format,
    enum light to);

/* A picture of another light, in its size; NULL without memory. */
AVFrame *recolor_frame(struct recolor *s, const AVFrame *in);
void recolor_free(struct recolor *s);

#endif
