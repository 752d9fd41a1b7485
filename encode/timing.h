/*
 * timing.h - which pictures of the source become which pictures of the grid.
 *
 * Each picture of the grid is made once, in order.  A source whose pictures come
 * at its stated rate keeps all of them, whatever the jitter; otherwise pictures
 * are repeated or dropped.  The first picture decides the phase between source
 * and grid, which then stays.
 *
 * Units    Media time, 90 kHz.
 * Memory   Caller's; nothing allocates.
 * Threads  Pure functions on the caller's struct.
 */
#ifndef ENCODE_TIMING_H
#define ENCODE_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/rational.h"
#include "lib/media/timeline.h"

/* A longer hole is left as it is: time jumps. */
#define TIMING_FILE_START	INT64_C(900000)
#define TIMING_GAP	(5 * INT64_C(90000))

struct timing {
	struct grid grid;
	int64_t	 phase;		/* source minus grid */
	int64_t	 next_k;
	int64_t	 last_t, step;	/* of the source; the step smoothed, in 1/16 ticks */
	uint64_t repeated, dropped, gaps;
};

/* What to do with a picture of the source. */
struct timing_plan {
	bool	 drop;
	unsigned repeat;	/* make the one before this many times more, first */
	bool	 gap;		/* time jumps before it */
	int64_t	 k;		/* its number */
};

/*
 * rate: of the source.  file: the first picture, whenever it was, begins the first
 * segment from 10 s on.
 */
void timing_start(struct timing *g, struct grid grid, struct rational rate, int64_t t,
    bool file);
struct timing_plan timing_next(struct timing *g, int64_t t);

/*
 * The frame rate of n pictures at times t, in order of display; stated is what
 * the stream says ({0, 0}: nothing).
 */
struct rational timing_rate(const int64_t *t, unsigned n, struct rational stated);

#endif
