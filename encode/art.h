/*
 * art.h - a picture with transparency, in RGB.
 *
 * Shape    Four planes, R, G, B and A, of 16 bits and without gaps; the colours are
 *          multiplied by A.
 * Memory   art_free() gives back what the others give.
 * Threads  Pure functions.
 * Errors   -EBADMSG no PNG or JPEG, -EFBIG too large, -ENOMEM, or why the file cannot be
 *          read.
 */
#ifndef ENCODE_ART_H
#define ENCODE_ART_H

#include <stdint.h>

#define ART_SIDE	4096		/* pixels at most */

struct art {
	int	 w, h;
	uint16_t *plane[4];
};

/* All of it transparent; NULL without memory. */
struct art *art_new(int w, int h);

/* A file in PNG or JPEG. */
int art_read(const char *path, struct art **out);

/* In another size; NULL without memory. */
struct art *art_scale(const struct art *a, int w, int h);
void art_free(struct art *a);

#endif
