/*
 * packet.h - datagrams that are shared: one copy in memory for all who hold it.
 *
 * Shape    A packet holds the payload of one datagram, whole transport stream
 *          packets, and has room before it for an RTP header (PACKET_HEAD), so
 *          that the same bytes go out with and without one.  What came in RTP that
 *          has more than that header, or in longer packets, may have all of it in raw.
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

#include "lib/net/rtp.h"

#define PACKET_HEAD	16
#define PACKET_ROOM	1472		/* the usual datagram; longer ones come from malloc */

struct packet_pool;

struct packet {
	struct packet *next;		/* while it is free; else its only holder's */
	struct packet_pool *pool;
	unsigned refs;
	uint32_t len, room;
	int64_t	 arrival_ns;
	int64_t	 due_ns;		/* to be sent, once the pacer has seen it */
	uint32_t timestamp, ssrc;	/* of its RTP header, if it came with one */
	uint16_t seq;
	uint64_t missing;		/* lost for good before it, where that is known */
	uint8_t	 type;
	bool	 has_rtp, marker;
	struct packet *raw;		/* all of the datagram, see above; or NULL */
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

/*
 * One of whole transport stream packets, which are stride bytes apart; rtp is what they
 * came in, or NULL.
 */
struct packet *packet_make(struct packet_pool *pool, const uint8_t *p, size_t len,
    size_t stride, const struct rtp_packet *rtp);

/* What is in its header. */
static inline void
packet_set_rtp(struct packet *p, const struct rtp_packet *rtp)
{
	p->has_rtp = true;
	p->marker = rtp->marker;
	p->type = rtp->type;
	p->seq = rtp->seq;
	p->timestamp = rtp->timestamp;
	p->ssrc = rtp->ssrc;
}

/* The distance of its packets, when p is made of whole ones; else 0. */
size_t packet_stride(const uint8_t *p, size_t len);

static inline struct packet *
packet_ref(struct packet *p)
{
	p->refs++;
	return p;
}

void packet_unref(struct packet *p);

#endif
