/*
 * atrack.h - one audio track: decoded, put on the timeline, coded as AAC.
 *
 * Time is counted in samples since the epoch of media time, so nothing adds up:
 * each decoded frame says where it belongs, and what differs is corrected.  Up
 * to DRIFT_DEAD nothing is done; beyond it the resampler runs faster or slower by
 * at most a thousandth until it fits; a hole or an overlap of HARD or more, or a
 * smaller one where the stream is damaged or switches, is filled with silence or
 * cut.  AAC frame n begins at sample 1024 n, whenever the program was started.
 *
 * Spec     AAC-LC, ADTS: ISO/IEC 14496-3 1.A.2.
 * Units    t: 90 kHz media time.  Samples at ATRACK_RATE.
 * Memory   atrack_free() gives all back.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_ATRACK_H
#define ENCODE_ATRACK_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libswresample/swresample.h>

#include "encode/blank.h"
#include "encode/decode.h"
#include "encode/output.h"
#include "lib/media/audio.h"

#define ATRACK_RATE	48000
#define ATRACK_FRAME	1024

struct atrack {
	struct output *out;
	struct output_stream *stream;
	const struct blank *blank;	/* where it is silent */
	uint64_t rate;			/* asked for, of a stereo track */
	uint16_t pid;			/* of the input, for messages */
	bool	 started;
	int64_t	 start;			/* nothing before this sample */

	struct audio split;		/* PES payloads to frames; not of LATM */
	bool	 splitting;
	struct decoder dec;
	bool	 decoding;
	int	 lossy;			/* units yet to come that may have a hole before */
	int64_t	 next_t;		/* of the next frame, if it has none itself */

	SwrContext *swr;
	uint64_t in_layout;
	int	 in_rate, in_format;
	uint64_t layout;		/* of the output: that of the first frame */

	AVAudioFifo *fifo;
	int64_t	 fifo_pos;		/* sample number of its end */
	int64_t	 trim;			/* samples still to be dropped */
	bool	 filling;		/* the last that came was silence of ours */
	bool	 told_late;
	int64_t	 step;			/* the least error of so many frames in a row */
	unsigned steps;
	int64_t	 error;			/* smoothed, in 1/16 samples */
	int64_t	 soft_left;		/* samples of correction under way */

	AVCodecContext *enc;
	AVPacket *pkt;
	struct audio_info info;		/* for the ADTS header */

	uint64_t padded, trimmed, compensated, gaps;	/* samples; gaps counts */
	int64_t	 offset;		/* last seen error, in samples */
};

/* Nothing is made of what comes before media time start. */
void atrack_init(struct atrack *a, struct output *out, struct output_stream *s,
    const struct blank *blank, uint16_t pid, uint64_t rate, int64_t start);

/* The decoder for what comes now.  0 or as decoder_open(). */
int atrack_codec(struct atrack *a, enum codec codec, const uint8_t *desc,
    size_t desc_len);

/*
 * A PES payload; t PES_NO_TIME: it follows the one before.  broken: it does not
 * follow it, for something is missing, or another source begins.
 */
void atrack_unit(struct atrack *a, const uint8_t *data, size_t len, int64_t t,
    bool broken);

/* Silence up to t, if the track has begun and is behind. */
void atrack_fill(struct atrack *a, int64_t t);

/* How far it is, in media time; PES_NO_TIME before its start. */
int64_t atrack_time(const struct atrack *a);

/* The end: all that was taken comes out. */
void atrack_finish(struct atrack *a);
void atrack_free(struct atrack *a);

#endif
