/*
 * level.h - does a rung fit into a level, and which is the lowest it fits into?
 *
 * Spec     ITU-T H.264 A.3.1 and A.3.3 with table A-1; ITU-T H.265 A.4.1 and A.4.2
 *          with tables A.8 and A.9.
 * Shape    A level is ten times its number, 31 for 3.1, and 9 for 1b of H.264, as
 *          libx264 and libx265 count.
 * Memory   Nothing allocates.
 * Threads  Pure functions.
 */
#ifndef ENCODE_LEVEL_H
#define ENCODE_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/rational.h"
#include "lib/media/codec.h"

struct level_needs {
	enum codec codec;		/* AVC or HEVC */
	int	 width, height;
	struct rational rate;		/* pictures a second */
	int64_t	 kbps, cpb_kbit;	/* into the decoder's buffer, and its size */
	int	 dpb;			/* pictures that a decoder keeps */
	int	 quarters;		/* AVC: 4, High 5, High 10 12; table A-2 */
	bool	 high_tier;		/* HEVC: it may be used */
};

bool level_known(enum codec codec, int level);

/* NULL if this level, a known one, is enough; or else what is too much for it. */
const char *level_lacks(const struct level_needs *n, int level);

/* 0 if there is none. */
int level_lowest(const struct level_needs *n);

#endif
