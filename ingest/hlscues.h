/*
 * hlscues.h - when the messages of a playlist's ad breaks go out, and with what time.
 *
 * A message is for the first picture of a segment.  As soon as that segment has been
 * loaded its time is known; from then on, but not before HLSCUES_LEAD ahead, the
 * message is sent three times, evenly spread, and never after its picture.  Where the
 * clock changes before that picture, it is sent once, directly before it.
 *
 * Units    90 kHz, on the clock of the segments.
 * Memory   hlscues_new() gives, hlscues_free() frees; the track is borrowed.
 */
#ifndef INGEST_HLSCUES_H
#define INGEST_HLSCUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "ingest/hls.h"
#include "ingest/hlstrack.h"

#define HLSCUES_LEAD	(INT64_C(5) * 90000)
#define HLSCUES_TIMES	3

struct hlscues;

/* It has itself told of the segments that the track asks for. */
struct hlscues *hlscues_new(const char *name, struct hlstrack *track,
    enum hls_cues from);
void hlscues_free(struct hlscues *c);
void hlscues_rewind(struct hlscues *c);

/* The first picture of a segment comes next. */
void hlscues_begin(struct hlscues *c, const struct hlstrack_segment *segment);

/* Are there cues, so that the stream needs a PID for them? */
bool hlscues_wanted(const struct hlscues *c);

/* Are those of the stream to be left out? */
bool hlscues_instead(const struct hlscues *c);

/* Is there one that may be due within the segment? */
bool hlscues_waiting(const struct hlscues *c);

/*
 * The next section to be sent at dts (or SOURCE_NO_TIME) of a period, where all times
 * have moved by offset.  True: *section is borrowed until the next call.
 */
bool hlscues_next(struct hlscues *c, int64_t period, int64_t dts, int64_t offset,
    const uint8_t **section, size_t *len);

void hlscues_stats(const struct hlscues *c, json_t *object);

#endif
