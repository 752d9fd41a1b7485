/*
 * numbers.h - what is counted, with its name in JSON and for Prometheus.
 *
 * Memory   Names and texts are constants.  A list has room for NUMBERS; one more is
 *          left out.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdint.h>

#define NUMBERS		128

struct number {
	const char *name, *type, *help;	/* type: "counter" or "gauge" */
	uint64_t value;
};

struct numbers {
	unsigned n;
	struct number list[NUMBERS];
};

static inline void
numbers_add(struct numbers *all, const char *name, const char *type, const char *help,
    uint64_t value)
{
	if (all->n < NUMBERS)
		all->list[all->n++] = (struct number){ name, type, help, value };
}

#endif
