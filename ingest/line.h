/*
 * line.h - the one timeline that several inputs in turn are laid on, and the places
 * of their streams in the one table.
 *
 * The first input keeps its timestamps.  An input that is switched to keeps those of
 * the timeline, too, where they agree with its own within a second or what is kept of
 * it: then nothing is lost or shown twice.  Else what it brings now is now, and the
 * picture that is the first to be shown comes one picture after the last.
 *
 * Units    90 kHz.
 * Memory   Caller's struct, and a buffer for the section at hand.
 * Threads  One.
 */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/feed.h"
#include "lib/media/scte35.h"

struct line {
	bool	 started;
	int64_t	 off;			/* timeline minus the input's time */
	int64_t	 splice;		/* the first picture to be shown is not before it */
	const struct feed_unit *begin;	/* where the input was entered, until it is sent */
	int64_t	 begin_pts;		/* on the timeline */
	int64_t	 shown, shown_ns;	/* the last picture so far, and when it came */
	int64_t	 picture;		/* how long one lasts */
	bool	 cutting, cut;		/* no later picture is to go out; none did */
	uint64_t dropped, preroll;

	unsigned nplace;
	struct source_stream place[SOURCE_STREAMS_MAX];
	int64_t	 last[SOURCE_STREAMS_MAX];	/* of sound: the last unit, and */
	int64_t	 end[SOURCE_STREAMS_MAX];	/* up to where it was sent, */
	int64_t	 from[SOURCE_STREAMS_MAX];	/* and from where it may be now */
	int	 map[FEED_STREAMS];	/* place of a stream of the input; -1: none */
	bool	 same;			/* input and timeline agree */
	uint8_t	 section[SCTE35_SECTION_MAX];
	size_t	 early_len;		/* the last cue from before the splice, as it came */
	uint8_t	 early[SCTE35_SECTION_MAX];
	struct scte35 cue;
};

void line_init(struct line *l);

/*
 * Enter this input now; any: where there is damage behind, too.  False: there is no
 * place to.
 */
bool line_splice(struct line *l, struct feed *f, int64_t now_ns, bool any);

/* Its tables, as they are now. */
void line_tables(struct line *l, const struct feed *f);

/* Let the input in use come to an end: line_is_cut() once it has. */
void line_cut(struct line *l);
bool line_is_cut(const struct line *l);

/* Let it go on.  True: some of it did not go out. */
bool line_uncut(struct line *l);

/* A unit of it, in order.  False: it is not to go out. */
bool line_unit(struct line *l, const struct feed_unit *u, struct source_event *ev);

#endif
