/*
 * tsdemux_private.h - what tsdemux.c and tsdemux_tables.c share.
 */
#ifndef TSDEMUX_PRIVATE_H
#define TSDEMUX_PRIVATE_H

#include "lib/media/tsdemux.h"

/* One elementary stream: the PES packet or section being collected. */
struct tsdemux_state {
	uint8_t	*buf;			/* from packet_start_code_prefix on */
	size_t	 len, size;
	size_t	 total;			/* header and payload, 0 if not known */
	bool	 open;			/* a PES packet has begun */
	bool	 closed_by_stuffing;	/* the last one, and nothing since */
	bool	 random_access, discontinuity, damaged, torn, has_ebp;
	struct ebp ebp;
	/* Does stuffing always end a PES packet, and nothing else?  (mts(7)) */
	bool	 last_stuffed, stuffed_before;
	bool	 distrust;
	unsigned shown;			/* PES packets that it ended */
	int64_t	 last_dts;		/* INT64_MIN: none */
	struct psi_collect *sections;	/* instead of PES */
};

enum pid_kind { PID_OTHER, PID_PAT, PID_PMT, PID_STREAM, PID_CLOCK };

struct pid_entry {
	uint8_t	kind;			/* enum pid_kind */
	uint8_t	index;			/* of program or stream */
	bool	pcr;			/* some program's clock */
};

struct program_state {
	struct psi_collect collect;
	size_t	len;			/* of its PMT, 0: not seen */
	uint8_t	section[PSI_SECTION_MAX];
};

enum stage {
	STAGE_IDLE, STAGE_PCR, STAGE_TABLES, STAGE_APPLY, STAGE_END_UNIT,
	STAGE_PAYLOAD,
};

struct tsdemux_private {
	struct pid_entry pid[TS_NPID];
	struct psi_collect pat;
	size_t	 pat_len;
	uint8_t	 pat_section[PSI_SECTION_MAX];
	struct program_state *program[PSI_PROGRAMS_MAX];

	struct ts_packet pkt;		/* being worked on */
	uint8_t	 raw[TS_PACKET];	/* its bytes, over a return */
	enum stage stage;
	bool	 new_pat;		/* pat_section waits to be applied */
	struct tsdemux_stream *lent;	/* its unit was the last event */
	struct tsdemux_stream *gone[PSI_STREAMS_MAX];
	unsigned ngone;
	int64_t	 ref;			/* the last time seen, 90 kHz */
	bool	 has_arrival;
	uint64_t arrival_ntp;		/* for the next PCR */
};

/* Take the sections of a PAT or PMT packet.  1: one waits to be applied. */
int tsdemux_collect_tables(struct tsdemux *d);

/* A stream with an open unit that the waiting table would end, or NULL. */
struct tsdemux_stream *tsdemux_doomed(struct tsdemux *d);

/* Apply the waiting table: 1 the set of streams changed, 0 not, -ENOMEM. */
int tsdemux_apply_table(struct tsdemux *d);

void tsdemux_stream_free(struct tsdemux_stream *s);

#endif
