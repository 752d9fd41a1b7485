/*
 * comb.h - how lines stick out of those between which they lie.
 *
 * That is what two fields do that are not of the same time, and what fine patterns do.
 *
 * Units    Sums and differences of luma samples, of 8 to 12 bits.
 * Threads  Pure functions; nothing allocates.
 */
#ifndef ENCODE_COMB_H
#define ENCODE_COMB_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

/* Bits of a luma sample above 8. */
int comb_depth(const AVFrame *f);

/* Sum over a line of |above + below - 2 * middle|, but for its last few samples. */
int64_t comb_line(bool deep, const uint8_t *above, const uint8_t *below,
    const uint8_t *middle, int width);

/* The sum of these when the even lines are of one picture and the odd ones of another. */
int64_t comb_weave(const AVFrame *even, const AVFrame *odd);

/*
 * Is there a place in such a picture where it is seen, among the samples that are not the
 * same now as they were then?
 */
bool comb_seen(const AVFrame *even, const AVFrame *odd, const AVFrame *now,
    const AVFrame *then);

/* The most that a block of 32x32 samples differs. */
int64_t comb_differ(const AVFrame *a, const AVFrame *b);

#endif
