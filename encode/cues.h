/*
 * cues.h - SCTE 35 messages for the pictures that are made.
 *
 * The splice of a message becomes a picture of the output: the first that is not
 * more than half a picture before it.  That picture gets an IDR, and the message its
 * time; so does the end of a break whose length is known.  Pictures are those that all
 * rungs have.  Which one it is follows from the source's time alone, so messages that
 * are repeated, two encoders, and one that was started again all say the same.
 *
 * A message without a time means "now", which the encoder has gone past: the next
 * picture is it.
 *
 * Spec     ANSI/SCTE 35 2022b: 9.7.3 (splice_insert), 9.7.4 (time_signal), 9.8.2
 *          (break_duration), 10.3.3 (segmentation).
 * Units    90 kHz, time of the output's grid.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_CUES_H
#define ENCODE_CUES_H

#include <stddef.h>
#include <stdint.h>

#include "encode/condition.h"
#include "encode/splices.h"
#include "lib/media/timeline.h"

struct cues {
	const struct condition *wanted;
	struct splices *splices;
	uint64_t taken, late;
	struct scte35 section;		/* the one at hand */
};

/* Where the output is when a message comes. */
struct cues_now {
	struct grid grid;		/* of the pictures that all rungs have */
	int64_t	 next;			/* the first of them that is still to be made */
	int64_t	 shift;			/* grid time minus the source's, modulo 2^33 */
};

void cues_init(struct cues *c, const struct condition *wanted, struct splices *s);

/*
 * Write the message p[0..len) as it goes out; returns its length.  now->grid.pictures
 * 0: there are no pictures, its times are moved and nothing more.
 */
size_t cues_take(struct cues *c, const struct cues_now *now, const uint8_t *p,
    size_t len, uint8_t out[static SCTE35_SECTION_MAX]);

/* The picture that is shown at t: the first at or after t less half of its duration. */
int64_t cues_picture(const struct grid *g, int64_t t);

#endif
