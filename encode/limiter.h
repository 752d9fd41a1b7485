/*
 * limiter.h - no true peak above a ceiling, with a short look ahead.
 *
 * Each sample says what factor it needs; the least of those from 20 ms before to 5 ms
 * after is taken, averaged over 5 ms, so it is reached in time and without a step; it
 * comes back over 100 ms.  Nothing but those 130 ms is remembered, in integers: limiters
 * that began at different times come to the same.
 *
 * Spec     ITU-R BS.1770-4 annex 2 (true peak).
 * Units    Samples of full scale 1.0, at most 48000 a second.
 * Memory   One struct of some 70 KiB; nothing allocates.
 * Threads  One struct belongs to one thread.
 */
#ifndef ENCODE_LIMITER_H
#define ENCODE_LIMITER_H

#include <stdint.h>

#include "encode/audiospec.h"
#include "lib/media/truepeak.h"

#define LIMITER_AHEAD	240		/* samples at 48000: 5 ms */
#define LIMITER_HOLD	960		/* 20 ms */
#define LIMITER_BACK	4800		/* 100 ms */
#define LIMITER_SPAN	(LIMITER_AHEAD + LIMITER_HOLD + 2)
#define LIMITER_LINE	(LIMITER_AHEAD + TRUEPEAK_DELAY)

struct limiter {
	unsigned channels, ahead, hold, back, line;	/* in samples */
	float	 ceiling;
	uint64_t n;			/* samples so far */
	struct truepeak peak[MIX_ROWS];
	float	 delay[MIX_ROWS][LIMITER_LINE];
	struct { uint64_t at; int64_t need; } low[LIMITER_SPAN];	/* rising */
	unsigned first, count;
	int64_t	 held[LIMITER_AHEAD + 1], held_sum;
	int64_t	 done[LIMITER_BACK], done_sum;
};

void limiter_init(struct limiter *l, unsigned hz, unsigned channels, double ceiling);

/*
 * n samples of each channel in place: what comes out is line samples older, silence at
 * first.
 */
void limiter_run(struct limiter *l, float *const *data, int n);

#endif
