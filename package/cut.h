/*
 * cut.h - where segments begin: one list of cuts for all tracks.
 *
 * One track, the guide, decides: the largest video, or the first audio if there
 * is no video.  Where the stream marks its boundaries (EBP) and our grid is made
 * of them, every grid point is a cut; else the first random access point at or
 * after a grid point.  The other tracks are cut at the same time: video at the
 * first picture that is not shown before it, audio at the first frame that does
 * not begin before it.  Where nothing goes on from before, at a break and when a
 * file begins, audio begins with the frame that the cut lies in: with the first
 * picture there is sound.  A live presentation that begins makes the segments of
 * one that has been going on.
 *
 * A splice is a cut, too, at the first random access point at or after it; it does not
 * add a segment, but takes the place of the nearest cut of the grid, so that numbers stay
 * those of the grid and a segment is at most half longer than others.  Where splices are
 * so close that they do add some, cuts of the grid are left out afterwards, live.
 *
 * A break (the clock jumps, more than half a second is missing, parameters or
 * tracks change) is a cut too, with a discontinuity.
 *
 * Spec     mts(7) for media time and numbers; ISO/IEC 23000-19 7.3.
 * Units    t: 90 kHz media time (timeline.h).
 * Memory   cutter_free() gives back the list.
 * Errors   -ENOMEM.
 */
#ifndef CUT_H
#define CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/cuetrack.h"
#include "lib/media/timeline.h"
#include "lib/media/track.h"

#define CUT_HOLE	(CLK_90K / 2)	/* that much missing is a break */

#define CUTTER_TRACKS	64
#define CUTTER_BASES	8

/* How media time comes about. */
enum cut_clock {
	CUT_UNKNOWN,
	CUT_NOT_LIVE,		/* counts from 0 */
	CUT_EBP,		/* by the times of the boundaries */
	CUT_PACKETS,		/* by clock packets */
	CUT_ARRIVAL,		/* by the time of arrival here */
};

struct cut {
	int64_t	 number;
	int64_t	 t;
	int64_t	 utc_ns;	/* when t was acquired; 0: not live */
	uint32_t base;
	bool	 discontinuity;
	bool	 missing;		/* because something is, but its time goes on */
};

struct cutter {
	/* set by the caller */
	int64_t	 segment_ns;
	bool	 hold;			/* last_number is not known: no cuts */
	bool	 regular_file;		/* input has no time of arrival */
	int64_t	 last_number;		/* that exists already, or -1 */
	/* a clock: at pcr (90 kHz, source) it was utc_ns; 0: none yet */
	enum cut_clock said;		/* what the stream says: NOT_LIVE, PACKETS */
	int64_t	 pcr, utc_ns;

	const struct cuetrack *cues;	/* where it is spliced */

	unsigned ntrack;
	struct track *track[CUTTER_TRACKS];
	struct bases bases;
	struct grid kept;		/* that of an earlier run, or 0 pictures */

	/* to be read */
	bool	 running;
	enum cut_clock clock;
	bool	 strict;		/* boundaries of the stream are our grid */
	struct grid grid;
	int64_t	 longest;		/* segment to be expected, 90 kHz */
	size_t	 first, n;		/* cut[] begins with the cut of index first */
	struct cut *cut;
	uint64_t discontinuities;
	bool	 widened;		/* the grid, for far random access points */

	/* private */
	size_t	 cap;
	struct track *guide, *home;	/* home: the one it was at first */
	int64_t	 left_home;		/* t: what it has before that was looked at */
	size_t	 seen;			/* samples of the guide that were looked at */
	bool	 force;			/* cut at the next random access point */
	bool	 switched;		/* there, whatever hole is before it */
	bool	 hole;			/* something is missing: wait for one */
	int64_t	 origin;		/* t where the grid begins */
	int64_t	 promised;		/* at the grid point of this slot there is a cut */
	int64_t	 slot, number, shift;	/* number = slot + shift */
	int64_t	 last_t;		/* of the last cut */
	int64_t	 guide_end;		/* t, of the samples seen: of their dts, */
	int64_t	 shown_end;		/* and of their pts */
	int64_t	 guide_step;
	int64_t	 date_t, date_ns;	/* at this t it was this time */
	struct {
		uint32_t id;
		bool	 known;
		int64_t	 offset;
	} base[CUTTER_BASES];
};

/* Look at what the tracks hold; new cuts are added.  0 or -ENOMEM. */
int cutter_run(struct cutter *c, bool eof);

/* A cut by its index, or NULL when it is not yet known. */
const struct cut *cutter_cut(const struct cutter *c, size_t index);

/* The tracks are done with the cuts before this index. */
void cutter_forget(struct cutter *c, size_t index);

/* The track's samples have moved on by n. */
void cutter_moved(struct cutter *c, const struct track *t, size_t n);

/* Cut with a discontinuity as soon as possible: the set of tracks changes. */
void cutter_break(struct cutter *c);

/* The source has been switched: a cut at the next random access point, over whatever hole. */
void cutter_switch(struct cutter *c);

/* Media time of a timestamp; false while the base is not known. */
bool cutter_time(const struct cutter *c, uint32_t base, int64_t pts, int64_t *t);

/*
 * When the next cut will be, if nothing can change that any more, and by now nothing
 * can; INT64_MAX: it cannot be told.  When it should be.
 */
int64_t cutter_promise(struct cutter *c, bool promise);
int64_t cutter_expect(const struct cutter *c, const struct cut *cut);

/* Is the sample before any cut that is still to come? */
bool cutter_settled(const struct cutter *c, const struct track *t, const struct sample *s,
    const struct cut *cut);

/* Up to where (t) the guide has been read; INT64_MIN when nowhere. */
int64_t cutter_horizon(const struct cutter *c);

/* May the sample begin the segment of a cut, or come after it? */
bool cutter_after(const struct cutter *c, const struct track *t,
    const struct sample *s, const struct cut *cut);

#endif
