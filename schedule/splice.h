/*
 * splice.h - what is done to a splice information section: its time, its fields.
 *
 * Spec     ANSI/SCTE 35 2022b 9.7, 9.8, 10.3.3; table 23 for starts and ends.
 * Units    90 kHz in 33 bits.
 * Memory   Changes the caller's; UPIDs borrow what they are set from.
 */
#ifndef SCHEDULE_SPLICE_H
#define SCHEDULE_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/scte35.h"
#include "schedule/fields.h"

/* Base64, or hexadecimal with or without 0x.  Returns the length, or -EINVAL. */
int splice_decode(const char *text, size_t len, uint8_t *out, size_t size);

/* The time that the command is about, with pts_adjustment, or SCTE35_NULL_PTS. */
uint64_t splice_pts(const struct scte35 *s);

/* Is there a place for such a time?  Not in an encrypted one, in a cancellation ... */
bool splice_timed(const struct scte35 *s);

/* All its times move, so that splice_pts() is this; and: it is immediate. */
void splice_move(struct scte35 *s, uint64_t pts);
void splice_now(struct scte35 *s);

/* Segmentation types that start something, whose end is one more; and such ends. */
bool splice_starts(uint8_t type);
bool splice_ends(uint8_t type);

/* The first of its segmentation descriptors from this index on, or ndescriptor. */
unsigned splice_segmentation(const struct scte35 *s, unsigned from);

/* Set what is in the fields. */
void splice_set_event(struct scte35_event *e, const struct fields *f);
void splice_set_segmentation(struct scte35_segmentation *g, const struct fields *f);

#endif
