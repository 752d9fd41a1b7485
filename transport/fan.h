/*
 * fan.h - the datagrams that go out, once for all outputs.
 *
 * A ring in the order of their due times; each output has a place in it of its own.
 * What an output has not taken when the ring is at its limit, in bytes or time, is
 * gone for that output alone, which sees it by its place.
 *
 * Spec     RFC 3550 5.1, RFC 2250: the RTP header stands before each datagram, the
 *          same for all outputs, so that two of them are legs of SMPTE ST 2022-7.
 * Units    ns on CLOCK_MONOTONIC.  A place is the number of a datagram, from 0.
 * Memory   fan_put() takes the packet; fan_free() gives all back.
 * Threads  One.
 * Errors   -ENOMEM.
 */
#ifndef FAN_H
#define FAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/leg/packet.h"
#include "transport/pacer.h"

#define FAN_SLOTS	32768		/* power of two */
#define FAN_RTP		12		/* bytes of header before the data of a packet */

struct fan {
	struct packet **slot;
	uint64_t head, tail;		/* next to be put; oldest that is there */
	uint64_t due;			/* all before are due, see fan_due() */
	size_t	 bytes, limit;
	int64_t	 hold_ns;
	bool	 keep_header;		/* of the source, where it had one */
	uint32_t ssrc;
	uint16_t seq;
};

int fan_init(struct fan *f, size_t limit, int64_t hold_ns, uint32_t ssrc, uint16_t seq);
void fan_free(struct fan *f);

void fan_put(struct fan *f, struct packet *pkt, struct pacer_time t);

/* Move due to now_ns, and let go what is too old.  All outputs have passed first. */
void fan_turn(struct fan *f, uint64_t first, int64_t now_ns);

static inline struct packet *
fan_at(const struct fan *f, uint64_t place)
{
	return f->slot[place & (FAN_SLOTS - 1)];
}

/* When the next one is due; INT64_MAX: there is none. */
int64_t fan_deadline(const struct fan *f);

#endif
