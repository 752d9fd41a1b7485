/* What every kind of leg does with a datagram: RTP or not, and whole packets of it. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/media/ts.h"
#include "transport/legkind.h"

/* The distance of its packets, when p is made of whole ones; else 0. */
static size_t
find_stride(const uint8_t *p, size_t len)
{
	static const size_t strides[] = { TS_PACKET, 204, 192 };

	for (unsigned k = 0; k < 3 && len > 0; k++) {
		size_t at = 0;

		if (len % strides[k] != 0)
			continue;
		while (at < len && p[at] == TS_SYNC)
			at += strides[k];
		if (at == len)
			return strides[k];
	}
	return 0;
}

void
leg_give(struct leg *l, const uint8_t *p, size_t len, size_t stride,
    const struct rtp_packet *rtp, int64_t at_ns, const struct leg_taker *t)
{
	size_t n = len / stride;
	struct packet *pkt = packet_new(t->pool, n * TS_PACKET);

	if (pkt == NULL) {
		l->no_room++;
		return;
	}
	pkt->len = (uint32_t)(n * TS_PACKET);
	if (stride == TS_PACKET)
		memcpy(pkt->data, p, pkt->len);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(pkt->data + i * TS_PACKET, p + i * stride, TS_PACKET);
	pkt->arrival_ns = at_ns;
	if (rtp != NULL) {
		pkt->has_rtp = true;
		pkt->marker = rtp->marker;
		pkt->seq = rtp->seq;
		pkt->timestamp = rtp->timestamp;
		pkt->ssrc = rtp->ssrc;
	}
	pkt->missing = l->missing;
	l->missing = 0;
	l->taken++;
	l->in_junk = false;
	t->take(t->arg, l, pkt, at_ns);
}

void
leg_refuse(struct leg *l, uint64_t *count, const char *what)
{
	(*count)++;
	if (count == &l->junk) {
		l->sync_losses += !l->in_junk;
		l->in_junk = true;
	}
	if (!l->warned)
		log_warn(0, "'%s': %s: dropped", l->text, what);
	l->warned = true;
}

void
leg_datagram(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t)
{
	struct rtp_packet rtp;
	size_t stride;

	leg_seen(l, p, len, at_ns, t);
	l->datagrams++;
	l->bytes += len;
	/* A sync byte is no RTP: its version would be 1. */
	if (len > 0 && p[0] == TS_SYNC && !l->rtp_only &&
	    (stride = find_stride(p, len)) > 0) {
		leg_give(l, p, len, stride, NULL, at_ns, t);
		return;
	}
	if (rtp_parse(p, len, &rtp) < 0 || rtp.payload_len == 0) {
		leg_refuse(l, &l->junk, len > 0 && p[0] == TS_SYNC && l->rtp_only ?
		    "datagrams without RTP, which udp:// is for" :
		    "datagrams that are no transport stream");
		return;
	}
	stride = find_stride(rtp.payload, rtp.payload_len);
	/* Type 33, or one that was agreed upon when it has just that in it. */
	if (stride > 0 && (rtp.type == RTP_TYPE_TS || rtp.type >= 96))
		leg_give(l, rtp.payload, rtp.payload_len, stride, &rtp, at_ns, t);
	else if (rtp.type != RTP_TYPE_TS)
		leg_refuse(l, &l->bad_type, "RTP of another payload type than 33");
	else
		leg_refuse(l, &l->junk, "RTP that is no transport stream");
}
