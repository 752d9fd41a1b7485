/*
 * ahead.h - look at the beginning of the input for what it says of its clock.
 *
 * A stream of ours has a clock packet once a second (ebp.h).  One that is joined
 * in the middle has begun before the next of them; its first pictures should get
 * the same numbers and dates nevertheless.  So the first second or so is looked
 * through before it is worked on.
 *
 * Memory   ahead_free() gives all back.
 * Threads  Belongs to one thread.
 */
#ifndef ENCODE_AHEAD_H
#define ENCODE_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/tsdemux.h"

#define AHEAD_BYTES	(16u << 20)	/* not more than this is looked at */

struct ahead {
	bool	 done;
	enum tsdemux_clock clock;	/* when done */
	bool	 stamped;		/* and these two are known */
	int64_t	 pcr_90k, utc_ns;
	/* private: */
	struct tsdemux demux;
	bool	 has_first;
	int64_t	 first_pcr, deadline_ns;
	size_t	 seen, used;
};

int ahead_init(struct ahead *a);	/* 0 or -ENOMEM */

/*
 * Look at all that there is so far: p[0..len), from the same beginning each time.
 * eof: no more will come.  Sets done when enough is known, or never will be.
 */
void ahead_look(struct ahead *a, const uint8_t *p, size_t len, bool eof);
void ahead_free(struct ahead *a);

#endif
