/*
 * ccqueue.h - the captions of pictures that are on their way to be cut, in the order in
 * which they are shown.
 *
 * Units    pts: 90 kHz of the source, in its base (track.h).
 * Memory   ccqueue_free() gives all back.  What is too much pushes out the oldest.
 * Errors   -ENOMEM.
 */
#ifndef CCQUEUE_H
#define CCQUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/media/video.h"

#define CCQUEUE_MAX	8192		/* pictures */

struct ccunit {
	int64_t	 pts;
	uint32_t base;
	unsigned cc_count;
	uint8_t	 cc_data[VIDEO_TRIPLETS * 3];
};

struct ccqueue {
	size_t	 n, cap;
	struct ccunit *unit;
};

/* Triplets of a picture, which may be shown before others that are there. */
int ccqueue_put(struct ccqueue *q, int64_t pts, uint32_t base, const uint8_t *cc_data,
    unsigned cc_count);
void ccqueue_drop(struct ccqueue *q, size_t n);		/* the first n */
void ccqueue_free(struct ccqueue *q);

#endif
