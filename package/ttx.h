/*
 * ttx.h - pages of teletext that are to be text: which, and what they show on its way to
 * be cut.
 *
 * A page that comes in several PES packets is shown from the first one on, as a whole,
 * unless what is before the next one has been made already.
 *
 * Units    pts: 90 kHz of the source, in its base (track.h).
 * Memory   ttx_free() gives all back.  Screens have only the blocks that they show.
 * Errors   -ENOMEM.
 */
#ifndef TTX_H
#define TTX_H

#include "lib/media/teletext.h"
#include "package/pres.h"

#define TTX_SCREENS	512		/* what is too much pushes out the oldest */

struct ttx_shown {
	int64_t	 pts;
	uint32_t base;
	struct cc_screen *screen;
};

struct ttx {
	struct teletext page;
	unsigned number;		/* 100 to 899 */
	bool	 begun;			/* the last screen is of the page that still comes */
	size_t	 n;
	struct ttx_shown shown[TTX_SCREENS];
};

void ttx_init(struct ttx *x, unsigned number);

/* A PES packet of its PID; what is shown before this time has been made text. */
struct pack;
int ttx_unit(struct pack *p, struct ttx *x, const struct tsdemux_event *ev, int64_t made);
void ttx_drop(struct ttx *x, size_t n);		/* the first n */
void ttx_free(struct ttx *x);

/*
 * What a PMT says of pages, for pres.told_pages; 0 to n of what there is and was asked
 * for.  The PID of a page that no PMT names is that of the first teletext there is.
 */
void ttx_note(struct pres *p, const struct tsdemux_stream *s);
bool ttx_wanted(const struct pres *p, unsigned i, unsigned *number, uint16_t *pid);

/* A warning of each that was asked for and that no PMT has named, or can be in. */
void ttx_missing(const struct pres *p);

#endif
