/*
 * ladder.h - one picture in, one for each rung: scaled, coded by the rung's own
 * thread, handed to the output.
 *
 * Sizes are made in a cascade, each from the smallest larger one.  The grid's
 * segments decide the IDR pictures, the same ones in every rung; a rung at
 * another frame rate begins with its first picture in the segment.  So do the
 * splices, which are on pictures that all rungs have.  Where one rung is the source as
 * it is (copy.h), a segment begins with the first IDR picture of the source that is not
 * before the grid's, and a splice is an IDR picture with the first that is not before it.
 *
 * Memory   ladder_free() gives all back.
 * Threads  The caller's, and one for each rung; between them bounded queues of
 *          WORKER_QUEUE pictures, where the caller waits.
 */
#ifndef ENCODE_LADDER_H
#define ENCODE_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/blank.h"
#include "encode/ccfifo.h"
#include "encode/copy.h"
#include "encode/epoch.h"
#include "encode/lead.h"
#include "encode/options.h"
#include "encode/output.h"
#include "encode/overlay.h"
#include "encode/recolor.h"
#include "encode/scale.h"
#include "encode/splices.h"
#include "encode/worker.h"
#include "lib/media/timeline.h"

struct rung {
	struct worker worker;		/* with its format, and its grid at its rate */
	int64_t	 part;			/* pictures, 0: no fragments are marked */
	int64_t	 next_k, segment;
	bool	 fresh;			/* the next picture is an IDR whatever its number, */
	bool	 spliced;		/* or it is one, but begins no segment */
	int64_t	 more;			/* pictures that its segment is longer from now on */
	int	 parent;		/* the rung to scale from; -1: the source */
	AVFrame	 *scaled;		/* of the picture at hand */
	bool	 unfit;			/* told: what it crops is not in the source */
	bool	 wanted, blank;
	AVFrame	 *slate;		/* as large as the rung, or NULL yet */
	struct scaler scaler;
	struct recolor recolor;		/* for pictures of another light than its own */
	struct ccfifo captions;
};

struct ladder {
	const struct options *opt;
	struct output *out;
	bool	 live;
	struct grid grid;		/* the master's */
	struct grid common;		/* of the pictures that all rungs have, or the master's */
	int64_t	 reorder;		/* 90 kHz: no unit is decoded longer before it is
					 * shown */
	struct splices splices;		/* by the caller */
	const struct blank *blank;	/* by the caller */
	struct overlay overlay;
	struct rational coded;		/* rate of captions and labels, by the caller */
	struct label label;		/* timecode */
	bool	 captioned;		/* the source has captions */
	uint64_t covered;		/* pictures that are blank up to now, in a row */
	uint64_t blanked;		/* pictures of the master's grid */
	int64_t	 phase;			/* source time minus grid time */
	unsigned nrung;
	struct rung rung[RUNGS_MAX];
	unsigned ncoded, order[RUNGS_MAX];	/* largest first, without the copy */
	struct rung *copied;		/* that of copy, or NULL */
	struct copy copy;
	struct copy_unit *shown;	/* of the picture at hand, if it is an IDR picture */
	struct lead lead;
};

/* The master's frame rate: the highest that a rung has. */
struct rational ladder_rate(const struct options *o, struct rational source);

/* Fill in program and PIDs of the rungs' streams: before the output starts. */
void ladder_init(struct ladder *l, const struct options *o, struct output *out,
    const struct blank *blank);

/* With the first picture of the source, at its rate. */
void ladder_start(struct ladder *l, const AVFrame *first, struct rational source,
    struct grid grid, int64_t k, int64_t phase, bool live);

/* It has begun without the source, whose rate this is. */
void ladder_source_rate(struct ladder *l, struct rational source);

/*
 * The source as it comes, for the rung that is a copy; and before ladder_picture(), that
 * it is the picture of source time t.
 */
void ladder_source(struct ladder *l, const uint8_t *data, size_t len, int64_t pts,
    int64_t dts, bool damaged);
void ladder_shown(struct ladder *l, int64_t t);

/* The codec of what comes now, and the rate that it says; 0: it does not. */
void ladder_codec(struct ladder *l, enum codec codec, uint64_t rate);

/*
 * Picture k of the grid.  gap: time jumps before it.  The captions are those of
 * the source since the picture before, as triplets; they come first, with its k.
 */
void ladder_picture(struct ladder *l, const AVFrame *f, int64_t k, bool gap,
    const struct epoch *epoch);
void ladder_captions(struct ladder *l, int64_t k, const uint8_t *triplets, size_t len);

/* Before a picture: captions on the screen are erased, in four pictures from n = 0 on. */
void ladder_erase(struct ladder *l, unsigned n);

/* The first time t of a picture in common that no rung has begun to code yet. */
int64_t ladder_next_common(const struct ladder *l, int64_t t);

void ladder_finish(struct ladder *l);
void ladder_free(struct ladder *l);

#endif
