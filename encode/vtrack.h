/*
 * vtrack.h - the video of the source: decoded, deinterlaced, filtered, timed, and
 * handed to the ladder.
 *
 * The first pictures are held until their frame rate is known.
 *
 * Units    90 kHz media time.
 * Memory   vtrack_free() gives all back.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_VTRACK_H
#define ENCODE_VTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/burn.h"
#include "encode/decode.h"
#include "encode/deint.h"
#include "encode/epoch.h"
#include "encode/film.h"
#include "encode/filter.h"
#include "encode/ladder.h"
#include "encode/timing.h"

#define VTRACK_PROBE	25		/* pictures at most */
#define VTRACK_TAIL	16
#define VTRACK_LATE	8		/* more than pictures are reordered */

struct vtrack {
	struct ladder *ladder;
	struct epoch *epoch;
	const struct options *opt;
	void	 (*begins)(void *arg);	/* called when the first picture is about to be */
	void	 *arg;			/* made, and all is known of it */
	struct decoder dec;
	bool	 decoding, started;
	bool	 early;			/* started, but nothing is known of the source yet */
	bool	 file;			/* not live, and time begins with the video; */
	int64_t	 phase;			/* else source time minus grid time so far */
	int	 threads;
	struct deint deint;
	struct film film;
	struct filter filter;
	struct burn burn;		/* subtitles, by the caller: they may come no sooner */
	unsigned nlate;			/* than their pictures, which wait for them here */
	AVFrame	 *late[VTRACK_LATE];
	struct timing timing;
	struct rational coded, rate;	/* of the source, and of the pictures that it has */
	int64_t	 start;			/* grid time of the first picture */
	int64_t	 last_t;		/* source time of the last picture */
	AVFrame	 *last;			/* for repeats */
	bool	 preroll;		/* after a switch: pictures until last_t come again */
	bool	 draining;		/* for it */
	unsigned ntail;			/* of the old source, behind a hole in it */
	AVFrame	 *tail[VTRACK_TAIL];
	uint64_t prerolled;		/* pictures that were not shown */
	unsigned nprobe;
	AVFrame	 *probe[VTRACK_PROBE];
	uint64_t decoded, corrupt, errors;	/* of all decoders there were */
	uint64_t pictures;		/* made */
};

void vtrack_init(struct vtrack *v, const struct options *opt,
    struct ladder *ladder, struct epoch *epoch);

/* No picture from this grid time on has been made; only when it has started. */
int64_t vtrack_next(const struct vtrack *v);

/*
 * Begin without the source, as if it had a picture like f at t, on the grid of the rungs.
 * False: what is to be made of the source cannot be made of that.
 */
bool vtrack_begin_early(struct vtrack *v, const AVFrame *f, int64_t t);

/* The decoder for what comes now.  0 or as decoder_open(). */
int vtrack_codec(struct vtrack *v, enum codec codec);

/*
 * Another source takes over, on the same timeline: the next unit is a random access
 * point.  Of its pictures those are shown that come after the ones of before.
 */
void vtrack_switch(struct vtrack *v);

void vtrack_unit(struct vtrack *v, const uint8_t *data, size_t len, int64_t pts,
    int64_t dts);

/* No subtitles come any more for those that wait. */
void vtrack_show_late(struct vtrack *v);

/* Repeat the last picture up to source time t. */
void vtrack_catch_up(struct vtrack *v, int64_t t);

/*
 * Make the next picture of the grid of this one, which is as those of the source are.
 * erase: captions are to be erased, and this is the nth picture to do so, from 0; or -1.
 */
void vtrack_fill(struct vtrack *v, const AVFrame *f, int erase);

void vtrack_finish(struct vtrack *v);
void vtrack_free(struct vtrack *v);

#endif
