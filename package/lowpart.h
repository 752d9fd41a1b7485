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
	int64_t	 slack;			/* it is there when no more than this is missing */
};

struct reach low_reach(const struct pack *p, const struct track *t, const struct sample *s,
    const struct cut *cut);

/* Does a part end with the n-th sample of the queue?  It has: on to the next. */
bool low_ends_part(const struct pack *p, const struct track *t, const struct cut *cut,
    size_t n, struct reach r);
void low_pass_boundaries(const struct pack *p, const struct track *t, const struct cut *cut,
    struct reach r);

/* Times of the part that the first n samples are. */
void low_time_video(struct pack *p, struct track *t, size_t n, int64_t offset);
void low_time_audio(struct pack *p, struct track *t, size_t n, int64_t offset,
    uint32_t rate, int64_t *start);

#endif
