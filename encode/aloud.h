/*
 * aloud.h - the loudness of a track on its way to its encoder: measured, or corrected.
 *
 * The gain is decided every 100 ms of media time by the loudness of the 30 s before,
 * gated, and goes there within the 100 ms after.  Then a limiter looks 5 ms ahead, and
 * keeps true peaks below the ceiling.  All of it depends on what was heard in the last
 * 31 s only, so two that began at different times come to the same samples.
 *
 * Spec     ITU-R BS.1770-4; EBU R 128, Tech 3341, Tech 3342 (range).
 * Units    Planar samples, full scale 1.0; levels in thousandths of a LUFS or dB.
 * Memory   aloud_free() gives all back.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_ALOUD_H
#define ENCODE_ALOUD_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/acoder.h"
#include "encode/audiospec.h"
#include "encode/limiter.h"
#include "lib/media/loudness.h"
#include "lib/media/truepeak.h"

#define ALOUD_PIECE	1024		/* samples at a time */
#define ALOUD_WINDOW	300		/* blocks of 100 ms */

struct aloud_work {
	struct loudness out;		/* what goes to the encoder */
	struct truepeak peak[MIX_ROWS];
	float	 peak_max;
	/* correction: */
	struct loudness in;
	int64_t	 heard[ALOUD_WINDOW];	/* momentary, by number */
	int64_t	 gain;			/* that was decided last */
	float	 from, to;		/* factors of this block */
	struct limiter limiter;
	int	 skip;			/* samples of it that are before the beginning */
	float	 room[MIX_ROWS][ALOUD_PIECE];
};

struct aloud {
	const struct audio_spec *spec;
	unsigned channels;
	int64_t	 at;			/* sample number of what comes next */
	struct aloud_work *work;	/* NULL: it is as it is */
};

/* Samples come from sample number at on. */
void aloud_open(struct aloud *l, const struct audio_spec *spec, uint64_t layout, int64_t at);

/* They go on to the encoder. */
void aloud_push(struct aloud *l, struct acoder *c, const float *const *data, int n);

/* What is inside goes on. */
void aloud_close(struct aloud *l, struct acoder *c);
void aloud_free(struct aloud *l);

/* The highest true peak so far; LOUDNESS_NONE before any sound. */
int64_t aloud_peak(const struct aloud *l);

#endif
