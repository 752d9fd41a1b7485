/*
 * times.h - when the samples of a segment are decoded and shown.
 *
 * Spec     ISO/IEC 14496-12 8.8.8 (trun): durations and composition offsets.
 * Units    90 kHz for video, else ticks of the sample rate; offset, from the
 *          source's time to that of the presentation, is 90 kHz.
 * Memory   Nothing allocates; the samples are the first n of the track's.
 * Errors   -ERANGE before the beginning of the presentation.
 */
#ifndef TIMES_H
#define TIMES_H

#include "lib/media/mp4.h"
#include "lib/media/track.h"

/* next is the sample after them, or NULL; fresh: the delay is found anew. */
int times_video(struct track *t, size_t n, const struct sample *next, int64_t offset,
    bool fresh, struct mp4_sample *out, int64_t *start);
int times_audio(struct track *t, size_t n, const struct sample *next, int64_t offset,
    uint32_t rate, struct mp4_sample *out, int64_t *start);

/* Find the track's delay anew, if it has none for the base of its first n samples. */
void times_delay(struct track *t, size_t n, bool fresh);

/* Where a file or what follows a discontinuity begins; see times.c. */
int64_t times_in_haste(struct mp4_sample *s, size_t n, int64_t delay);

#endif
