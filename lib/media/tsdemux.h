/*
 * tsdemux.h - the programs of a transport stream and their access units.
 *
 * Bytes in any split go in; events come out: the set of streams changed, an
 * access unit is complete, a section is complete, a clock was read.  Damage is
 * counted and reported with the unit it touches; nothing is fatal.
 *
 * A PES packet is complete at its stated length, at the packet that ends in
 * stuffing (once the stream has shown that it always does so, mts(7)), or when
 * the next one starts.
 *
 * Spec     ISO/IEC 13818-1 2.4.3, 2.4.4; EBP as in ebp.h.
 * Units    pts, dts: 90 kHz, unwrapped and continuous over wraps, but not over
 *          jumps of the source (flag discontinuity).  PCR 27 MHz, unwrapped.
 * Memory   tsdemux_free() gives all back.  What an event points to is borrowed
 *          until the next call.  struct tsdemux_stream stays where it is, with
 *          its user pointer, as long as the stream is in the PMT; a stream that
 *          goes is reported by TSDEMUX_STREAMS and freed by the next call.
 * Threads  One tsdemux belongs to one thread.
 */
#ifndef TSDEMUX_H
#define TSDEMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/codec.h"
#include "lib/media/ebp.h"
#include "lib/media/pes.h"
#include "lib/media/psi.h"
#include "lib/media/ts.h"

#define TSDEMUX_UNIT_MAX	(16 << 20)	/* a longer one is cut and counted */

struct tsdemux_stream {
	uint16_t    pid;
	uint8_t	    stream_type;
	enum codec  codec;
	char	    language[4];	/* ISO 639-2, "" if not said */
	uint8_t	    audio_type;		/* of the ISO 639 descriptor */
	uint32_t    max_bitrate;	/* bit/s by the PMT, 0 if not said */
	uint64_t    programs;		/* bit i: in program i of the tsdemux */
	unsigned    order;		/* sorts them as the PMTs list them */
	size_t	    desc_len;
	uint8_t	    desc[1024];		/* as in the PMT */
	bool	    gone;		/* in no PMT any more */
	uint64_t    units, lost;	/* since it appeared; gaps in counters */
	void	   *user;		/* the caller's */
	struct tsdemux_state *state;	/* private */
};

struct tsdemux_program {
	uint16_t program_number, pmt_pid, pcr_pid;
	uint8_t	 version_number;
	bool	 seen;			/* its PMT has come */
};

enum tsdemux_event_type {
	TSDEMUX_STREAMS,	/* programs and streams are other than before */
	TSDEMUX_UNIT,		/* stream, data, times and flags */
	TSDEMUX_SECTION,	/* stream, data: SCTE-35 and the like */
	TSDEMUX_PCR,		/* pcr, pid; arrival_ntp if a clock packet said it */
};

struct tsdemux_event {
	enum tsdemux_event_type type;
	struct tsdemux_stream  *stream;
	const uint8_t *data;
	size_t	    len;
	int64_t	    pts, dts;		/* or PES_NO_TIME */
	bool	    random_access;	/* the adaptation field says so */
	bool	    discontinuity;	/* announced, or the time jumped */
	bool	    damaged;		/* packets in or before it are missing; of a
					 * section: its CRC is wrong */
	bool	    torn;		/* packets within the unit are missing */
	bool	    has_ebp;
	struct ebp  ebp;
	uint16_t    pid;
	int64_t	    pcr;		/* 27 MHz, unwrapped */
	bool	    has_arrival;
	uint64_t    arrival_ntp;
};

/* What the stream says of its own clock (ebp.h, clock packets). */
enum tsdemux_clock { TSDEMUX_CLOCK_UNKNOWN, TSDEMUX_NOT_LIVE, TSDEMUX_LIVE };

struct tsdemux {
	bool	 eof;			/* set by the caller: no more will come */
	bool	 bad_sections;		/* and this: lend damaged ones, too */
	enum tsdemux_clock clock;
	struct ts_sync sync;		/* with the counters of packets */
	uint64_t crc_errors, jumps;	/* bad sections; jumps of PCR or PTS */
	uint64_t damaged;		/* units with loss or a broken header */
	unsigned nprogram, nstream;
	struct tsdemux_program program[PSI_PROGRAMS_MAX];
	struct tsdemux_stream *stream[PSI_STREAMS_MAX];
	struct tsdemux_private *private;
};

int tsdemux_init(struct tsdemux *d);		/* 0 or -ENOMEM */
void tsdemux_free(struct tsdemux *d);

/*
 * Read from the front of p[0..len).  *used is always the number of bytes that
 * the caller must drop.  Returns 1 with *ev filled, 0 when more is needed (at
 * most 2 * TS_PACKET bytes are left unused), -ENOMEM.  After eof is set, call
 * until it returns 0: what had begun comes out.
 */
int tsdemux_next(struct tsdemux *d, const uint8_t *p, size_t len, size_t *used,
    struct tsdemux_event *ev);

/* The stream of a PID, or NULL. */
struct tsdemux_stream *tsdemux_find(const struct tsdemux *d, uint16_t pid);

#endif
