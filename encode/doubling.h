/*
 * doubling.h - logarithms to the base of two and their powers, in integers.
 *
 * Rates halve with each step of some quantity; so decisions about rates are made in
 * thousandths of a doubling, the same ones on every machine.
 *
 * Threads  Pure functions.
 */
#ifndef ENCODE_DOUBLING_H
#define ENCODE_DOUBLING_H

#include <stdint.h>

/* How many thousandths of a doubling a is above b; both above 0. */
int64_t doublings(int64_t a, int64_t b);

/* v, from 0 on, doubled so many thousandths of a time; INT64_MAX / 4 at most. */
int64_t doubled(int64_t v, int64_t milli);

#endif
