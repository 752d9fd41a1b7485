/*
 * lowpart.h - where the parts of a segment end, and when their samples are decoded and
 * shown.
 *
 * Spec     ISO/IEC 14496-12 8.8.8 (trun).
 * Units    A reach is 90 kHz media time; offset, from the source's time to that, too;
 *          else as low.h.
 * Memory   Nothing allocates; times go to the packager's scratch, which has room.
 */
#ifndef LOWPART_H
#define LOWPART_H

#include "package/low.h"

struct reach {				/* up to where a track has come with a sample */
	int64_t	 end;			/* t */
	int64_t	 slack;			/* it is there when no more than this is missing: */
	int64_t	 cut_slack;		/* at the end of a part, and of a segment */
};

struct reach low_reach(const struct pack *p, const struct track *t, const struct sample *s,
    const struct cut *cut);

/* Does a part end with the n-th sample of the queue?  It has: on to the next. */
bool low_ends_part(const struct pack *p, const struct track *t, const struct cut *cut,
    size_t n, struct reach r);
void low_pass_boundaries(const struct pack *p, const struct track *t, struct reach r);

/* When a sample is decoded, and how long it lasts; how long a part may be. */
int64_t low_decoded(const struct track *t, const struct sample *s, int64_t offset);
int64_t low_lasts(const struct pack *p, const struct track *t, const struct sample *s);
int64_t low_part_max(const struct pack *p, const struct track *t);

/*
 * What is missing: is there a hole before the n-th sample that a part cannot go on
 * over; how long is one before the first, which the next part cannot begin with, or 0;
 * where the segment ends, if that is not with its last sample, or 0.
 */
bool low_is_too_long(const struct pack *p, const struct track *t, size_t n, int64_t offset);
int64_t low_hole(const struct pack *p, const struct track *t, int64_t offset);
int64_t low_missing_end(const struct pack *p, const struct track *t,
    const struct segment *seg, const struct cut *next, const struct sample *last,
    int64_t offset);

/* Times of the part that the first n samples are; until: of what comes then, or 0. */
void low_time_video(struct pack *p, struct track *t, size_t n, int64_t offset,
    int64_t until);
void low_time_audio(struct pack *p, struct track *t, size_t n, int64_t offset);

#endif
