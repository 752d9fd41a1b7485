/*
 * trial.h - what the first pictures of a segment come to at a CRF, before they are coded.
 *
 * Where nothing is known of the segment before, and the cap is far too low for the level
 * that was asked for, the first IDR picture at that level would take bits that all others
 * miss.  The encoder looks ahead before it codes; meanwhile one that does not codes the
 * same pictures without a cap, and they are only counted.
 *
 * Units    Bits; CRF in thousandths.
 * Memory   Holds references to the pictures; trial_end() gives all back.
 * Threads  One struct belongs to one thread.
 * Errors   As coder_open() and coder_encode().
 */
#ifndef ENCODE_TRIAL_H
#define ENCODE_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/coder.h"

#define TRIAL_PICTURES	5	/* fewer than any look-ahead that is worth one */

/* Zeroed before the first. */
struct trial {
	bool	 running;
	unsigned n;
	AVFrame	*frame[TRIAL_PICTURES];
};

void trial_begin(struct trial *t);	/* ends the one before */

/* True: that was the last that it needs.  -ENOMEM */
int trial_picture(struct trial *t, const AVFrame *f);

/* The bits of the first, an IDR picture, and of each other on average. */
int trial_code(const struct trial *t, const struct rung_spec *r,
    const struct coder_format *f, int crf, int64_t *idr, int64_t *other);
void trial_end(struct trial *t);

#endif
