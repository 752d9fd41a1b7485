/*
 * still.h - one good picture out of a few decoded in a row.
 *
 * Shape    Frames in the order they are shown; the one wanted is deinterlaced with
 *          the help of its neighbours, if they say that it has to be.
 * Memory   still_make() gives; the frames stay the caller's.
 * Threads  Pure function.
 */
#ifndef ENCODE_STILL_H
#define ENCODE_STILL_H

#include <stdbool.h>

#include <libavutil/frame.h>

#define STILL_AFTER	2		/* so many behind it are of use */
#define STILL_FRAMES	(2 + 1 + STILL_AFTER)

/* The frame f[at] of n; NULL without memory. */
AVFrame *still_make(AVFrame *const *f, unsigned n, unsigned at, bool *deinterlaced);

#endif
