/*
 * hlspace.h - live HLS comes in bursts and goes out at the pace of its times.
 *
 * A little faster while more is there than we hold back, slower when nothing is
 * left.  What is not live is due at once.
 *
 * Units    Media in 90 kHz, unwrapped; ns on CLOCK_MONOTONIC.
 */
#ifndef INGEST_HLSPACE_H
#define INGEST_HLSPACE_H

#include "ingest/hlstrack.h"
#include "ingest/source.h"

struct hlspace {
	struct source *s;		/* its patience is set */
	bool	 anchored;
	int64_t	 media, ns;		/* what was given last, and when it was due */
	int64_t	 speed;			/* in thousandths */
	uint64_t underruns;
};

void hlspace_init(struct hlspace *p, struct source *s);

/* A segment of the leading track begins. */
void hlspace_segment(struct hlspace *p, const struct hlstrack *t);

/* When media is due: 0 for now, also of SOURCE_NO_TIME. */
int64_t hlspace_due(struct hlspace *p, int64_t media);

/* It has been given; at is what hlspace_due() said. */
void hlspace_given(struct hlspace *p, int64_t media, int64_t at);

/* What comes next has another clock. */
void hlspace_break(struct hlspace *p);

#endif
