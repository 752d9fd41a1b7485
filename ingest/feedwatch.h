/*
 * feedwatch.h - an input that is decoded, to see whether it is black, frozen or
 * silent: watch.h in a thread of its own.
 *
 * When the thread falls behind by more than FEEDWATCH_BYTES, what comes is left out
 * and counted.
 *
 * Units    ns.
 * Memory   feedwatch_new() gives, feedwatch_free() takes back; bytes are copied.
 * Threads  All calls come from one thread; there is another behind.
 */
#ifndef FEEDWATCH_H
#define FEEDWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/failon.h"

#define FEEDWATCH_BYTES	(16u << 20)

struct feedwatch;

struct feedwatch_state {
	bool	 black, frozen, silent;	/* the video; all of the sound that is there */
	uint64_t errors;		/* of the decoders, of all time */
	uint64_t left_out;		/* bytes that were not looked at */
};

struct feedwatch *feedwatch_new(const struct failon *cfg);
void feedwatch_free(struct feedwatch *w);

void feedwatch_push(struct feedwatch *w, const uint8_t *p, size_t len);

/* What follows is of another process. */
void feedwatch_restart(struct feedwatch *w);

/* Key pictures are enough, or all are needed. */
void feedwatch_spare(struct feedwatch *w, bool spare);

struct feedwatch_state feedwatch_look(struct feedwatch *w);

#endif
