/*
 * copy.h - a rung that is the video of the source as it came.
 *
 * The other rungs have their pictures at the places of the grid, so a unit gets the
 * time of its picture's place.  An IDR picture of the source waits until it has been
 * shown to the ladder, which knows that place and says whether a segment begins there.
 * What lies behind a break goes on with the next IDR picture that is later than all
 * that went before.
 *
 * Spec     mts(7); ISO/IEC 14496-12 I.3 for SAP types: an open GOP has 3.
 * Units    90 kHz: source time until a unit leaves, then that of the grid.
 * Memory   copy_free() gives all back.  What waits is bounded by COPY_HOLD bytes.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_COPY_H
#define ENCODE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/output.h"
#include "lib/media/timeline.h"
#include "lib/media/video.h"

#define COPY_HOLD	(32u << 20)	/* bytes; then an IDR picture waits no longer */

struct copy_unit {
	struct copy_unit *next;
	struct output_unit *u;
	bool	 waits;			/* to be shown */
	bool	 open;			/* of a GOP whose first pictures need the one before */
	bool	 changed;		/* parameters are others from here on */
};

struct copy {
	const char *text;		/* the rung, for messages */
	struct output *out;
	struct output_stream *stream;
	const struct grid *grid;	/* NULL: not known yet, and everything waits */
	int64_t	 phase;			/* source time minus grid time */
	bool	 alone;			/* no other rung tells of jumps */
	struct rational rate;		/* pictures of the source a second */
	int64_t	 part;			/* a fragment has so many; 0: they are not marked */
	const struct epoch *epoch;	/* NULL: not live */
	int64_t	 segment_t;		/* when the segment begins, or PES_NO_TIME */
	struct video video;
	enum codec codec;		/* CODEC_UNKNOWN: nothing can be passed on */
	bool	 going;			/* false: until the next IDR picture */
	int64_t	 first_pts;		/* of it; what is shown before is left out */
	int64_t	 src_pts, src_dts, step;	/* the latest of the source */
	int64_t	 last_dts;		/* of the output */
	int64_t	 reorder;		/* the longest from decoding to showing */
	bool	 required;		/* the output waits for it */
	bool	 said_open;
	struct copy_unit *head, **tail;
	size_t	 held;
	uint64_t units, dropped;
};

void copy_init(struct copy *c, const char *text, struct output *out,
    struct output_stream *stream);
void copy_free(struct copy *c);

/* What comes now.  False: it cannot be passed on (again). */
bool copy_codec(struct copy *c, enum codec codec);

/* The grid is known: what has waited goes on.  part: pictures of a fragment, or 0. */
void copy_start(struct copy *c, const struct grid *grid, int64_t phase, bool alone,
    struct rational rate, int64_t part);

/* An access unit of the source; pts and dts may be PES_NO_TIME. */
void copy_unit(struct copy *c, const uint8_t *data, size_t len, int64_t pts, int64_t dts,
    bool damaged);

/* The source's picture of time t is shown now: its unit if it is an IDR picture, or NULL. */
struct copy_unit *copy_shown(struct copy *c, int64_t t);

/* It is picture k; a segment begins there (ebp), or none (NULL). */
void copy_place(struct copy *c, struct copy_unit *u, int64_t k, const struct ebp *ebp);

/* Pass on all that does not have to wait. */
void copy_flush(struct copy *c, bool all);

/* Pictures of grid time t are made: is there nothing of the rung any more? */
void copy_watch(struct copy *c, int64_t t);

#endif
