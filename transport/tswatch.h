/*
 * tswatch.h - what a relay has to know of the transport stream that it passes on:
 * gaps in continuity counters, which PID, time and picture they hit, and where a
 * switch to another leg has to be announced.
 *
 * Spec     ISO/IEC 13818-1 2.4.3.3 (continuity_counter), 2.4.3.5
 *          (discontinuity_indicator), 2.4.3.7 (PTS); picture types from the access
 *          unit delimiter or first slice, ITU-T H.264 7.4.2.4, H.265 7.4.3.5, or
 *          the picture header of MPEG-2.
 * Shape    Every packet that goes out is shown to it, in order.
 * Units    PTS 90 kHz as on the wire; ns of any one clock.
 * Memory   Caller's struct, some 100 KiB.
 * Threads  One.
 * Errors   None.
 */
#ifndef TSWATCH_H
#define TSWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/ts.h"

#define TSWATCH_HITS	16		/* PIDs of one loss that are listed */

struct tswatch_loss {
	bool	 open;
	int64_t	 at_ns;
	uint64_t packets;		/* datagrams that never came */
	unsigned nhit;
	struct tswatch_hit {
		uint16_t pid;
		uint8_t	 missing;	/* packets, modulo 16 */
		char	 picture;	/* 'I', 'P', 'B', or 0: not known, or no video */
		int64_t	 pts;		/* of the unit that was hit, or PES_NO_TIME */
	} hit[TSWATCH_HITS];
};

struct tswatch {
	uint64_t packets, cc_errors, bad;
	struct tswatch_loss loss;
	bool	 switched;		/* some PIDs have not been announced yet */
	struct tswatch_pid {
		int64_t	 pts;
		uint8_t	 cc;		/* 0x80: not seen yet, 0x40: one repeat was there */
		char	 picture;
		uint8_t	 codec;		/* of its delimiters: 0 not known */
		bool	 announce;
	} pid[TS_NPID];
};

void tswatch_init(struct tswatch *w);

/* Datagrams are missing before what comes next. */
void tswatch_gap(struct tswatch *w, uint64_t packets, int64_t now_ns);

/* What comes next is of another leg. */
void tswatch_switch(struct tswatch *w);

/*
 * A packet.  True: before it goes out, mark[] has to, which announces that the
 * counter of its PID jumps.
 */
bool tswatch_packet(struct tswatch *w, const uint8_t p[static TS_PACKET],
    uint8_t mark[static TS_PACKET]);

/* Is what is known of the last loss complete?  Then look at it, and clear open. */
bool tswatch_told(const struct tswatch *w, int64_t now_ns);

#endif
