/* Sums over packets of the window: are they right, and which packet is missing. */
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022priv.h"
#include "lib/net/rtp.h"

#define NEAR		(1 << 20)	/* ticks from a neighbour: 11 s of video */

bool
fec_is_sum(const struct fec_dec *d, const struct fec_group *g, bool data)
{
	uint64_t sum = g->sum;

	for (unsigned i = 0; i < g->count; i++)
		sum ^= fec_dec_slot(d, fec_member(g, i))->sum;
	if ((sum & FEC_SUM_SURE) != 0)
		return false;
	for (size_t at = 0; data && at < g->len; at += 256) {
		size_t n = g->len - at < 256 ? g->len - at : 256;
		uint8_t xor[256], any = 0;

		memcpy(xor, g->data + at, n);
		for (unsigned i = 0; i < g->count; i++) {
			const struct fec_slot *s = fec_dec_slot(d, fec_member(g, i));
			size_t have = (size_t)s->len - RTP_HEADER;

			if (have > g->len)
				return false;
			if (have > at)
				fec_xor(xor, s->data + RTP_HEADER + at,
				    have - at < n ? have - at : n);
		}
		for (size_t i = 0; i < n; i++)
			any |= xor[i];
		if (any != 0)
			return false;
	}
	return true;
}

size_t
fec_add_up(const struct fec_dec *d, const struct fec_group *g, uint64_t seq,
    uint8_t *p)
{
	struct rtp_packet pkt;
	uint64_t sum = g->sum;
	bool near = g->count == 1;
	size_t len;

	memcpy(p + RTP_HEADER, g->data, g->len);
	for (unsigned i = 0; i < g->count; i++) {
		const struct fec_slot *s = fec_dec_slot(d, fec_member(g, i));

		if (fec_member(g, i) == seq)
			continue;
		sum ^= s->sum;
		if ((size_t)s->len - RTP_HEADER > g->len)
			return 0;
		fec_xor(p + RTP_HEADER, s->data + RTP_HEADER, (size_t)s->len - RTP_HEADER);
	}
	len = (size_t)(sum >> 32 & 0xffff);
	if (len > g->len)
		return 0;
	for (size_t i = len; i < g->len; i++)
		if (p[RTP_HEADER + i] != 0)
			return 0;
	p[0] = (uint8_t)(0x80 | sum >> 56);
	p[1] = (uint8_t)(sum >> 48);
	p[2] = (uint8_t)(seq >> 8);
	p[3] = (uint8_t)seq;
	for (unsigned i = 0; i < 4; i++)
		p[4 + i] = (uint8_t)(sum >> (24 - 8 * i));
	memcpy(p + 8, d->ssrc, 4);
	if (rtp_parse(p, RTP_HEADER + len, &pkt) < 0 || pkt.type != d->type)
		return 0;
	for (unsigned i = 0; i < g->count && !near; i++) {
		uint32_t off = (uint32_t)fec_dec_slot(d, fec_member(g, i))->sum - pkt.timestamp;

		near = fec_member(g, i) != seq && off + NEAR < 2 * NEAR;
	}
	if (!near)
		return 0;
	return RTP_HEADER + len;
}
