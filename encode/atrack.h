/*
 * atrack.h - one audio track: decoded, mixed, put on the timeline, coded.
 *
 * Time is counted in samples since the epoch of media time, so nothing adds up:
 * each decoded frame says where it belongs, and what differs is corrected.  Up
 * to DRIFT_DEAD nothing is done; beyond it the resampler runs faster or slower by
 * at most a thousandth until it fits; a hole or an overlap of HARD or more, or a
 * smaller one where the stream is damaged or switches, is filled with silence or
 * cut.  What the track is made of may change, go and come; it stays what it began as.
 *
 * Units    t: 90 kHz media time.  Samples at spec->hz.
 * Memory   atrack_free() gives all back.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_ATRACK_H
#define ENCODE_ATRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/acoder.h"
#include "encode/adecode.h"
#include "encode/aloud.h"
#include "encode/amix.h"
#include "encode/audiospec.h"
#include "encode/blank.h"
#include "encode/output.h"

struct atrack {
	struct output *out;
	struct output_stream *stream;
	const struct audio_spec *spec;
	const struct blank *blank;	/* where it is silent */
	uint16_t pid;			/* of the input, for messages */
	bool	 started;
	int64_t	 start;			/* nothing before this sample */

	struct adecode dec;
	uint64_t errors;		/* of the decoder that are known */
	int	 lossy;			/* units yet to come that may have a hole before */
	int64_t	 next_t;		/* of the next frame, if it has none itself */

	uint64_t layout;		/* of the output: by its first frame, if not asked for */
	struct amix mix;
	struct aloud loud;
	struct acoder coder;
	int64_t	 pos;			/* sample number of the end of what was taken */
	int64_t	 trim;			/* samples still to be dropped */
	bool	 filling;		/* the last that came was silence of ours */
	bool	 told_late;
	int64_t	 step;			/* the least error of so many frames in a row */
	unsigned steps;
	int64_t	 error;			/* smoothed, in 1/16 samples */
	int64_t	 soft_left;		/* samples of correction under way */

	uint64_t padded, trimmed, compensated, gaps;	/* samples; gaps counts */
	int64_t	 offset;		/* last seen error, in samples */
};

/* Nothing is made of what comes before media time start. */
void atrack_init(struct atrack *a, const struct audio_spec *spec, struct output *out,
    struct output_stream *s, const struct blank *blank, int64_t start);
void atrack_start(struct atrack *a, int64_t start);

/* The decoder for what comes now, on PID pid.  0 or as decoder_open(). */
int atrack_codec(struct atrack *a, uint16_t pid, enum codec codec, const uint8_t *desc,
    size_t desc_len);

/*
 * A PES payload; t PES_NO_TIME: it follows the one before.  broken: it does not
 * follow it, for something is missing, or another source begins.
 */
void atrack_unit(struct atrack *a, const uint8_t *data, size_t len, int64_t t,
    bool broken);

/* Silence up to t, if the track has begun and is behind. */
void atrack_fill(struct atrack *a, int64_t t);

/* The same, and if it has not begun it does, in stereo if nothing else is asked for. */
void atrack_silence(struct atrack *a, int64_t t);

/* The end: all that was taken comes out. */
void atrack_finish(struct atrack *a);
void atrack_free(struct atrack *a);

#endif
