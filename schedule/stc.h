/*
 * stc.h - the clock of a stream, and what time of day it is by it.
 *
 * Media time is the PCR in 90 kHz, unwrapped, plus an offset that makes it go on
 * where the source's clock jumps: what is to come in ten seconds is still to come in
 * ten seconds then, at another PTS.
 *
 * Units    PCR 27 MHz; media and pts 90 kHz (pts in 33 bits); ns since 1970.
 */
#ifndef SCHEDULE_STC_H
#define SCHEDULE_STC_H

#include <stdbool.h>
#include <stdint.h>

#define STC_NO_TIME	INT64_MIN

struct stc {
	int64_t	 pcr;			/* of the source, unwrapped; or STC_NO_TIME */
	int64_t	 offset;		/* media time less PCR, 90 kHz */
	unsigned jumps;
	unsigned marks;			/* how often the time of day has been told */
	int64_t	 utc_ns, utc_pcr;	/* at utc_pcr it was utc_ns, or STC_NO_TIME */
};

void stc_init(struct stc *c);

/* A PCR as on the wire, or unwrapped.  True if the clock has jumped to it. */
bool stc_pcr(struct stc *c, int64_t pcr);

/* At this PCR, of the source, it was utc_ns. */
void stc_mark(struct stc *c, int64_t pcr, int64_t utc_ns);

/* Media time now; the clock must have a PCR, as for all below. */
int64_t stc_now(const struct stc *c);

/* Media time of a PTS on the wire, the nearest; and back. */
int64_t stc_media(const struct stc *c, uint64_t pts);
uint64_t stc_pts(const struct stc *c, int64_t media);

/* The time of day now, or STC_NO_TIME; false if there is none for a time of day. */
int64_t stc_wall_ns(const struct stc *c);
bool stc_of_utc(const struct stc *c, int64_t utc_ns, int64_t *media);

#endif
