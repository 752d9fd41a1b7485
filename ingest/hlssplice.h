/*
 * hlssplice.h - the sections that ad markers become.
 *
 * What a playlist brings in binary stays as it is, but for its times, which are those
 * of the segment, and for a duration that it lacks; what it does not bring is made.
 *
 * Spec     ANSI/SCTE 35 2022b: 9.7.3 (splice_insert), 9.7.4 (time_signal), 10.3.3
 *          (segmentation_descriptor; its types: table 23).
 * Units    ns; pts in 90 kHz, 33 bits.
 * Memory   The caller's.
 * Errors   -EBADMSG damaged, -ENOTSUP encrypted.
 */
#ifndef INGEST_HLSSPLICE_H
#define INGEST_HLSSPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/hlsmarks.h"
#include "lib/media/scte35.h"

/*
 * Does a section begin or end a break, and which?  BY_SECTION: neither.  One that
 * does both begins one.  s is for work.
 */
int hlssplice_read(struct scte35 *s, const uint8_t *section, size_t len,
    enum hlscue_what *what, uint32_t *event_id);

struct hlssplice {
	uint64_t pts;			/* the time that is in the section */
	size_t	 len;			/* 0: it cannot be made */
	uint8_t	 section[SCTE35_SECTION_MAX];
	struct scte35 s;		/* for work */
};

/* The duration in the section of a mark, or HLSCUE_UNKNOWN. */
int64_t hlssplice_duration(struct hlssplice *x, const struct hlsmark *m);

void hlssplice_pass(struct hlssplice *x, const struct hlsmark *m);

/* The begin of a break of which left_ns are to come; late: not all that it says. */
void hlssplice_out(struct hlssplice *x, const struct hlsmark *m, int64_t left_ns,
    bool late);
void hlssplice_make_out(struct hlssplice *x, uint32_t id, uint8_t avail_num,
    int64_t left_ns);

/* The end of what m began, in its manner; and of what was made. */
void hlssplice_end(struct hlssplice *x, const struct hlsmark *m);
void hlssplice_make_in(struct hlssplice *x, uint32_t id, uint8_t avail_num);

#endif
