/*
 * tscbr.h - a transport stream of constant rate: when each packet of a tsmux leaves.
 *
 * Access units go in, in the order of their decoding times; packets come out in slots of
 * equal length, null packets where nothing is due.  A unit leaves in the time between
 * delay before its decoding time and that time, earliest decoding time first, as far as
 * the buffers of the decoder model let it.  PCRs are exact: each is the time of its own
 * slot.  All depends on the units alone, never on when they came.
 *
 * Spec     ISO/IEC 13818-1 2.4.2 (T-STD: transport buffers of 512 bytes, main buffers),
 *          2.4.3.5 (PCR), 2.7.2; ETSI TR 101 290 5.2.2 (intervals, accuracy).
 * Units    90 kHz for units, 27 MHz inside, rates in bit/s, sizes in bytes.
 * Memory   tscbr_free() gives all back.  What waits is bounded by what can be late
 *          (TSCBR_LATE): a unit that is later is dropped whole, and counted.
 *          Packets collect in out[0..len) until the caller has set len to 0.
 * Threads  One struct belongs to one thread.
 * Errors   -ENOMEM.
 */
#ifndef TSCBR_H
#define TSCBR_H

#include "lib/media/tsmux.h"

#define TSCBR_LATE	INT64_C(27000000)	/* 27 MHz after its time */

struct tscbr_unit;

struct tscbr_stream {
	uint16_t pid;
	int64_t	 leak;			/* of the transport buffer, bit/s */
	int64_t	 size;			/* of the main buffer */
	/* private: */
	bool	 begun;
	uint8_t	 cc;			/* of the last packet that has left */
	int64_t	 transport, at;		/* bits in the transport buffer, in 1/27e6; when */
	int64_t	 main;			/* bytes in the main buffer */
	struct tscbr_unit *head, **tail;	/* to be sent */
	struct tscbr_unit *kept, **kept_tail;	/* sent, and not decoded yet */
};

struct tscbr {
	struct tsmux *mux;
	int64_t	 rate, delay;		/* bit/s; 27 MHz */
	unsigned nstream;
	struct tscbr_stream stream[TSMUX_STREAMS];
	uint8_t	*out;
	size_t	 len;
	/* to be read: packets that were late, the latest by how much, units dropped */
	uint64_t packets, nulls, late, dropped;
	int64_t	 worst;			/* 27 MHz */
	/* private: */
	size_t	 size;
	bool	 anchored, discontinuous;
	int64_t	 base, slots;		/* time of slot 0, and slots since */
	int64_t	 last_dts, last_pcr, last_tables;
	uint8_t	*tables;
	size_t	 tables_len, tables_pos, tables_size;
};

/* delay_90k: how long before its decoding time a unit may leave. */
void tscbr_init(struct tscbr *c, struct tsmux *mux, int64_t rate, int64_t delay_90k);
void tscbr_free(struct tscbr *c);

/*
 * The model of a stream, before its first unit: the rate that its transport buffer
 * empties with (Rx) and the size of its main buffer.
 */
int tscbr_add(struct tscbr *c, uint16_t pid, int64_t leak, int64_t size);

/* A unit, or with section true a section; as tsmux_put() and tsmux_put_section(). */
int tscbr_put(struct tscbr *c, struct tsmux_stream *s, const struct tsmux_unit *unit,
    bool section);

/* The time jumps behind what has been put: all of that leaves first. */
int tscbr_break(struct tscbr *c);

/* The end: all that waits leaves. */
int tscbr_flush(struct tscbr *c);

#endif
