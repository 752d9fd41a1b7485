/*
 * subdraw.h - coloured pixels laid over a picture: scaled to it, in its own colours.
 *
 * What is laid over is made once for a kind of picture, and then blended into each.  SDR
 * colours are shown in HDR as tonemap.h shows them: white is the reference white, 203
 * cd/m2.
 *
 * Spec     ITU-R BT.601-7, BT.709-6, BT.2020-2 (matrices); as tonemap.h.
 * Memory   subdraw_free() gives all back.
 * Threads  One belongs to one thread.
 */
#ifndef ENCODE_SUBDRAW_H
#define ENCODE_SUBDRAW_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#define SUBDRAW_RECTS	16

struct subdraw_rect {
	int	 x, y, width, height;	/* on the canvas */
	uint8_t	*pixel;			/* of a palette, row by row */
	uint32_t palette[256];		/* 0xAARRGGBB, gamma as BT.709 */
};

struct subdraw_canvas {			/* as large as the picture, in its own pixels */
	int	 width, height;
	unsigned n;
	struct subdraw_rect rect[SUBDRAW_RECTS];
};

struct subdraw {
	int	 width, height, format, range, matrix, transfer;	/* of the pictures */
	int	 x, y, w, h;		/* of it all, even */
	/* In 1/65280 (255 * 256); a colour is multiplied by its opacity already. */
	uint32_t *luma, *opacity;	/* w * h */
	uint32_t *cb, *cr, *thin;	/* of chroma: as its size is */
};

/* For pictures like this one.  false: without memory, or not planar Y'CbCr. */
bool subdraw_make(struct subdraw *o, const struct subdraw_canvas *c, const AVFrame *like);

/* Was it made for such pictures? */
bool subdraw_fits(const struct subdraw *o, const AVFrame *f);

/* Into a picture that nobody else has. */
void subdraw_picture(const struct subdraw *o, AVFrame *f);
void subdraw_free(struct subdraw *o);

#endif
