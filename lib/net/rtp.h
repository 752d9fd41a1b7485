/*
 * rtp.h - RTP packets: read and write the header, and put packets back in order.
 *
 * Spec     RFC 3550 5.1 (header), 5.3.1 (extension), A.1 (sequence numbers);
 *          RFC 2250 2 (transport streams), RFC 3551 table 5 (type 33).
 * Units    ns on any one clock for the times of arrival.
 * Memory   rtp_parse() borrows the datagram.  rtp_order copies what it holds;
 *          rtp_order_free() gives all back, what rtp_order_pop() lends is good
 *          until the next call.
 * Threads  One rtp_order belongs to one thread.
 * Errors   -EBADMSG no RTP packet, or one that contradicts itself; -ENOMEM;
 *          -EINVAL what cannot be said in a header; -ENOSPC it does not fit.
 */
#ifndef RTP_H
#define RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER	12
#define RTP_TYPE_TS	33
#define RTP_SLOTS	4096		/* power of two, above what may be ahead */

struct rtp_packet {
	uint8_t	 type;			/* payload type */
	bool	 marker;
	uint16_t seq;
	uint32_t timestamp, ssrc;
	unsigned ncsrc;			/* contributing sources */
	const uint8_t *csrc;		/* 4 * ncsrc bytes */
	const uint8_t *ext;		/* data of the extension, or NULL: has none */
	size_t	 ext_len;		/* in whole words */
	uint16_t ext_profile;		/* the first 16 bits of it */
	const uint8_t *payload;		/* without CSRC, extension, padding */
	size_t	 payload_len;
	size_t	 padding;		/* bytes behind it, their count included */
};

int rtp_parse(const uint8_t *p, size_t len, struct rtp_packet *pkt);

/* All of pkt into p[0..size).  Returns its length, -EINVAL or -ENOSPC. */
int rtp_put(uint8_t *p, size_t size, const struct rtp_packet *pkt);

/*
 * How many transport packets the payload is, whatever its type says: 1 to 7 of 188
 * bytes as a rule, but more, or of 204 bytes, have been seen.  *stride says which.
 * 0: it is no transport stream.
 */
unsigned rtp_ts_packets(const struct rtp_packet *pkt, size_t *stride);

struct rtp_order {
	uint64_t received, reordered, duplicates, late, lost, restarts;

	/* private: */
	int64_t	 window_ns;
	bool	 started, candidate;
	uint32_t ssrc;
	uint16_t next;			/* to be given out */
	unsigned held;
	uint16_t newest;		/* seq held that is furthest ahead */
	struct rtp_slot {
		bool	 full;
		int64_t	 arrival_ns;
		uint8_t	*data;
		size_t	 len, size;
	} slot[RTP_SLOTS], first;	/* first: of a stream that may be new */
	uint16_t first_seq;
	uint32_t first_ssrc;
	uint8_t	 seen[65536 / 8];	/* of the half behind next */
};

/* window_ns: how long a packet waits for those before it. */
void rtp_order_init(struct rtp_order *o, int64_t window_ns);
void rtp_order_free(struct rtp_order *o);

enum rtp_result {
	RTP_NOW,	/* it is the next: use it as it is, then pop */
	RTP_HELD,	/* copied; pop */
	RTP_DROPPED,	/* too late, a duplicate, or out of nowhere */
	RTP_RESTART,	/* the source has begun anew: what pops now is the new one.
			 * What was held of the old one is lost. */
};

int rtp_order_push(struct rtp_order *o, const struct rtp_packet *pkt,
    int64_t now_ns);

/* The next payload whose turn has come.  False: none yet. */
bool rtp_order_pop(struct rtp_order *o, int64_t now_ns, const uint8_t **data,
    size_t *len, int64_t *arrival_ns);

/* When to pop at the latest; INT64_MAX: nothing is held. */
int64_t rtp_order_deadline(const struct rtp_order *o);

#endif
