/*
 * tshealth.h - is a transport stream well?  The measurements of TR 101 290, the programs
 * and their PIDs with rates, clocks against time of arrival and against the bit rate.
 *
 * Bytes go in with their time of arrival, in any split; counters and tables are read from
 * the structure at any time, and each fault is told when it is seen.
 *
 * Spec     ETSI TR 101 290 V1.3.1 5.2.1 (1.1 to 1.6), 5.2.2 (2.1 to 2.6), and of 5.2.3
 *          3.1, 3.4 to 3.8; ISO/IEC 13818-1 2.4; EN 300 468 (service names, SI PIDs).
 * Units    ns on any one clock for arrivals; PCR 27 MHz.  Rates in bit/s.
 * Shape    Two clocks.  arrival: times are those that the caller gives.  Else they are
 *          the stream's own: PCRs, and between them by the rate so far, so that what is
 *          said of intervals is right to within one PCR interval, which is allowed for.
 * Memory   health_new() gives, health_free() takes back all.  What a callback is given
 *          is lent for the call.  At most 8192 PIDs, 64 programs, 64 clocks: 20 MiB at worst.
 * Threads  One struct health belongs to one thread; nothing waits, no clock is read.
 * Errors   No input can crash it.  A PID there is no memory for is not looked at.
 */
#ifndef TSHEALTH_H
#define TSHEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/hist.h"
#include "lib/media/codec.h"
#include "lib/media/psi.h"
#include "lib/media/ts.h"

#define HEALTH_PROGRAMS	PSI_PROGRAMS_MAX
#define HEALTH_CLOCKS	64
#define HEALTH_NAME	64
#define HEALTH_NO_PID	0xffff

enum health_rule {
	HEALTH_SYNC_LOSS, HEALTH_SYNC_BYTE, HEALTH_PAT, HEALTH_CONTINUITY, HEALTH_PMT,
	HEALTH_PID,
	HEALTH_TRANSPORT, HEALTH_CRC, HEALTH_PCR_INTERVAL, HEALTH_PCR_JUMP,
	HEALTH_PCR_ACCURACY, HEALTH_PTS, HEALTH_CAT,
	HEALTH_NIT, HEALTH_UNREFERENCED, HEALTH_SDT, HEALTH_EIT, HEALTH_RST, HEALTH_TDT,
	HEALTH_RULES
};

struct health_rule_info {
	const char *number;	/* "2.3a" */
	const char *name;	/* "source_continuity_counter": MediaConnect's, or alike */
	const char *title;	/* "continuity count": as TR 101 290 has it */
	unsigned priority;
};
const struct health_rule_info *health_rule_info(enum health_rule rule);

enum health_state { HEALTH_ONCE, HEALTH_BEGIN, HEALTH_END };

struct health_event {
	enum health_rule rule;
	enum health_state state;
	int64_t	 now_ns;		/* on the clock in use */
	uint64_t packet;		/* how many had come before */
	uint16_t pid;			/* or HEALTH_NO_PID */
	uint16_t program;		/* its number, or 0 */
	const char *detail;
};

struct health_config {
	bool	arrival;		/* times are those of arrival */
	bool	dvb;			/* NIT, SDT, EIT and TDT must be there */
	enum { HEALTH_RATE_AUTO, HEALTH_RATE_CONSTANT, HEALTH_RATE_VARIABLE } rate;
	int64_t	pat_ns, pmt_ns, pid_ns, cat_ns, pts_ns;
	int64_t	pcr_ns, pcr_jump_ns, pcr_accuracy_ns;
	int64_t	nit_ns, sdt_ns, eit_ns, tdt_ns, section_gap_ns, unreferenced_ns;

	/* Any of these may be NULL. */
	void	*arg;
	void	(*event)(void *arg, const struct health_event *ev);
	/* A section of a SCTE-35 PID; damaged: its CRC is wrong. */
	void	(*cue)(void *arg, uint16_t pid, const uint8_t *section, size_t len,
		    bool damaged);
};

/* What TR 101 290 says; PIDs must come every 5 s. */
void health_config_init(struct health_config *cfg);

/* What has been measured since the start, and in the last window. */
struct health_range {
	uint64_t n;
	int64_t	 min, max, sum;
};

struct health_clock {
	uint16_t pid;
	uint64_t pcrs, jumps;		/* jumps that were announced */
	struct health_range interval, last_interval;	/* ns, from value to value */
	/* Off a steady clock, ns, absolute.  By arrival, or, on the stream's own time,
	 * by the bit rate, when that is constant. */
	struct health_range jitter, last_jitter;
	struct hist jitter_hist;
	bool	 constant;		/* the rate is: accuracy is measured */
	struct health_range accuracy, last_accuracy;	/* ns, absolute: rule 2.4 */
	/* private: */
	struct health_range window_interval, window_jitter, window_accuracy;
	struct health_clock_state *state;
};

struct health_pid {
	uint16_t pid, program;		/* the first that has it, 0: none */
	bool	 referenced;		/* by PAT, PMT or CAT */
	bool	 table;			/* carries sections that we read */
	uint8_t	 stream_type;		/* if in a PMT, else 0 */
	enum codec codec;
	char	 language[4];
	uint64_t packets, lost, duplicates, scrambled, damaged, sections;
	uint64_t rate_bps;		/* in the last window */
	bool	 missing;		/* 1.6 */
	struct health_clock *clock;	/* if it has PCRs, else NULL */
	/* private: */
	bool	 timed, stale, listed, was_referenced, reported, pts_seen, pts_missing;
	uint64_t window;
	int64_t	 first_ns, last_ns, pts_ns;
	struct psi_collect *collect;
};

struct health_program {
	uint16_t number, pmt_pid, pcr_pid;
	uint8_t	 version;
	bool	 seen, scrambled;	/* its PMT has come; any of its PIDs is */
	uint8_t	 service_type;		/* 0 until the SDT has said it */
	char	 service[HEALTH_NAME], provider[HEALTH_NAME];	/* UTF-8 */
	unsigned npid;			/* streams, in the order of the PMT */
	uint16_t pid[PSI_STREAMS_MAX];
	/* private: */
	bool	 kept, missing;
	unsigned nca;
	uint16_t ca[16];
	uint32_t crc;
	int64_t	 last_ns;
};

struct health {
	struct health_config cfg;
	uint64_t count[HEALTH_RULES];
	uint64_t packets, null_packets, junk_bytes;
	uint64_t damaged;		/* packets whose header cannot be */
	uint64_t scrambled, cue_sections, cue_damaged;
	bool	 locked;
	size_t	 stride;		/* 188, 192, 204; 0 before any was found */
	int64_t	 now_ns;		/* on the clock in use; first_ns: of the first packet */
	int64_t	 first_ns;
	uint64_t rate_bps, mean_rate_bps;	/* in the last window; since the start */
	uint64_t null_rate_bps;
	bool	 has_rate;		/* there was a window */
	bool	 has_pat, has_cat;
	uint16_t transport_stream_id;
	char	 network[HEALTH_NAME];
	int64_t	 utc;			/* of the last TDT, seconds since 1970; 0: none */
	unsigned nprogram;
	struct health_program program[HEALTH_PROGRAMS];
	unsigned nused;
	uint16_t used[TS_NPID];		/* PIDs seen or referenced, in that order */
	struct health_pid *pid[TS_NPID];
	struct health_private *private;
};

struct health *health_new(const struct health_config *cfg);	/* NULL: no memory */
void health_free(struct health *h);

/* Bytes that came at arrival_ns (which does not go back).  The packets may wait for some
 * more to be sure where they begin; at most five of them do. */
void health_push(struct health *h, const uint8_t *p, size_t len, int64_t arrival_ns);

/* Nothing has come, yet it is so late.  Of use with cfg.arrival only. */
void health_tick(struct health *h, int64_t now_ns);

/* Packets are missing here, as is known from elsewhere: positions say nothing. */
void health_gap(struct health *h);

/* There will be no more. */
void health_end(struct health *h);

/* End the window: the rates and "last" figures become those of the time since. */
void health_window(struct health *h);

/* Is there no program with such a stream that comes?  KIND_VIDEO or KIND_AUDIO. */
bool health_lacks(const struct health *h, enum codec_kind kind);

#endif
