/*
 * paint.h - what is laid over a picture, in its own colours: Y'CbCr 4:2:0 of 8 or 10 bits.
 *
 * All that can be is made beforehand: the product of colour and opacity, in the place and
 * the size where it lies, and each line from the first to the last sample that it has.
 * What remains for a picture is one multiplication a sample.
 *
 * In HDR it is shown as SDR is there: its white is the reference white.
 *
 * Spec     ITU-T H.273 (matrices); chroma of 4:2:0 lies as in MPEG-2, between two lines on
 *          the left; ITU-R BT.2408 5.1 (graphics in HDR).
 * Memory   paint_free() gives back what paint_new() gives.
 * Threads  What is made is only read.
 */
#ifndef ENCODE_PAINT_H
#define ENCODE_PAINT_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "encode/art.h"
#include "encode/tonemap.h"

#define PAINT_FULL	256		/* of what is opaque */

/* The pictures: all sides even. */
struct paint_ground {
	int	 width, height;
	bool	 deep;			/* YUV420P10, else YUV420P */
	int	 matrix;		/* as in H.273 */
	const struct tonemap *hdr;	/* from SDR, of 10 bits; NULL: it is SDR */
};

/* Samples of one plane: out = (in * (256 - a) + p) / 256, rounded. */
struct paint_plane {
	int	 w, h;
	uint16_t *a, *p;		/* p in 1/256, and in 1/64 of a deep one */
	int	*from, *to;		/* of each line, what is not transparent */
};

struct paint {
	int	 x, y;			/* of luma, both even; may be outside */
	bool	 deep;
	uint16_t *memory;
	int	*spans;
	struct paint_plane plane[3];	/* the last two have the same a */
};

/* At x, y of the ground, as large as it is; opacity in thousandths.  NULL without memory. */
struct paint *paint_new(const struct art *a, int x, int y, int opacity,
    const struct paint_ground *ground);
void paint_free(struct paint *p);

/* On a picture of the ground's kind that can be written; gain from 0 to PAINT_FULL. */
void paint_on(const struct paint *p, AVFrame *f, int gain);

#endif
