/*
 * hlsbytes.h - segments that are transport streams, passed on as they are.
 *
 * From segment to segment the continuity counters are joined; another period is
 * a break.  What is live goes out from PCR to PCR, and so does what cues are to be
 * put into.
 *
 * Memory   Owns nothing.
 */
#ifndef INGEST_HLSBYTES_H
#define INGEST_HLSBYTES_H

#include "ingest/hlscues.h"
#include "ingest/hlspace.h"
#include "ingest/hlstrack.h"
#include "ingest/source.h"

struct hlsbytes {
	struct source *s;
	struct hlspace *pace;
	struct hlstrack *track;
	struct hlscues *cues;		/* or NULL */
	const struct hlstrack_segment *seg;	/* being passed, or NULL */
	size_t	 pos;			/* in it */
	bool	 pop;			/* what was given last ends it */
	unsigned map_id;		/* the map that went before */
	uint16_t pcr_pid;
	bool	 started;
	int64_t	 period;
	bool	 say_break, say_join, say_clock;
	bool	 cued;			/* that there are cues has been said */
	int64_t	 clock;			/* 90 kHz: of the last PCR; INT64_MIN: none yet */
	int64_t	 clock_pts, clock_utc_ns;
	uint64_t breaks, damaged;
};

void hlsbytes_init(struct hlsbytes *b, struct source *s, struct hlspace *pace,
    struct hlstrack *track, struct hlscues *cues);

/* Fill *ev; false: nothing is due, look again at *wake. */
bool hlsbytes_event(struct hlsbytes *b, struct source_event *ev, int64_t *wake);

/* The track begins again. */
void hlsbytes_rewind(struct hlsbytes *b);

#endif
