/*
 * epoch.h - from the timestamps of the source to media time (design 3.2).
 *
 * Media time t counts 90 kHz ticks on the source's own clock plus an offset,
 * taken once: since 1970 when the source is live; from 10 s on when it is not.
 * It follows wraps, and takes a new offset after a break of the source's clock,
 * so that time never goes back.  A single wild timestamp is not a break.
 *
 * Units    90 kHz ticks; UTC in ns since 1970.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_EPOCH_H
#define ENCODE_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/pes.h"

#define EPOCH_FILE_START	INT64_C(900000)	/* where a file begins */
#define EPOCH_JUMP		(5 * INT64_C(90000))	/* more is a break */
#define EPOCH_LEAD		(2 * INT64_C(90000))	/* that a picture needs to be decoded in */
#define EPOCH_PREROLL		(12 * INT64_C(90000))	/* back, after the tables changed */

enum epoch_mode { EPOCH_UNDECIDED, EPOCH_LIVE, EPOCH_FILE };

/* One stretch of the source's clock. */
struct epoch_part {
	bool	set;
	int64_t	ref;		/* the last raw time seen in it */
	int64_t	off;		/* t = raw + off */
	int64_t	start;		/* its first t */
	int64_t	error_ns;	/* t is this much later than UTC */
	bool	exact;		/* by a stamp */
};

struct epoch {
	enum epoch_mode mode;
	struct epoch_part now, before;
	int64_t	last_t;			/* the greatest */
	bool	has_pcr, stamped;
	int64_t	pcr_90k, pcr_utc_ns;
	int64_t	wild_ref;		/* a timestamp far off, not yet believed */
	unsigned wild;
	uint64_t breaks, wild_total;
	int64_t	filled_t;	/* time has gone on without the source; PES_NO_TIME: not */
};

/* One stream's place in it: the caller's, one a stream, zeroed. */
struct epoch_stream {
	bool	started;
	bool	switched;	/* by the caller: the tables changed, pre-roll may come */
	int64_t	last_t;
};

void epoch_init(struct epoch *e);

/*
 * What the clock was when a PCR came; stamped: the stream says so itself.  The first
 * stamp corrects the dates, and never the numbers, of what began without one.
 */
void epoch_pcr(struct epoch *e, int64_t pcr_90k, int64_t utc_ns, bool stamped);

/*
 * The media time of a timestamp, or PES_NO_TIME if it cannot be believed.
 * announced: the stream says that time jumps here.  fresh_ns is the UTC of now,
 * for a source whose PCR has not been seen.  The mode must be decided.
 */
int64_t epoch_time(struct epoch *e, struct epoch_stream *s, int64_t pts,
    bool announced, int64_t fresh_ns);

/*
 * Time goes on without the source, up to t by now; PES_NO_TIME: the source is back.  It
 * comes in behind that: by its clock of before, or as one that is new, if that is near; or
 * else whole seconds are put between, so that twins choose the same.
 */
void epoch_filled(struct epoch *e, int64_t t);

/* When was what has media time t acquired?  Only if live. */
int64_t epoch_utc_ns(const struct epoch *e, int64_t t);

#endif
