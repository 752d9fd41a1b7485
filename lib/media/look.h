/*
 * look.h - is a picture black, are two the same?
 *
 * Units    Parts in millionths, as in watch.h.
 * Memory   Nothing allocates; frames are only read.
 * Threads  Pure functions.
 */
#ifndef LOOK_H
#define LOOK_H

#ifdef HAVE_LIBAVCODEC

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

/* Luma that is not above pixel (of its range), in as much as part of the picture. */
bool look_black(const AVFrame *f, int64_t pixel, int64_t part);

/* The mean difference of all samples is not above noise (of full scale). */
bool look_same(const AVFrame *a, const AVFrame *b, int64_t noise);

#endif
#endif
