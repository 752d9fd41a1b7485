/*
 * packet.h - datagrams that are shared: one copy in memory for all who hold it.
 *
 * Shape    A packet holds the payload of one datagram, whole transport stream
 *          packets, and has room before it for an RTP header (PACKET_HEAD), so
 *          that the same bytes go out with and without one.
 * Units    ns on CLOCK_MONOTONIC; len in bytes.
 * Memory   From a pool, which gives nothing back to the system before
 *          packet_pool_free(), and never has more than its limit.  packet_new()
 *          gives one reference; the last packet_unref() returns it to the pool.
 * Threads  One.
 * Errors   NULL: the limit is reached, or there is no memory.
 */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_HEAD	16
#define PACKET_ROOM	1472		/* the usual datagram; longer ones come from malloc */

struct packet_pool;

struct packet {
	struct packet *next;		/* while it is free */
	struct packet_pool *pool;
	unsigned refs;
	uint32_t len, room;
	int64_t	 arrival_ns;
	int64_t	 due_ns;		/* to be sent, once the pacer has seen it */
	uint32_t timestamp, ssrc;	/* of its RTP header, if it came with one */
	uint16_t seq;
	uint64_t missing;		/* lost for good before it, where that is known */
	bool	 has_rtp, marker;
	uint8_t	*data;
	uint8_t	 store[];
};

struct packet_pool {
	size_t	 limit, bytes;		/* handed out */
	struct packet *free;
	struct packet_slab *slab;
};

void packet_pool_init(struct packet_pool *pool, size_t limit);
void packet_pool_free(struct packet_pool *pool);

struct packet *packet_new(struct packet_pool *pool, size_t room);

static inline struct packet *
packet_ref(struct packet *p)
{
	p->refs++;
	return p;
}

void packet_unref(struct packet *p);

#endif
