/*
 * units.h - access units into a transport stream of one program.
 *
 * PIDs are 0x100 and up, in the order of the source's table, the PMT is 0x1000;
 * PCR goes with the first video, else the first audio.  What comes in one unit
 * leaves in one write.  Unless the source keeps its time, a constant is added
 * to all timestamps: for live sources and --realtime such that they count from
 * the UTC epoch and pictures lie on the grid of their rate (timeline.h).
 *
 * Units    90 kHz, unwrapped.
 * Memory   units_new() gives, units_free() frees.
 */
#ifndef UNITS_H
#define UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "ingest/out.h"
#include "ingest/source.h"

struct units_config {
	const char *name;
	bool	 live, realtime, keep_time;
	bool	 announce;		/* a break, as the switch of a source */
	int64_t	 duration;		/* 90 kHz, 0: no end */
};

struct units;

struct units *units_new(const struct units_config *cfg, struct out *out);
void units_free(struct units *u);

void units_streams(struct units *u, const struct source_event *ev);

/* SOURCE_UNIT.  False: the duration is over. */
bool units_unit(struct units *u, const struct source_event *ev);

void units_clock(struct units *u, int64_t pts, int64_t utc_ns);	/* SOURCE_CLOCK */
void units_break(struct units *u);				/* SOURCE_BREAK */

/* A reader begins here: tables, PCR and clock packet come first. */
void units_again(struct units *u);

/* The source begins again from its start. */
void units_loop(struct units *u);

uint64_t units_count(const struct units *u);
int64_t units_media(const struct units *u);	/* 90 kHz that have gone by */
void units_stats(const struct units *u, json_t *object);
void units_log(const struct units *u);		/* one line of counters */

#endif
