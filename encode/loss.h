/*
 * loss.h - pictures in place of those that do not come: --on-loss.
 *
 * When a live input brings no picture for LOSS_LATE, the grid goes on by the clock: the
 * last picture again, then black, then a slate or a colour, each for its time.  What
 * comes later on is shown from where the grid is then; while it is behind that, the grid
 * waits for it.
 *
 * Units    Times in ns of CLOCK_MONOTONIC.
 * Memory   loss_free() gives all back.
 * Threads  Belongs to the reading thread.
 * Errors   loss_parse() ends the program with EXIT_USAGE.
 */
#ifndef ENCODE_LOSS_H
#define ENCODE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/vtrack.h"

#define LOSS_LATE	(INT64_C(300) * 1000000)
#define LOSS_STEPS	8

enum loss_kind { LOSS_REPEAT, LOSS_BLACK, LOSS_SLATE, LOSS_COLOR };

struct loss_step {
	enum loss_kind kind;
	int64_t	 ns;			/* INT64_MAX: for ever */
	uint32_t rgb;
	AVFrame	*picture;		/* as it was read */
	AVFrame	*fitted;		/* as pictures of the source are, or NULL yet */
};

struct loss {
	unsigned nstep;			/* 0: nothing is done */
	struct loss_step step[LOSS_STEPS];
	bool	 on, early;		/* early: nothing has come yet */
	uint64_t late;			/* pictures of the source that came too late so far */
	uint64_t seen;			/* pictures of the source so far */
	int64_t	 last_ns;		/* when the last of them came */
	int64_t	 last_k;		/* and which it was */
	uint64_t losses, filled;	/* times; pictures */
	int64_t	 fill_ns;		/* in all */
};

/* repeat=1s,black=2s,slate=FILE: the last without a time stays, else black does. */
void loss_parse(struct loss *l, const char *list);
void loss_free(struct loss *l);

/* The track has begun without its source. */
void loss_begin_early(struct loss *l, const struct vtrack *v);

/* How long until a picture is due, if none comes; at most most_ns. */
int64_t loss_wait(const struct loss *l, const struct vtrack *v, int64_t most_ns);

/*
 * All that there was has been read: make the pictures that are due.  True: some were,
 * up to the next one of the grid.
 */
bool loss_fill(struct loss *l, struct vtrack *v);

#endif
