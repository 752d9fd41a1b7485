/*
 * webvtt.h - cues as WebVTT: segments of text, and samples of a track (wvtt).
 *
 * Spec     W3C WebVTT 4.1; RFC 8216 3.5 (X-TIMESTAMP-MAP); ISO/IEC 14496-30 7 (wvtt).
 * Units    90 kHz; WebVTT has milliseconds, to which times are rounded.
 * Memory   webvtt_samples_put() gives the bytes and the samples.
 * Errors   -ENOMEM; struct text has its own.
 */
#ifndef WEBVTT_H
#define WEBVTT_H

#include "lib/base/text.h"
#include "lib/media/captext.h"
#include "lib/media/mp4.h"

/* What the header of a track says: its config. */
#define WEBVTT_CONFIG	"WEBVTT"

/*
 * A segment: begin of its own time is this time of the media, and cues are told from it.
 */
void webvtt_put(struct text *t, const struct captext_cues *cues, int64_t begin);

/*
 * The samples from begin to end, without a hole: a box for each cue, or an empty one.
 * Cues lie between these times.
 */
int webvtt_samples_put(const struct captext_cues *cues, int64_t begin, int64_t end,
    struct mp4_sample **sample, unsigned *n, uint8_t **bytes, size_t *len);

#endif
