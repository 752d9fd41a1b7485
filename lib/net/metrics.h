/*
 * metrics.h - numbers as text for Prometheus.
 *
 * Spec     Prometheus text format 0.0.4.
 * Memory   Into the caller's buffer; what does not fit is left out, and counted
 *          in lost.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stddef.h>
#include <stdint.h>

#define METRICS_TYPE	"text/plain; version=0.0.4; charset=utf-8"

struct metrics {
	char	*buf;
	size_t	 size, len;
	unsigned lost;
};

/* The lines before the samples of one name; type is "counter" or "gauge". */
void metrics_about(struct metrics *m, const char *name, const char *type,
    const char *help);

/* labels is "" or without braces: status="200". */
void metrics_add(struct metrics *m, const char *name, const char *labels,
    uint64_t value);

/* In such parts of one, at most a million; 0 or 1: whole. */
void metrics_add_part(struct metrics *m, const char *name, const char *labels,
    uint64_t value, unsigned per);

/* In seconds. */
void metrics_add_ns(struct metrics *m, const char *name, const char *labels,
    uint64_t ns);

#endif
