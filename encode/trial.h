/*
 * trial.h - what the first pictures of a segment come to at a CRF, before they are coded.
 *
 * Where nothing is known of the segment before, and the cap is far too low for the level
 * that was asked for, the first IDR picture at that level would take bits that all others
 * miss.  So they are held until an encoder that does not look ahead has coded them without
 * a cap; what it makes is only counted.
 *
 * Units    Bits; CRF in thousandths.
 * Memory   The pictures are borrowed.
 * Threads  A pure function.
 * Errors   As coder_open() and coder_encode().
 */
#ifndef ENCODE_TRIAL_H
#define ENCODE_TRIAL_H

#include <stdint.h>

#include "encode/coder.h"

#define TRIAL_PICTURES	5	/* fewer than any look-ahead that is worth one */

/* The bits of the first, an IDR picture, and of each other on average. */
int trial_code(const AVFrame *const frame[], unsigned n, const struct rung_spec *r,
    const struct coder_format *f, int crf, int64_t *idr, int64_t *other);

#endif
