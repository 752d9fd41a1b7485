/*
 * health.h - whether one input of several is well, by the conditions of --fail-on.
 *
 * Black, frozen or silent inputs are often so all at once, since their pictures come from
 * one studio, and are found to be so one after the other.  So a condition that an input
 * shows counts against it as a candidate before it has lasted long enough to hold.
 *
 * Units    ns of CLOCK_MONOTONIC.
 * Memory   Caller's struct.
 * Threads  Pure functions.
 */
#ifndef HEALTH_H
#define HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/failon.h"
#include "ingest/feedwatch.h"

enum cause { CAUSE_START, CAUSE_PREFERENCE, CAUSE_COMMAND, CAUSE_RETURN,
	CAUSE_LOSS, CAUSE_BLACK, CAUSE_FREEZE, CAUSE_SILENCE, CAUSE_CC, CAUSE_ERRORS,
	CAUSES };

extern const char *const health_cause[CAUSES];

struct health {
	bool	 well, failed;		/* now; it has been ill since it was first well */
	int64_t	 since_ns;		/* well */
	int64_t	 heard_ns;		/* the last unit, without what our reader took */
	bool	 holds[CAUSES];		/* which conditions */
	int64_t	 fault_ns;		/* when the first of them began to show */
	struct feedwatch_state state;	/* what was seen last */
	struct burst cc, errors;
};

/* What comes of an input. */
struct health_signs {
	bool	 lost;
	uint64_t cc_errors;
	int64_t	 soundless_ns;		/* for which no sound has come that should */
	struct feedwatch_state state;
};

/* True: it has failed, just now. */
bool health_note(struct health *h, const struct failon *on, const struct health_signs *s,
    int64_t now_ns);

/* The first condition that holds; CAUSES: none. */
enum cause health_cause_of(const struct health *h);

/* It has been well for so long, or always. */
bool health_clear(const struct health *h, int64_t clear_ns, int64_t now_ns);

/* Black, frozen or silent, for a while at least. */
bool health_dim(const struct health *h, const struct failon *on);

/*
 * May it be so, too, what another has failed on since fault_ns?  Not when it has been seen
 * or heard to be otherwise since.
 */
bool health_shares(const struct health *h, const struct failon *on, enum cause cause,
    int64_t fault_ns, int64_t now_ns);

#endif
