/*
 * hlsscan.h - what can be told of a segment before its turn, from its headers.
 *
 * Spec     ISO/IEC 13818-1, ISO/IEC 14496-12; kinds of segments: hlsunits.h.
 * Units    90 kHz, 0 <= t < 2^33.
 * Memory   Nothing is kept.
 */
#ifndef INGEST_HLSSCAN_H
#define INGEST_HLSSCAN_H

#include "ingest/hlstrack.h"

/* The times of its first picture in the order of decoding, else of its first sound. */
bool hlsscan_begin(const struct hlstrack_segment *segment, int64_t *pts, int64_t *dts);

/* Does it have a PID with cues? */
bool hlsscan_has_cues(const struct hlstrack_segment *segment);

#endif
