/*
 * label.h - which timecode a picture has: --timecode.
 *
 * Labels count pictures; at another frame rate a rung has the labels of that rate for the
 * same times.  Those of the source are followed where it has them and go on by themselves
 * where it does not.
 *
 * Spec     SMPTE ST 12-1; in the source pic_timing of H.264, time_code of H.265 and the
 *          GOP header of H.262 6.2.2.6.
 * Units    90 kHz grid time, UTC in ns.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_LABEL_H
#define ENCODE_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "encode/timecode.h"
#include "lib/media/timeline.h"

enum label_mode { LABEL_NONE, LABEL_SOURCE, LABEL_CLOCK, LABEL_ZERO };

struct label {
	enum label_mode mode;
	struct timecode first;		/* of LABEL_ZERO; drop does not matter */
	struct rational source;		/* its frame rate */
	int64_t	 start;			/* of the first picture */
	bool	 live;			/* there is a clock */
	bool	 seen;
	int64_t	 n, t;			/* the last label of the source, and where */
};

/* "source", "clock", "zero" or a label for the first picture; false: none of these. */
bool label_parse(struct label *l, const char *arg);

void label_start(struct label *l, struct rational source, int64_t t, bool live);

/* A picture of the source, at t. */
void label_see(struct label *l, const AVFrame *f, int64_t t);

/* Of picture k of a grid, which was acquired at utc_ns if the input is live. */
struct timecode label_of(const struct label *l, const struct grid *g, int64_t k,
    int64_t utc_ns);

#endif
