/*
 * listline.h - the timeline that the files of a list are laid on, one after another.
 *
 * A file begins with its first random access point, where the pictures of the file before
 * end, or its sound if that is more than a second longer; all times in between are sums of
 * the files' own, so that nothing drifts.  Leading pictures that lack what they refer to are
 * left out, and so is sound that is there already.  Decoding times that would go back
 * are moved on, as far as that has to be.
 *
 * Units    90 kHz.
 * Memory   Caller's struct.
 * Threads  One.
 */
#ifndef LISTLINE_H
#define LISTLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/feed.h"
#include "ingest/line.h"

struct listline {
	bool	 started;
	struct line places;		/* of which only places and map are used */
	int64_t	 off;			/* timeline minus the time of the file */
	int64_t	 begin;			/* the first picture of the file, on the timeline */
	int64_t	 shown;			/* the last one */
	int64_t	 picture;		/* how long one lasts */
	const struct feed_unit *first;	/* of the file, until it is sent */
	struct {
		bool	used;		/* in this file */
		int64_t dts;		/* the last one sent */
		int64_t length;		/* of a unit of sound */
		int64_t end;		/* of what was sent */
		int64_t from;		/* in this file nothing before that */
	} at[SOURCE_STREAMS_MAX];
	uint64_t dropped;
};

void listline_init(struct listline *l);

/* Its first unit, which can be entered. */
void listline_begin(struct listline *l, const struct feed_unit *u);

/* The file has come to its end. */
void listline_end(struct listline *l, const struct feed *f);

/* Another clock begins within the file: go on there as with another file. */
bool listline_breaks(struct listline *l, const struct feed *f, const struct feed_unit *u);

/* A unit, in order.  False: it is not to go out. */
bool listline_unit(struct listline *l, const struct feed *f, const struct feed_unit *u,
    struct source_event *ev);

#endif
