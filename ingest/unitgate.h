/*
 * unitgate.h - what a slow reader does not take: whole units are left out, up to the
 * next picture at which one can begin.
 *
 * Memory   Caller's struct; zeroed, it is open.
 */
#ifndef UNITGATE_H
#define UNITGATE_H

#include "ingest/source.h"

struct unitgate {
	bool	 shut;
	bool	 has_video;
	bool	 video[SOURCE_STREAMS_MAX];
	uint64_t dropped, gaps;		/* units; times that it was shut by a slow reader */
};

void unitgate_streams(struct unitgate *g, const struct source_event *ev);

/*
 * Does this unit pass?  full: no room now; roomy: there is plenty again.  *begins is set
 * when it is the first after a gap.
 */
bool unitgate_pass(struct unitgate *g, const struct source_event *ev, bool full,
    bool roomy, bool *begins);

#endif
