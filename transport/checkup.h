/*
 * checkup.h - the health of a source, or of what goes out, while it runs: TR 101 290 by
 * lib/media/tshealth.h, and conditions on it.
 *
 * In a condition, what is counted is what has been in the last over_ns; a fault that
 * lasts counts once as long as it does.
 *
 * Units    ns of any one clock.
 * Memory   checkup_init() allocates, checkup_free() gives all back.  The conditions are
 *          borrowed for as long as it lives.
 * Threads  One.
 * Errors   -ENOMEM.
 */
#ifndef CHECKUP_H
#define CHECKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/leg/numbers.h"
#include "transport/expr.h"
#include "transport/vitals.h"

#define CHECKUP_CONDITIONS	8
#define CHECKUP_STEPS		20	/* of the sliding time */

struct checkup_conditions {
	int64_t	 over_ns;
	unsigned n;
	struct checkup_condition {
		const char *text;
		struct expr expr;	/* over vital_find() */
	} one[CHECKUP_CONDITIONS];
};

struct checkup {
	int	 holds;			/* the first condition that does, or -1 */

	/* private: */
	struct health *health;
	const struct checkup_conditions *conditions;	/* NULL: none */
	unsigned lasting[HEALTH_RULES];	/* faults that are there now */
	int64_t	 look_ns, step_ns, window_ns;	/* when it is time */
	unsigned n;			/* counts that were noted, ever */
	struct vital_counts past[CHECKUP_STEPS];
};

/* arrival: the times that it is given are those of the stream's arrival. */
int checkup_init(struct checkup *c, bool arrival, const struct checkup_conditions *list);
void checkup_free(struct checkup *c);

/* Whole packets, and when they came. */
void checkup_push(struct checkup *c, const uint8_t *p, size_t len, int64_t at_ns);

/* Some are known to be missing before what comes next. */
void checkup_gap(struct checkup *c);

/* It is so late now.  True: holds is another one than before. */
bool checkup_turn(struct checkup *c, int64_t now_ns);

/*
 * What is counted of a source; and of what goes out, the names without source_.
 * sync_losses, bad_syncs: those before what is pushed was found to be packets.
 */
void checkup_source_numbers(const struct checkup *c, uint64_t sync_losses,
    uint64_t bad_syncs, struct numbers *all);
void checkup_output_numbers(const struct checkup *c, struct numbers *all);

#endif
