/*
 * impairlog.h - every decision of mconnect-impair as a line of JSON, and such lines as
 * decisions.
 *
 * Shape    {"n":12,"link":0,"way":"there","t_us":1234,"bytes":1316,"what":"pass",
 *          "delay_us":40012,"copy_us":41000,"flip":77}; the last three only where there
 *          is something to say.  Read back, a packet is known by link, way and n; one
 *          that the log does not know passes at once.
 * Units    us in the text, ns here.
 * Memory   impairlog_close() gives all back.
 * Errors   Negative errno; -EBADMSG: not such a log; failed is then the name.
 */
#ifndef IMPAIRLOG_H
#define IMPAIRLOG_H

#include <stdio.h>

#include "transport/impair.h"

struct impairlog_line {
	uint64_t n;
	unsigned link;
	const char *way;
	int64_t	 at_ns;
	size_t	 len;
	struct impair_verdict verdict;
};

struct impairlog_entry;

struct impairlog {
	FILE	*out;
	const char *failed;
	bool	 replaying;
	size_t	 nentry;
	struct impairlog_entry *entry;	/* in order of link, way and n */
};

/* Either may be NULL. */
int impairlog_open(struct impairlog *l, const char *out, const char *replay);

/* Replaying: let the log decide. */
void impairlog_replay(const struct impairlog *l, struct impairlog_line *line,
    int64_t now_ns);
void impairlog_write(struct impairlog *l, const struct impairlog_line *line,
    int64_t now_ns);
int impairlog_close(struct impairlog *l);

#endif
