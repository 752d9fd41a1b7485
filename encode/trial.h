/*
 * trial.h - where a segment begins: what its first pictures come to, before they are coded.
 *
 * Where the cap is far too low for the level that was asked for, the first IDR picture at
 * that level would take bits that all others miss.  So AVC at its fastest codes three
 * pictures, without a cap, and of them the quarter in the middle, where most happens: at the
 * level first, and if that does not fit, until it is found what does.  What it makes is
 * only counted.  Once costs 1 % of the time that AVC takes for 2 seconds of 1080p, and 1 to 7 %
 * of 360p, most where little moves: 1.5 ms are for the encoder that is opened.  It is done
 * two to seven times where the cap binds.
 *
 * Units    Bits; CRF in thousandths.
 * Memory   The pictures are borrowed.
 * Threads  Pure functions.
 * Errors   As coder_open() and coder_encode().
 */
#ifndef ENCODE_TRIAL_H
#define ENCODE_TRIAL_H

#include "encode/coder.h"
#include "encode/qvbr.h"

#define TRIAL_PICTURES	3	/* fewer than any look-ahead that is worth one */

/*
 * Decide with which CRF q begins, by the first pictures; or by the last of those before,
 * and the first, where that cannot wait for the next.
 */
int trial_run(struct qvbr *q, const AVFrame *const frame[], unsigned n,
    const struct rung_spec *r, const struct coder_format *f);

#endif
