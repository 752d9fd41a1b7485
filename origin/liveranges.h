/*
 * liveranges.h - which date ranges of a playlist its readers know already, and
 * which went away lately: what a delta update of the second kind needs.
 *
 * Spec     draft-pantos-hls-rfc8216bis 4.4.5.2 and 6.2.5.1: a date range may be
 *          left out once it has stood there, unchanged, for CAN-SKIP-UNTIL; one
 *          that was removed is named for as long.
 * Units    ns of the monotonic clock.
 * Memory   At most LIVE_RANGES copies of an ID; what does not fit counts as new.
 * Threads  The caller's business.
 */
#ifndef LIVERANGES_H
#define LIVERANGES_H

#include "origin/livenote.h"

#define LIVE_RANGES	(2 * HLSLOW_RANGES)

struct live_ranges {
	unsigned n;
	struct live_range {
		char	*id;
		uint64_t hash;
		int64_t	 since_ns;
		int64_t	 gone_ns;	/* 0: it is there */
	} range[LIVE_RANGES];
};

/* Another version of the playlist has come: remember, and tell its note. */
void live_ranges_update(struct live_ranges *r, struct live_note *n, int64_t now_ns);

void live_ranges_free(struct live_ranges *r);

#endif
