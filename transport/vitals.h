/*
 * vitals.h - the numbers of a stream's health by name, for conditions and statistics
 * of mconnect-probe and mconnect-relay.  Where AWS MediaConnect has a metric for it,
 * that is its name.
 *
 * Shape    What is counted is in struct vital_counts, taken at any time, so that what
 *          has been in a while is the difference of two; the rest is of now.
 * Units    Values in thousandths (transport/expr.h).
 * Memory   Borrows all that it is given.
 */
#ifndef VITALS_H
#define VITALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/tshealth.h"
#include "transport/expr.h"

struct vital_counts {
	uint64_t rule[HEALTH_RULES];
	uint64_t packets, null_packets, scrambled, damaged, junk_bytes;
};

struct vital_view {
	const struct health *health;
	struct vital_counts counts;
	bool	 recent;		/* of clocks, what was in the last window */
};

struct vital {
	const char *name, *alias;	/* alias: NULL if it has but one */
	const char *text;
	int (*get)(const struct vital_view *v, int arg, int64_t *out);	/* -1: not known */
	int	 arg;
};

/* By place; NULL behind the last. */
const struct vital *vital_at(int i);
int vital_find(const char *name);			/* -1: there is none */

/* All since the start. */
struct vital_view vital_view(const struct health *h);

struct expr_value vital_value(const struct vital_view *v, int i);

#endif
