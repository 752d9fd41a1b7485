/*
 * timeline.h - one continuous media time: unwrapped, tied to UTC, on the grid.
 *
 * Media time t counts 90 kHz ticks since 1970 on the source's own clock: the
 * unwrapped timestamp plus an offset that is taken once (mts(7), epoch).  The
 * offset is rounded so coarsely that two machines choose the same; what it is
 * off from UTC is kept, so that dates stay exact.  A stream that is not live
 * has no offset: its first picture is at 0.
 *
 * The grid: picture k = round(t * N / D); a segment begins where k mod G = 0 and
 * has the number k div G.  All in integers.
 *
 * Units    90 kHz ticks (t, pts, dts), ns since 1970 (utc).
 * Threads  Pure functions and caller's structs.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/rational.h"

/*
 * Decoding times of one stream that go back this much, or forward, have jumped: the
 * source has another clock now.  90 kHz.
 */
#define TIMELINE_JUMP_BACK	(INT64_C(90000) / 2)
#define TIMELINE_JUMP_FORWARD	(INT64_C(10) * 90000)

/* Offsets are multiples of this, unless the source counts from the epoch. */
#define TIMELINE_ROUND	(INT64_C(10) * 90000)

/*
 * Follow a 33-bit counter into 64 bits: the value congruent to wire modulo
 * 2^33 that is nearest to last (to 0 if last is INT64_MIN: that is, wire).
 */
int64_t timeline_unwrap(int64_t last, int64_t wire);

/*
 * The grid offset for a source whose timestamp pts was acquired at utc_ns: a
 * multiple of 2^33 if that is within a second of the truth (the source counts
 * from the epoch itself), else a multiple of TIMELINE_ROUND.
 */
int64_t timeline_offset(int64_t pts, int64_t utc_ns);

struct grid {
	struct rational	rate;		/* pictures a second, N/D */
	int64_t		pictures;	/* G, in each segment */
};

/* G is the whole number of pictures nearest to duration_ns, at least one. */
struct grid grid_make(struct rational rate, int64_t duration_ns);

int64_t grid_picture(const struct grid *g, int64_t t);	/* k of time t */
int64_t grid_time(const struct grid *g, int64_t k);	/* floor(k * 90000 D / N) */
int64_t grid_segment(const struct grid *g, int64_t k);	/* k div G */
bool grid_starts(const struct grid *g, int64_t k);	/* k mod G = 0 */

#endif
