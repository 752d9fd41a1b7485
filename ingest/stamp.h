/*
 * stamp.h - times and continuity counters of a file that is sent repeatedly.
 *
 * The first pass is only looked at.  At stamp_loop() the length of the file is
 * taken from its video (else audio), and from there on every PCR, PTS and DTS,
 * and the splice times of SCTE-35, move on by it.  Audio that would overlap what
 * has been sent is left out, by whole PES packets.
 *
 * Spec     ISO/IEC 13818-1 2.4.3; ANSI/SCTE 35 9.6 (pts_adjustment).
 * Units    90 kHz, unwrapped.
 * Memory   One big struct; nothing allocates.
 */
#ifndef STAMP_H
#define STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/ts.h"

enum stamp_result { STAMP_SAME, STAMP_CHANGED, STAMP_DROP };

struct stamp_pid {
	bool	 seen;			/* a counter has been sent */
	bool	 fresh;			/* none yet since the last join */
	bool	 timed;			/* has PES times */
	bool	 skip;			/* until the next PES packet */
	uint8_t	 stream_id;
	uint8_t	 in, out;		/* the last counters */
	int64_t	 first, last;		/* decoding times of this pass, as sent */
	int64_t	 gap;			/* between the last two */
	int64_t	 end;			/* of the pass before, as sent */
	int64_t	 wire;			/* unwrapped time as received */
	bool	 have_pcr;
	int64_t	 first_pcr, last_pcr;	/* 27 MHz, as sent, unwrapped */
	int64_t	 pcr_gap;
	uint16_t section_left;		/* bytes of a section to come, and what */
	uint32_t section_crc;		/* its CRC_32 is to be xored with */
};

struct stamp {
	bool	 loops;			/* there may be another pass */
	bool	 joined;		/* counters are ours */
	bool	 looped;
	int64_t	 offset;		/* 90 kHz, added to all times */
	int64_t	 dts;			/* that the last packet brought, as sent, or
					 * PES_NO_TIME */
	uint64_t wraps, jumps;		/* of PTS and DTS in the source */
	struct stamp_pid pid[TS_NPID];
};

void stamp_init(struct stamp *s, bool loops);
bool stamp_seen(const struct stamp *s, unsigned pid);
void stamp_join(struct stamp *s);	/* counters go on, times are as they are */
void stamp_loop(struct stamp *s);	/* counters and times go on */
void stamp_break(struct stamp *s);	/* all is new */

/* Is in it the beginning only of a header that is to be changed, or measured? */
bool stamp_splits(const struct stamp *s, const struct ts_packet *pkt);

/*
 * One packet in order.  copy has the same bytes, and is changed if need be; then
 * *pcr is as well.  next: the packet in which a split header goes on, which is
 * changed too, or NULL.
 */
enum stamp_result stamp_packet(struct stamp *s, const struct ts_packet *pkt,
    uint8_t copy[static TS_PACKET], uint8_t *next, int64_t *pcr);

#endif
