/*
 * blank.h - a slate and silence in place of breaks: --blank.
 *
 * From the messages as they go out it follows which breaks are open: pictures and
 * samples from the splice to the return are blank, while any of them is.
 *
 * Spec     ANSI/SCTE 35 2022b: splice_insert, and segmentation types 0x30 to 0x3a, 0x44
 *          and 0x46 (advertisements, placement opportunities).
 * Units    90 kHz, time of the output's grid.
 * Memory   blank_free() gives all back.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_BLANK_H
#define ENCODE_BLANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "lib/media/cuetrack.h"
#include "lib/media/timeline.h"

#define BLANK_LIMIT	(INT64_C(15) * 60 * 90000)	/* of a break that nobody ends */

struct blank {
	bool	 on;
	AVFrame	 *slate;		/* as it was read */
	struct scte35 section;		/* the one at hand */
	struct cuetrack track;
};

/* "black", a file with a picture, or NULL: nothing is blank. */
void blank_init(struct blank *b, const char *slate);

/* A message as it goes out; now: as in struct cues_now. */
void blank_take(struct blank *b, const uint8_t *section, size_t len, int64_t now);

/* Each stretch that is blank, from *i = 0 on; *to may be CUE_NEVER. */
bool blank_next(const struct blank *b, size_t *i, int64_t *from, int64_t *to);

/* Is picture k of this grid blank? */
bool blank_picture(const struct blank *b, const struct grid *g, int64_t k);

void blank_free(struct blank *b);

#endif
