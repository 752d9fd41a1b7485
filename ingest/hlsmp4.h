/*
 * hlsmp4.h - the access units in the fragmented MP4 segments of one playlist.
 *
 * Spec     draft-pantos-hls-rfc8216bis 3.1.2, ISO/IEC 14496-12 8.8.
 * Units    90 kHz, 0 <= t < 2^33.
 * Memory   hlsmp4_new() gives, hlsmp4_free() frees.  A unit is borrowed until the
 *          next call; the segment must stay until its last unit was read.
 * Errors   -EBADMSG: nothing in the segment can be read.  What can never be played
 *          ends the tool with fatal().
 */
#ifndef INGEST_HLSMP4_H
#define INGEST_HLSMP4_H

#include "ingest/hlsunits.h"

struct hlsmp4;

/* u gets the streams, and the count of what is damaged. */
struct hlsmp4 *hlsmp4_new(struct hlsunits *u, const char *name);
void hlsmp4_free(struct hlsmp4 *m);

/* What follows is another presentation. */
void hlsmp4_clear(struct hlsmp4 *m);

/* As hlsunits_segment(), hlsunits_next() and hlsunits_first_video(). */
int hlsmp4_segment(struct hlsmp4 *m, const struct hlstrack_segment *segment);
int hlsmp4_next(struct hlsmp4 *m, struct hlsunit *unit);
bool hlsmp4_first_video(const struct hlsmp4 *m, int64_t *dts);

/* The times of its first video, else audio, for itself: decoding by the file's word. */
bool hlsmp4_scan(const struct hlstrack_segment *segment, int64_t *pts, int64_t *dts);

#endif
