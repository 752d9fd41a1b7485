/*
 * budget.h - bytes of memory that many share, up to a limit.
 *
 * Shape    Whoever wants memory takes it from the budget first, and does without
 *          when there is none: what was refused is counted.
 * Threads  Any.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
	uint64_t limit;			/* bytes */
	_Atomic uint64_t used;
	_Atomic uint64_t refused;	/* times */
};

static inline bool
budget_take(struct budget *b, uint64_t n)
{
	if (atomic_fetch_add(&b->used, n) + n <= b->limit)
		return true;
	atomic_fetch_sub(&b->used, n);
	atomic_fetch_add(&b->refused, 1);
	return false;
}

static inline void
budget_give(struct budget *b, uint64_t n)
{
	atomic_fetch_sub(&b->used, n);
}

#endif
