/*
 * rtpstat.h - the sequence numbers of an RTP stream without their wraps, and what it
 * loses on its way.
 *
 * Spec     RFC 3550 6.4.1 (report block), A.1 (validity of sequence numbers), A.3
 *          (lost packets), A.8 (jitter).
 * Shape    rtp_ext gives each packet a number of 64 bits; legs that carry the same
 *          stream share one.  rtp_stat counts one leg by those numbers.
 * Units    ns on any one clock for arrivals; jitter in ticks of the media clock.
 * Memory   Nothing allocates.
 * Threads  The caller's business.
 */
#ifndef RTPSTAT_H
#define RTPSTAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/net/rtcp.h"
#include "lib/net/rtp.h"

#define RTP_DROPOUT	3000		/* A.1: further off is not simply loss */

enum rtp_ext_result {
	RTP_EXT_OK,
	RTP_EXT_FIRST,		/* the first packet of all */
	RTP_EXT_DOUBT,		/* far off, or of another source: no number yet, drop it */
	RTP_EXT_JUMP,		/* the second such in a row: the source has gone there.
				 * The number is ahead of all before. */
	RTP_EXT_RESTART,	/* the same, and it is another source, or one that
				 * counts from somewhere else */
};

struct rtp_ext {
	uint64_t newest;		/* the highest number given */
	uint32_t ssrc;
	uint64_t jumps, restarts, doubted;

	/* private: */
	unsigned dropout;
	bool	 any_ssrc, started, candidate;
	uint16_t next;			/* of the candidate */
	uint32_t next_ssrc;
};

/*
 * dropout: how far the legs may be apart, in packets, and how much may be lost at a
 * time; below 32768.  any_ssrc: the legs differ in it, so it says nothing.
 */
void rtp_ext_init(struct rtp_ext *x, unsigned dropout, bool any_ssrc);

/* *seq is only set when the result is not RTP_EXT_DOUBT. */
enum rtp_ext_result rtp_ext_add(struct rtp_ext *x, const struct rtp_packet *pkt,
    uint64_t *seq);

#define RTP_STAT_WINDOW	16384		/* packets that may still come; power of two */

struct rtp_stat {
	uint64_t received, duplicates, late;
	uint64_t reordered, distance;	/* distance: the largest, in packets */
	uint64_t first, newest;
	uint32_t jitter;		/* ticks of the media clock */

	/* private: */
	uint32_t clock;
	bool	 started;
	uint64_t unique;		/* those that count as not lost */
	uint32_t transit, jitter16;	/* jitter16: sixteen times the jitter */
	uint64_t report_expected, report_unique;
	uint64_t sr_ntp;
	int64_t	 sr_ns;			/* when it came; 0: none has */
	uint64_t seen[RTP_STAT_WINDOW / 64];
};

/* clock: ticks a second, 90000 for video and transport streams. */
void rtp_stat_init(struct rtp_stat *s, uint32_t clock);

/* seq: what rtp_ext_add() gave.  False: a duplicate, or too late to tell. */
bool rtp_stat_add(struct rtp_stat *s, uint64_t seq, uint32_t timestamp,
    int64_t arrival_ns);

/* Packets that have not come, and may still do: it can go down. */
uint64_t rtp_stat_lost(const struct rtp_stat *s);

/* A sender report has come: the next reports say when. */
void rtp_stat_sender(struct rtp_stat *s, uint64_t ntp, int64_t arrival_ns);

/* The report block of this leg; the fraction lost is of the time since the last one. */
void rtp_stat_report(struct rtp_stat *s, uint32_t ssrc, int64_t now_ns,
    struct rtcp_block *b);

#endif
