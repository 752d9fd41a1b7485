/*
 * fit.h - the straight line through the last points, by least squares.
 *
 * Where a clock should be by what it has shown so far: PCRs over the packets of a
 * stream of constant rate, times of arrival over PCRs.
 *
 * Shape    x grows from point to point.  When it does not, or a point is further than
 *          2^32 in x or 2^40 in y from the first, that point begins anew.
 * Units    Any; integers throughout, results to the nearest.
 * Memory   One struct, 8 KiB; all zeroes has no points.
 */
#ifndef FIT_H
#define FIT_H

#include <stdbool.h>
#include <stdint.h>

#define FIT_POINTS	512		/* so many count at most, the last ones */

struct fit {
	unsigned n;
	/* private: */
	unsigned next, moved;
	int64_t	 x0, y0;		/* the sums are relative to these */
	__int128 sx, sy, sxx, sxy;
	struct fit_point {
		int64_t x, y;
	} point[FIT_POINTS];
};

void fit_add(struct fit *f, int64_t x, int64_t y);

/* Where the line is at x.  False: there are fewer than two points, or it cannot be. */
bool fit_at(const struct fit *f, int64_t x, int64_t *y);

#endif
