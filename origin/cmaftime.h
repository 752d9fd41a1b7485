/*
 * cmaftime.h - the timeline of a track that is ingested: the grid its segments are on
 * and so their numbers; versions of its header, and Periods.
 *
 * Shape    The first video segment sets the channel's grid.  The number of a track's
 *          first segment is known once the grid is; all others follow.
 * Units    Ticks of the track.
 * Threads  Under the channel's lock.
 * Errors   Negative errno of the store.
 */
#ifndef CMAFTIME_H
#define CMAFTIME_H

#include "origin/cmaf.h"

/* After a segment: there may be a grid now, and a number of the first. */
void cmaftime_set_grid(struct cmaf_track *t);
void cmaftime_set_sequence(struct cmaf_track *t);

/* Where the segment that began at v ends, by the grid. */
uint64_t cmaftime_grid_end(const struct cmaf_track *t, uint64_t v);

/* How many segments are missing before one at v, where something is or is not. */
unsigned cmaftime_missing(struct cmaf_track *t, uint64_t v, bool gap);

/* The next version of header and timeline; writes the header. */
int cmaftime_next_version(struct cmaf_track *t);

/* The Period of what begins at c, where header or timeline are new. */
void cmaftime_enter_period(struct cmaf_track *t, const struct cmaf_chunk *c);

/* Another track has begun a Period on this timeline. */
void cmaftime_follow_period(struct cmaf_track *t, uint64_t v);

#endif
