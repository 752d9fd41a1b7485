/*
 * early.h - the output begins before the source has: --on-loss of a channel whose source
 * is not there yet.
 *
 * What the output is then has to be known by the options alone: frame rates and sizes of
 * all rungs.  The source is taken for one as large as the largest of them, in the aspect of
 * the first that has one, else 16:9.
 *
 * Memory   early_picture() gives a frame.
 * Threads  Pure functions.
 */
#ifndef ENCODE_EARLY_H
#define ENCODE_EARLY_H

#include <stdbool.h>
#include <stddef.h>

#include <libavutil/frame.h>

#include "encode/options.h"

#define EARLY_PATIENCE	(INT64_C(2) * 1000000000)	/* for a source that is there, ns */
#define EARLY_BEHIND	(INT64_C(2) * 90000)	/* of the clock: so late may the source come, 90 kHz */

/* False: why says what is missing. */
bool early_able(const struct options *o, char *why, size_t size);

/* A black picture of such a source. */
AVFrame *early_picture(const struct options *o);

#endif
