/*
 * out.h - packets to standard output, paced by a clock of media if asked.
 *
 * The media clock starts at the first out_wait(); from then on a media time has
 * a due time, on absolute deadlines, so that nothing drifts.  When the reader
 * of our output lets us come late, we hurry after; by more than OUT_LATE, the
 * clock is set anew.  Nothing is dropped.
 *
 * Units    Media time in 27 MHz ticks from anywhere; ns.
 * Shape    With a function to write by, it has the bytes instead of standard output.
 * Errors   Writing fails: fatal(), status 1.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/ts.h"

#define OUT_LATE	(10 * CLK_SECOND)
#define OUT_BURST	7			/* packets in a paced write */

struct out {
	uint64_t packets;		/* written, or to be */
	uint64_t stalls;		/* times the clock was set anew */
	bool	 anchored;
	int64_t	 media, mono_ns, utc_ns;	/* the same instant */
	void	 (*tick)(void *);	/* called while we wait */
	void	*tick_arg;
	void	 (*write)(void *, const uint8_t *, size_t);	/* or NULL */
	void	*write_arg;
	size_t	 len;
	uint8_t	 buf[700 * TS_PACKET];
};

/* Whole packets, in order; they go out with the next flush, or when it is full. */
void out_put(struct out *o, const uint8_t *p, size_t len);
void out_flush(struct out *o);

/* Set the clock: media time is at mono_ns, utc_ns. */
void out_anchor(struct out *o, int64_t media, int64_t mono_ns, int64_t utc_ns);

/* The UTC at which a media time is due. */
int64_t out_due_utc(const struct out *o, int64_t media);

/*
 * Write what there is, then wait until the media time is due.  After a stop has
 * been asked for it does not wait: what is in hand goes out at once.
 */
void out_wait(struct out *o, int64_t media);

#endif
