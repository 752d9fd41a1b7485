/*
 * tshealth_private.h - what the parts of tshealth share: packets and times
 * (tshealth.c), sections (tshealth_tables.c), PCRs (tshealth_clock.c).
 */
#ifndef TSHEALTH_PRIVATE_H
#define TSHEALTH_PRIVATE_H

#include "lib/base/fit.h"
#include "lib/media/tshealth.h"

#define HEALTH_BUFFER	65536
#define ACQUIRE		32		/* PCRs to find out whether the rate is constant */

enum { SI_NIT, SI_SDT, SI_EIT, SI_EIT_FOLLOWING, SI_TDT, SI_TABLES };

struct health_si {
	bool	 seen, missing;
	int64_t	 last_ns;
};

struct health_clock_state {
	bool	 started;
	bool	 missing;
	int64_t	 pcr;			/* as it came */
	int64_t	 value;			/* unwrapped */
	int64_t	 last_ns;		/* when */
	struct fit arrival;		/* ns over value */

	/* 2.4: value over packets.  Points are gathered until the rate is known. */
	struct fit line;
	unsigned n, streak;
	int64_t	 suspect;		/* how far off the one before was, if it was */
	struct fit_point got[ACQUIRE];
};

struct health_private {
	bool	 begun;			/* a packet has come */
	unsigned bad_syncs;		/* in a row */
	bool	 lost;			/* 1.1 is open */
	struct ts_sync sync;		/* its counters of continuity only */

	/* The stream's own time: by the PCRs of ref. */
	uint16_t ref;
	bool	 has_ref;
	unsigned others;		/* PCRs of other PIDs since its last */
	int64_t	 base_ns, interval_ns, packet_ns;
	uint64_t base_packet;
	int64_t	 slack_ns;

	int64_t	 start_ns, window_ns, sweep_ns;
	uint64_t window_packets, window_null;
	int64_t	 pat_ns, scrambled_ns;
	bool	 pat_missing, cat_missing, scrambled_seen;
	uint8_t	 pat_version;
	struct health_si si[SI_TABLES];
	struct {			/* the section before, for 25 ms */
		uint8_t	 table, number;
		uint16_t extension;
		int64_t	 last_ns;
	} gap[8];
	unsigned nclock, ngap, nca;
	struct health_pid *clocked[HEALTH_CLOCKS];	/* those with PCRs */
	uint16_t ca[32];		/* EMM PIDs of the CAT */
	size_t	 len;
	uint8_t	 buf[HEALTH_BUFFER];
};

/* A fault that happens; and one that lasts, while bad is said (*open is its state). */
void health_once(struct health *h, enum health_rule rule, uint16_t pid,
    uint16_t program, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void health_lasting(struct health *h, enum health_rule rule, bool *open, bool bad,
    uint16_t pid, uint16_t program, const char *what);

/* The PID's entry, made if need be; NULL: no memory. */
struct health_pid *health_pid(struct health *h, uint16_t pid);

void health_range_add(struct health_range *r, int64_t v);

/* The packet's part of a section, if the PID carries those. */
void health_sections(struct health *h, struct health_pid *q, const struct ts_packet *pkt);
void health_tables_begin(struct health *h);
void health_tables_restart(struct health *h);
void health_tables_sweep(struct health *h);

/* A packet with a PCR. */
void health_pcr(struct health *h, struct health_pid *q, const struct ts_packet *pkt);
void health_clock_step(struct health *h);	/* by a packet */
void health_clock_sweep(struct health *h);
void health_clock_gap(struct health *h);	/* positions are unknown from here on */
void health_clock_restart(struct health *h);	/* and values may jump */
void health_clock_window(struct health *h);

#endif
