/*
 * hist.h - a histogram of anything that is not negative, for percentiles.
 *
 * Shape    16 buckets to the octave: a percentile is at most 1/16 too high.
 * Units    Those of what is added.
 * Memory   One struct, 8 KiB; all zeroes is an empty one.
 */
#ifndef HIST_H
#define HIST_H

#include <stdint.h>

#define HIST_BUCKETS	1024

struct hist {
	uint64_t n, min, max;
	uint64_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t v);

/*
 * So many thousandths of all values are not above it: 500 is the median.  0 if there
 * are none.
 */
uint64_t hist_permille(const struct hist *h, unsigned permille);

#endif
