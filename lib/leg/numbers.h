/*
 * numbers.h - what is counted, with its name in JSON and for Prometheus.
 *
 * Memory   Names and texts are constants.  A list has room for NUMBERS; one more is
 *          left out.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdint.h>
#include <string.h>

#define NUMBERS		128

struct number {
	const char *name, *type, *help;	/* type: "counter" or "gauge" */
	uint64_t value;
};

struct numbers {
	unsigned n;
	struct number list[NUMBERS];
	unsigned per[NUMBERS];		/* value is in such parts of one; 0: whole */
};

static inline void
numbers_add(struct numbers *all, const char *name, const char *type, const char *help,
    uint64_t value)
{
	if (all->n < NUMBERS)
		all->list[all->n++] = (struct number){ name, type, help, value };
}

static inline void
numbers_add_part(struct numbers *all, const char *name, const char *type, const char *help,
    uint64_t value, unsigned per)
{
	if (all->n < NUMBERS)
		all->per[all->n] = per;
	numbers_add(all, name, type, help, value);
}

/* Or NULL. */
static inline const struct number *
numbers_find(const struct numbers *all, const char *name)
{
	for (unsigned i = 0; i < all->n; i++)
		if (strcmp(all->list[i].name, name) == 0)
			return &all->list[i];
	return NULL;
}

#endif
