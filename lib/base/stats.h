/*
 * stats.h - numbers for machines: --stats, one JSON object a line each second.
 *
 * Shape    The target is "fd:N", "unix:PATH" (a stream socket that listens) or
 *          a file, which is appended to.  Every line begins with "time" (UTC,
 *          ISO 8601), "tool" and "uptime_ms".
 * Memory   stats_write() takes the object.
 * Errors   Opening: negative errno.  Writing never blocks and never fails a
 *          tool: a line that the target does not take is dropped and counted
 *          as "stats_dropped" in the next one.
 */
#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct stats {
	int	 fd;			/* -1: nowhere */
	int64_t	 start_ns, next_ns;	/* CLOCK_MONOTONIC */
	uint64_t dropped;
};

/* target NULL is nowhere: then stats_due() is never true. */
int stats_open(struct stats *s, const char *target);

/* Is a line due?  At most once a second. */
bool stats_due(struct stats *s);

/* Write a line now. */
void stats_write(struct stats *s, json_t *object);

#endif
