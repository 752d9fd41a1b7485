/*
 * quality.h - the quality levels of a rung, 1 to 10, and how the encoders keep them.
 *
 * A level is a constant rate factor (CRF) of each encoder, chosen so that a level
 * looks the same in AVC and in HEVC.
 *
 * Units    Levels and CRF in thousandths: 7330 is 7.33.
 * Threads  Pure functions.
 */
#ifndef ENCODE_QUALITY_H
#define ENCODE_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/codec.h"

#define QUALITY_LEAST	1000
#define QUALITY_MOST	10000

/* "7" or "7.33"; 0 if it is not from 1 to 10. */
int quality_parse(const char *s);

/* enhanced: the encoder's options are those of vq=enhanced, which keep more at a CRF. */
int quality_crf(enum codec codec, bool enhanced, int level);

/* The level that this CRF is, from 0 (worse than the lowest) to QUALITY_MOST. */
int quality_of(enum codec codec, bool enhanced, int crf);

/* The CRF of another encoder that keeps about as much. */
int quality_alike(enum codec from, enum codec to, int crf);

/* The level for pictures of so many pixels under this cap in bit/s. */
int quality_auto(enum codec codec, int64_t pixels, uint64_t cap);

#endif
