/*
 * truepeak.h - how high a signal goes between its samples.
 *
 * Spec     ITU-R BS.1770-4 annex 2: four times the rate, by its filter of 48 taps.
 * Units    Samples of full scale 1.0.
 * Memory   One struct for each channel, zeroed; nothing allocates.
 * Threads  One struct belongs to one thread.
 */
#ifndef TRUEPEAK_H
#define TRUEPEAK_H

#include <stddef.h>

#define TRUEPEAK_TAPS	12		/* of each phase */
#define TRUEPEAK_DELAY	6		/* samples */

struct truepeak {
	float	 x[2 * TRUEPEAK_TAPS];	/* the last ones, twice */
	unsigned at;
};

/*
 * The next sample.  Returns the greatest magnitude around the one that came
 * TRUEPEAK_DELAY samples before it, and from there to the one after that.
 */
float truepeak_next(struct truepeak *t, float sample);

#endif
