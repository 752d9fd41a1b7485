/*
 * lead.h - segments where the source has IDR pictures, for a ladder with a rung that is
 * the source as it came.
 *
 * The grid's segment begins with the first IDR picture that is in it, which is what a
 * packager does, too, and depends on nothing that was before.  Of a source that has had
 * none for long, or in whose place pictures are made, the grid decides alone.
 *
 * Units    Pictures of the master's grid.
 * Memory   Nothing allocates.
 * Threads  One struct belongs to one thread.
 */
#ifndef ENCODE_LEAD_H
#define ENCODE_LEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/timeline.h"

struct lead {
	const char *text;		/* the rung, for messages */
	int64_t	 idr;			/* the last IDR picture; INT64_MIN: none */
	int64_t	 distance;		/* between the last two; 0: not known */
	unsigned distances;		/* that there were */
	bool	 begun, begins;		/* there is a segment; one begins now */
	bool	 filled;		/* the source has none now: by the grid alone */
	int64_t	 segment, first, end;	/* its number, where it begins, should end */
	int64_t	 more;			/* pictures that it is longer from now on */
	bool	 said_far, said_none;
};

void lead_init(struct lead *d, const char *text);

/* The next picture, k; idr: it is one of the source.  gap: time jumps before it. */
void lead_picture(struct lead *d, const struct grid *g, int64_t k, bool idr, bool gap);

/* For people: the distance, and how far after the grid's the segment begins. */
int64_t lead_distance_ms(const struct lead *d, const struct grid *g);
int64_t lead_offset_ms(const struct lead *d, const struct grid *g);

#endif
