/*
 * acoder.h - samples to the frames of a coded audio track, in AAC, AC-3 or Opus.
 *
 * Frame n has the samples from n times its length on, counted since the epoch of media
 * time.  Every ACODER_PERIOD frames there is a new encoder, which has coded some frames
 * before, to no end but to know what it would know: so from there on a frame is the same
 * whenever the track began.
 *
 * Spec     AAC in ADTS: ISO/IEC 14496-3 1.A.2.  AC-3 and E-AC-3: ETSI TS 102 366; in a PMT
 *          as ATSC A/53 part 3.  Opus: RFC 6716, and "Opus in TS".
 * Units    Samples at hz, planar, full scale 1.0; times in 90 kHz media time.
 * Memory   acoder_close() and acoder_free() give all back.
 * Threads  Belongs to the reading thread.
 * Errors   What libavcodec refuses that it did not refuse before ends the program.
 */
#ifndef ENCODE_ACODER_H
#define ENCODE_ACODER_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>

#include "encode/audiospec.h"
#include "encode/output.h"
#include "lib/media/audio.h"

#define ACODER_PERIOD	96		/* frames: 2.048 s of AAC */

struct acoder {
	const struct audio_spec *spec;
	struct output *out;
	struct output_stream *stream;
	uint64_t layout, bit_rate;
	AVCodecContext *enc, *next;	/* the one at work, and its successor */
	int64_t	 from;			/* the successor's first packet, in samples */
	AVPacket *pkt;
	AVAudioFifo *fifo;
	int64_t	 pos;			/* sample number of the fifo's beginning */
	struct audio_info info;
};

/* Can it be had?  NULL, or what is wrong. */
const char *acoder_check(const struct audio_spec *spec);

/* Bit/s of a track with so many channels. */
uint64_t acoder_rate(const struct audio_spec *spec, unsigned channels);

/* The layout for a source of this one: as it is, if the codec has that. */
uint64_t acoder_layout(const struct audio_spec *spec, uint64_t source);

/* Begin with the frame that sample pos is in; returns where that begins. */
int64_t acoder_open(struct acoder *c, const struct audio_spec *spec, struct output *out,
    struct output_stream *s, uint64_t layout, int64_t pos);

void acoder_push(struct acoder *c, const float *const *data, int n);

/* The rest comes out. */
void acoder_close(struct acoder *c);

/* Without. */
void acoder_free(struct acoder *c);

#endif
