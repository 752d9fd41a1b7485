/*
 * tsmux.h - write a transport stream: tables, PCR and access units.
 *
 * The stream is as mts(7) says: one access unit is one call and its packets are
 * together; its last packet always has stuffing, so that a reader knows the end;
 * PAT and PMT at least every 100 ms and before each segment boundary; PCR at
 * least every 40 ms of the PCR stream's decoding time.
 *
 * Spec     ISO/IEC 13818-1 2.4.2 to 2.4.4.
 * Units    90 kHz ticks; any int64, written modulo 2^33.
 * Memory   The packets are collected in out[0..len) of the mux, which grows;
 *          the caller writes them and calls tsmux_clear().
 * Errors   -ENOMEM, -ENOSPC (too many streams).
 */
#ifndef TSMUX_H
#define TSMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/ebp.h"
#include "lib/media/pes.h"
#include "lib/media/psi.h"

#define TSMUX_STREAMS	PSI_STREAMS_MAX

struct tsmux_stream {
	uint16_t pid;
	uint8_t	 stream_type;
	uint8_t	 stream_id;		/* of its PES packets */
	uint64_t programs;		/* bit i: listed in program i */
	uint8_t	 cc;
	bool	 discontinuity;		/* to be flagged on its next packet */
	size_t	 desc_len;
	uint8_t	 desc[256];		/* filled by desc_put() */
};

struct tsmux_program {
	uint16_t program_number, pmt_pid, pcr_pid;
	uint8_t	 cc;
	size_t	 desc_len;
	uint8_t	 desc[64];
};

struct tsmux {
	uint16_t transport_stream_id;
	uint8_t	 version_number;	/* of PAT and all PMTs, 0..31 */
	unsigned nprogram, nstream;
	struct tsmux_program program[PSI_PROGRAMS_MAX];
	struct tsmux_stream stream[TSMUX_STREAMS];
	uint8_t	 pat_cc;
	int64_t	 delay;			/* PCR is this much before DTS, 90 kHz */
	int64_t	 last_pcr, last_tables;	/* 90 kHz; INT64_MIN: never */
	bool	 bare;			/* units only: PCR and tables are tscbr.h's */
	uint8_t	*out;
	size_t	 len, size;
};

struct tsmux_unit {
	const uint8_t *data;
	size_t	len;
	int64_t	pts, dts;		/* dts PES_NO_TIME: as pts */
	bool	random_access;
	const struct ebp *ebp;		/* or NULL */
};

void tsmux_init(struct tsmux *m);	/* delay: 0.7 s */
void tsmux_free(struct tsmux *m);
void tsmux_clear(struct tsmux *m);	/* drop what has been written */

/* Add a stream or program; the caller fills in descriptors afterwards. */
struct tsmux_stream *tsmux_add_stream(struct tsmux *m, uint16_t pid,
    uint8_t stream_type, uint8_t stream_id, uint64_t programs);
struct tsmux_program *tsmux_add_program(struct tsmux *m, uint16_t program_number,
    uint16_t pmt_pid, uint16_t pcr_pid);

/* The streams have changed: a new version, tables before the next unit. */
void tsmux_changed(struct tsmux *m);

/* The time jumps: discontinuity_indicator on every PID's next packet. */
void tsmux_discontinuity(struct tsmux *m);

/* Append an access unit, with tables and PCR when they are due. */
int tsmux_put(struct tsmux *m, struct tsmux_stream *s,
    const struct tsmux_unit *unit);

/*
 * Append a section (SCTE-35), which means the clock at dts: where there is no PCR of that
 * yet, one comes first.
 */
int tsmux_put_section(struct tsmux *m, struct tsmux_stream *s, int64_t dts,
    const uint8_t *section, size_t len);

/* Append PAT and PMTs now: when bare. */
int tsmux_put_tables(struct tsmux *m);

/* A packet with nothing but a PCR, of 27 MHz; cc is that of the packet before it. */
void tsmux_pcr_packet(uint8_t p[static TS_PACKET], uint16_t pid, uint8_t cc, int64_t pcr_27m,
    bool discontinuity);

/* Append a clock packet (ebp.h): what it says is of the next PCR. */
int tsmux_put_clock(struct tsmux *m, bool has_time, uint64_t ntp);

#endif
