/*
 * pace.h - the media clock of a transport stream, and packets at its pace.
 *
 * The clock is PCR without its jumps.  With realtime, packets are held from one
 * PCR to the next, and then go out spread evenly over the time between them;
 * what comes before the first goes out at once.
 *
 * Spec     ISO/IEC 13818-1 2.4.3.5 (PCR).
 * Units    27 MHz.
 * Memory   pace_free() gives all back.
 */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/out.h"

struct bytes {			/* packets that wait */
	uint8_t	*data;
	size_t	 len, size;
};

/* One packet more. */
void bytes_append(struct bytes *b, const uint8_t packet[static TS_PACKET]);

struct pace {
	struct out *out;
	bool	 realtime;
	bool	 started;		/* there was a PCR */
	int64_t	 pcr, media;		/* the last one, and what it is on our clock */
	uint64_t packets;		/* since then */
	uint64_t jumps, wraps;

	/* private: */
	int64_t	 step;			/* 27 MHz, and packets in it: the rate */
	uint64_t step_packets;
	struct bytes group;		/* from a PCR to the next */
	int64_t	 group_media;
};

void pace_init(struct pace *p, struct out *out, bool realtime);
void pace_free(struct pace *p);

/* A packet in its turn. */
void pace_put(struct pace *p, const uint8_t packet[static TS_PACKET]);

/* A PCR, before the packet that brings it.  announced: it may jump. */
void pace_pcr(struct pace *p, int64_t pcr, bool announced);

/* The clock that follows is another one. */
void pace_break(struct pace *p);

/* Write what is held. */
void pace_end(struct pace *p);

#endif
