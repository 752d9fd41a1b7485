/*
 * stray.h - a time that is far from the one before it: has the clock jumped, or is this
 * one time wrong?  Some cameras stamp a picture hours away every other second.
 *
 * Units    90 kHz.
 * Memory   Caller's struct; zeroed to begin with.
 */
#ifndef STRAY_H
#define STRAY_H

#include <stdbool.h>
#include <stdint.h>

struct stray {
	int64_t	 last;			/* that was not believed */
	unsigned n;			/* so many in a row agree; a near one makes it 0 */
};

/* Is this one, which is far away, wrong?  The third in a row that agree is not. */
bool stray_time(struct stray *s, int64_t time);

#endif
