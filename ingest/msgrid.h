/*
 * msgrid.h - times that were rounded to milliseconds, back where they came from:
 * pictures on the grid of their rate, audio on the count of its samples.
 *
 * What is off by more than rounding explains begins a new grid, so that a source that
 * counts wrongly does not drift away from its own clock.
 *
 * Units    90 kHz.
 * Memory   Caller's struct; zeroed to begin with.
 */
#ifndef MSGRID_H
#define MSGRID_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/rational.h"

struct msgrid {
	bool	 anchored;
	int64_t	 anchor, samples;
};

/* A rate of 0/0 leaves the times as they are. */
void msgrid_picture(struct msgrid *g, struct rational rate, int64_t *pts, int64_t *dts);

/* The time of a unit of so many samples; 0 of them, or a rate of 0: pts as it is. */
int64_t msgrid_samples(struct msgrid *g, uint32_t rate, uint32_t samples, int64_t pts);

#endif
