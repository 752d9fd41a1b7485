/*
 * feedwatch.h - an input that is decoded, to see whether it is black, frozen or
 * silent: watch.h in a thread of its own.
 *
 * When the thread falls behind by more than FEEDWATCH_BYTES, what comes is left out
 * and counted.
 *
 * Units    ns; points in time are of CLOCK_MONOTONIC, by when the bytes came.
 * Memory   feedwatch_new() gives, feedwatch_free() takes back; bytes are copied.
 * Threads  All calls come from one thread; there is another behind.
 */
#ifndef FEEDWATCH_H
#define FEEDWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/failon.h"
#include "lib/media/watch.h"

#define FEEDWATCH_BYTES	(16u << 20)

struct feedwatch;

/* Of the video; of all of the sound that is there. */
struct feedwatch_kind {
	bool	 known;			/* there is something to see or hear */
	bool	 holds;			/* it has been so for long enough */
	int64_t	 lasts_ns;		/* for how long it has been so by now */
	int64_t	 clear_ns;		/* when it was not so, last */
};

struct feedwatch_state {
	struct feedwatch_kind kind[WATCH_KINDS];
	uint64_t errors;		/* of the decoders, of all time */
	uint64_t left_out;		/* bytes that were not looked at */
};

struct feedwatch *feedwatch_new(const struct failon *cfg);
void feedwatch_free(struct feedwatch *w);

void feedwatch_push(struct feedwatch *w, const uint8_t *p, size_t len, int64_t now_ns);

/* What follows is of another process. */
void feedwatch_restart(struct feedwatch *w);

/* Key pictures are enough, or all are needed. */
void feedwatch_spare(struct feedwatch *w, bool spare);

struct feedwatch_state feedwatch_look(struct feedwatch *w);

#endif
