/*
 * loudness.h - how loud a programme is, and whether it is silent.
 *
 * Spec     ITU-R BS.1770-4 annex 1 (K-weighting, gating); EBU R 128, EBU Tech 3341 2.2:
 *          momentary 400 ms, short-term 3 s, both each 100 ms; integrated;
 *          EBU Tech 3342: the range.
 * Units    Samples of full scale 1.0; levels in thousandths of a LUFS.
 * Memory   One struct, some 120 KiB; nothing allocates.
 * Threads  One struct belongs to one thread.
 */
#ifndef LOUDNESS_H
#define LOUDNESS_H

#include <stddef.h>
#include <stdint.h>

#define LOUDNESS_CHANNELS	8
#define LOUDNESS_NONE		INT64_MIN	/* too little, or below -70 LUFS */
#define LOUDNESS_BLOCKS		30		/* of 100 ms: the short term */
#define LOUDNESS_BINS		10000		/* from -70 LUFS, a hundredth each */

struct loudness {
	unsigned rate, channels;
	double	 weight[LOUDNESS_CHANNELS];
	double	 b[2][3], a[2][3];		/* the two filters */
	double	 z[LOUDNESS_CHANNELS][2][2];	/* and what they remember */
	double	 sum;				/* of the block that is being filled */
	unsigned n;				/* samples in it */
	uint64_t blocks;
	double	 block[LOUDNESS_BLOCKS];	/* mean squares, by number */
	uint64_t hist[LOUDNESS_BINS];		/* momentary ones */
	uint32_t range_hist[LOUDNESS_BINS];	/* short-term ones */
	int64_t	 momentary, short_term, momentary_max, short_term_max;
};

/* weight: of each channel, 1 or 1.41 (surround) or 0 (LFE). */
void loudness_init(struct loudness *l, unsigned rate, unsigned channels,
    const double *weight);

/* n samples of each channel, channel after channel. */
void loudness_add(struct loudness *l, const float *const *sample, size_t n);

int64_t loudness_integrated(const struct loudness *l);

/* In thousandths of a LU; 0 before there is any short-term loudness. */
int64_t loudness_range(const struct loudness *l);

#endif
