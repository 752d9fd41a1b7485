/*
 * hlsmerge.h - segments of one or more playlists, taken apart and merged by time.
 *
 * The first input is the variant itself, the others its audio.  Of live the times
 * stay as they are, and another period is a break; else one timeline goes on over
 * all periods.  Cues of the playlist become one stream more.
 *
 * Units    90 kHz, unwrapped.
 * Memory   hlsmerge_clear() takes back what hlsmerge_add() gave; tracks are borrowed.
 */
#ifndef INGEST_HLSMERGE_H
#define INGEST_HLSMERGE_H

#include "ingest/hlscues.h"
#include "ingest/hlspace.h"
#include "ingest/hlstrack.h"
#include "ingest/hlsunits.h"
#include "ingest/source.h"
#include "lib/media/scte35.h"

#define HLSMERGE_INPUTS	8

struct hlsinput {
	struct hlstrack *track;
	struct hlsunits *units;
	const struct hlstrack_segment *seg;	/* being read, or NULL */
	bool	 first;			/* no unit of it has been given yet */
	int64_t	 period;
	bool	 have, ended, stalled;
	struct hlsunit unit;		/* when have */
	int64_t	 pts, dts;		/* of it, unwrapped */
	unsigned known;			/* streams that have a place */
	unsigned place[HLSUNITS_STREAMS];
};

struct hlsmerge {
	struct source *s;
	struct hlspace *pace;
	struct hlscues *cues;		/* or NULL: set after hlsmerge_init() */
	unsigned ninput;
	struct hlsinput in[HLSMERGE_INPUTS];

	bool	 started;
	int64_t	 period;
	int64_t	 ref;			/* the last dts, for unwrapping */
	int64_t	 start_pts;		/* of the variant, in this period */
	int64_t	 offset, step;		/* not live: one timeline over all periods */
	int64_t	 last;			/* dts of the leading stream as given */
	unsigned leader;		/* its place: video, if there is some */
	int64_t	 waiting_ns;		/* since when a track keeps us waiting; 0: no */

	/* What is to be said before the next data. */
	bool	 say_break, say_streams, say_clock;
	int64_t	 clock_pts, clock_utc_ns;

	unsigned nstream;
	struct source_stream stream[SOURCE_STREAMS_MAX];
	int64_t	 last_dts[SOURCE_STREAMS_MAX];	/* as given */
	uint64_t late, breaks;
	uint8_t	 section[SCTE35_SECTION_MAX];
};

void hlsmerge_init(struct hlsmerge *m, struct source *s, struct hlspace *pace);
void hlsmerge_clear(struct hlsmerge *m);

/* language: for streams that do not say theirs, or "". */
void hlsmerge_add(struct hlsmerge *m, struct hlstrack *track, const char *language);

/* Fill *ev; false: nothing is due, look again at *wake. */
bool hlsmerge_event(struct hlsmerge *m, struct source_event *ev, int64_t *wake);

/* The tracks begin again. */
void hlsmerge_rewind(struct hlsmerge *m);

#endif
