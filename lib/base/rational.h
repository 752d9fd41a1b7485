/*
 * rational.h - exact scaling between clocks and frame rates.
 *
 * Shape    A frame rate is num/den pictures a second, 30000/1001 for instance.
 * Units    Whatever the caller counts in; intermediate products have 128 bits.
 * Threads  Pure functions.
 * Errors   None: den must be positive, which the parser of options sees to.
 */
#ifndef RATIONAL_H
#define RATIONAL_H

#include <stdbool.h>
#include <stdint.h>

struct rational {
	int64_t num, den;
};

/* v * num / den, rounded down (towards minus infinity). */
static inline int64_t
rescale_down(int64_t v, int64_t num, int64_t den)
{
	__int128 p = (__int128)v * num;
	__int128 q = p / den;

	return (int64_t)(q - (p % den != 0 && p < 0));
}

/* v * num / den, rounded to the nearest; halves go up. */
static inline int64_t
rescale_near(int64_t v, int64_t num, int64_t den)
{
	__int128 p = (__int128)v * num * 2 + den;
	__int128 d = (__int128)den * 2, q = p / d;

	return (int64_t)(q - (p % d != 0 && p < 0));
}

/* In lowest terms, den > 0. */
struct rational rational_reduce(int64_t num, int64_t den);

/* Read "25", "29.97" (taken as 30000/1001, and so 23.976 and 59.94) or "30000/1001". */
bool rational_parse(const char *s, struct rational *out);

#endif
