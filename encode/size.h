/*
 * size.h - how large a picture comes out.
 *
 * Shape    "360p" is lines of a wide picture, columns of an upright one, and never
 *          more than the source has; "640x360" a box.  The aspect is kept, pixels
 *          are square, sides even.
 * Threads  Pure functions.
 */
#ifndef ENCODE_SIZE_H
#define ENCODE_SIZE_H

#include <stdbool.h>

#include "lib/base/rational.h"

/* Are the colours of BT.709 meant, where a picture does not say?  Else those of BT.601. */
static inline bool
size_means_709(int width, int height)
{
	return width >= 1280 || height > 576;
}

struct size_spec {
	int	 lines;			/* or 0: */
	int	 box_w, box_h;		/* or 0: as the source, with square pixels */
};

/* A part of a picture: all even. */
struct crop_spec {
	int	 w, h;			/* 0: all of it */
	int	 x, y;			/* -1: in the middle */
};

/* NULL, or what is wrong with "1440x1080+240+0", with or without a place. */
const char *crop_parse(struct crop_spec *c, const char *text);

/* Is it within the picture?  Then where it begins. */
bool crop_place(const struct crop_spec *c, int width, int height, int *x, int *y);

/* Sides are from 16 to 8192. */
bool size_parse(struct size_spec *s, const char *text);

/* limited: fewer lines than were asked for, as the source has no more. */
void size_fit(const struct size_spec *s, int width, int height, struct rational sar,
    int *out_w, int *out_h, bool *limited);

#endif
