/*
 * splices.h - the pictures that get an IDR because a cue says so.
 *
 * A message about an event names up to two of them: the one where it takes effect and,
 * by a duration, the one where that ends.  A later message about the same event takes
 * the place of an earlier one.  What has gone by is kept for a minute, so that a
 * message which is repeated gets the answer it had.
 *
 * Units    90 kHz, time of the output's grid.
 * Memory   A table of SPLICES_MAX; when it is full the last in time is left out.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_SPLICES_H
#define ENCODE_SPLICES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/cuetrack.h"
#include "lib/media/timeline.h"

#define SPLICES_MAX	256
#define SPLICES_SIGNAL	(CUE_SPLICE + 1)	/* type: a time_signal without segmentation */
#define SPLICES_KEEP	(INT64_C(60) * 90000)

/* START begins an event, STOP ends it; END is where its duration says so. */
enum splice_role { SPLICE_START, SPLICE_STOP, SPLICE_END };

struct splice_key {
	enum splice_role role;
	uint16_t type;			/* that begins the event: a segmentation_type_id, */
					/* or CUE_SPLICE or SPLICES_SIGNAL */
	uint8_t	 num;			/* segment_num */
	uint32_t id;			/* splice_event_id, segmentation_event_id */
};

struct splice {
	struct splice_key key;
	int64_t	 asked;			/* by the message; PES_NO_TIME: at once */
	int64_t	 t;			/* of the picture */
};

struct splices {
	unsigned n;
	struct splice at[SPLICES_MAX];
	uint64_t overflow;
};

/* Instead of one with this key.  False: there is no room for it. */
bool splices_put(struct splices *s, const struct splice *one);

/* Lent until the table changes; or NULL. */
const struct splice *splices_find(const struct splices *s, struct splice_key key);

void splices_drop(struct splices *s, struct splice_key key);

/* All of an event: of a splice_insert, or whatever segmentations have the id. */
void splices_cancel(struct splices *s, bool insert, uint32_t id);

/* What was a minute before this is forgotten. */
void splices_forget(struct splices *s, int64_t now);

/* Is picture k of this grid the nearest to one of them?  One after from, up to k? */
bool splices_at(const struct splices *s, const struct grid *g, int64_t k);
bool splices_within(const struct splices *s, const struct grid *g, int64_t from, int64_t k);

#endif
