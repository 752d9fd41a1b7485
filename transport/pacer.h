/*
 * pacer.h - when each datagram of a transport stream is due, by its PCR.
 *
 * The stream's clock is laid over ours: a datagram is due at its time by the PCR,
 * plus an offset, plus the latency.  The offset follows the packets that came
 * fastest, slowly (50 ppm, or 0.5 % when it is off by 20 ms), so that jitter of
 * the network is taken out up to the latency, and the sender's clock is kept.  What
 * comes late goes out at once, and more than 5 ms late moves the offset: nothing
 * is hurried after.  A clock that jumps is laid anew, and so it is where a
 * discontinuity_indicator says so, and when the PID of the PCR is another one.
 *
 * Spec     ISO/IEC 13818-1 2.4.2.2 (PCR, and rate between two of them); RFC 2250 2
 *          (RTP timestamp: when the first byte is to be sent; M after a break).
 * Shape    Between PCRs the rate of the interval before is taken, or that of this one
 *          when pacer_look() has seen its end.  Where rates are found not to last from
 *          one interval to the next (VBR), datagrams without a PCR keep the distances
 *          with which they came, as early as jitter allows, so that none holds up the
 *          next PCR; but those of a source that sends in bursts are spread.  Due times
 *          and RTP timestamps never go back.
 * Units    ns of any one clock; 27 MHz ticks.
 * Memory   Caller's struct; nothing allocates.
 * Threads  One.
 * Errors   None: without any PCR, datagrams are due when they come plus latency.
 */
#ifndef PACER_H
#define PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACER_SEEN	512

/* The extremes of the last 5 to 10 s. */
struct pacer_range {
	int64_t	 least, most, least_before, most_before;
};

/* The PID of the PCR. */
struct pacer_pid {
	bool	 fixed;
	int	 now;			/* -1: the first that has a PCR */
	int	 other;			/* that has had some since; -1: none */
	int64_t	 other_pcr;		/* its first */
	unsigned strange;		/* PCRs of a third one since */
};

struct pacer {
	uint64_t late;			/* datagrams after their time */
	uint64_t rebases;		/* of the offset, because of that */
	uint64_t resets;		/* clocks laid anew */
	int64_t	 offset_ns;
	int64_t	 media_27m;		/* that has gone by, without jumps */

	/* private: */
	int64_t	 latency_ns;
	bool	 follow;
	bool	 locked, has_rate;
	struct pacer_pid pid;
	int64_t	 wire_pcr, pcr_27m, pcr_at_ns;	/* of the last one */
	int64_t	 since_reset_ns;
	uint64_t since;			/* bytes from that packet to the next datagram */
	int64_t	 rate_27m;		/* ticks for ... */
	uint64_t rate_bytes;		/* ... so many bytes */
	int64_t	 range_from_ns;
	struct pacer_range pcr;		/* transit of datagrams with a PCR */
	struct pacer_range all;		/* of all, as the next PCR told */
	struct pacer_range error;	/* of times by the rate of the interval before */
	bool	 measured;		/* there is one */
	struct {
		int64_t	 at_ns;
		uint64_t byte;
	} seen[PACER_SEEN];		/* since the last PCR */
	unsigned nseen;
	int64_t	 due_ns, at_ns;
	int64_t	 rtp_27m, rtp_offset_27m;
	bool	 rtp_started;
	/* Of pacer_look(): */
	bool	 looks;
	struct pacer_pid look_pid;
	int64_t	 look_pcr;		/* the last one, or TS_NO_PCR */
	uint64_t look_since;		/* as since */
	int64_t	 look_27m;		/* the rate up to it; 0: not known */
	uint64_t look_bytes;
};

struct pacer_time {
	int64_t	 due_ns;
	uint32_t timestamp;		/* RTP */
	bool	 marker;
};

/*
 * latency_ns 0: all is due when it comes, and only RTP timestamps are made.
 * follow: the source is live; else (a file) it comes as early as we let it.
 * pid: of the PCR; -1: the first that has one, and another when that has none any more.
 */
void pacer_init(struct pacer *p, int64_t latency_ns, bool follow, int pid);

/* The next datagram: whole packets, which came, or were released, at at_ns. */
struct pacer_time pacer_next(struct pacer *p, const uint8_t *data, size_t len,
    int64_t at_ns);

/*
 * A datagram that pacer_next() will be given later, as all of them before.  True: with
 * its PCR, the rate is known for those before it.  Give them now, it later.
 */
bool pacer_look(struct pacer *p, const uint8_t *data, size_t len);

/* What comes next is another stream, or is after a hole: its clock is another. */
void pacer_break(struct pacer *p);

#endif
