/*
 * failover.h - a source made of several: the one that is well, and another when
 * it fails.
 *
 * What it gives is one stream of units on one timeline.  A switch is a break with
 * new tables: pictures from the random access point of the new input on, of which
 * those that are not later than what was shown are pre-roll, then both pictures
 * and sound.  Streams keep their places in the table over switches, by kind,
 * language and order.
 *
 * Units    As in source.h.
 * Memory   failover_open() gives a source, whose close() frees it.
 * Threads  One.
 */
#ifndef FAILOVER_H
#define FAILOVER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "ingest/failon.h"
#include "ingest/source.h"

#define FAILOVER_INPUTS	20

struct failover_config {
	bool	 prefer;		/* the first, when it is well again */
	int64_t	 clear_ns;		/* for which it must have been */
	struct failon failon;
	const char *control;		/* path of a named pipe, or NULL */
	const char *program;		/* -P, as given, or NULL */
	void	 (*event)(void *arg, json_t *object);	/* takes it */
	void	*arg;
};

/* The names are borrowed. */
struct source *failover_open(const struct source_config *cfg,
    const struct failover_config *fcfg, char *const name[], unsigned n);

#endif
