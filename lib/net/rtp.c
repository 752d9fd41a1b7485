#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/rtp.h"

#define DROPOUT		3000		/* RFC 3550 A.1: further off is no loss */

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

int
rtp_parse(const uint8_t *p, size_t len, struct rtp_packet *pkt)
{
	struct rtp_packet r = { 0 };
	size_t pos = RTP_HEADER;

	if (len < RTP_HEADER || p[0] >> 6 != 2)
		return -EBADMSG;
	r.ncsrc = p[0] & 0x0f;
	r.csrc = p + pos;
	pos += 4 * (size_t)r.ncsrc;
	if ((p[0] & 0x10) != 0) {
		if (pos + 4 > len)
			return -EBADMSG;
		r.ext_profile = (uint16_t)(p[pos] << 8 | p[pos + 1]);
		r.ext_len = 4 * (size_t)(p[pos + 2] << 8 | p[pos + 3]);
		r.ext = p + pos + 4;
		pos += 4 + r.ext_len;
	}
	if (pos > len)
		return -EBADMSG;
	if ((p[0] & 0x20) != 0) {
		r.padding = p[len - 1];
		if (r.padding == 0 || r.padding > len - pos)
			return -EBADMSG;
	}
	r.type = p[1] & 0x7f;
	r.marker = (p[1] & 0x80) != 0;
	r.seq = (uint16_t)(p[2] << 8 | p[3]);
	r.timestamp = get32(p + 4);
	r.ssrc = get32(p + 8);
	r.payload = p + pos;
	r.payload_len = len - pos - r.padding;
	*pkt = r;
	return 0;
}

int
rtp_put(uint8_t *p, size_t size, const struct rtp_packet *pkt)
{
	size_t ext = pkt->ext != NULL ? 4 + pkt->ext_len : 0;
	size_t len = RTP_HEADER + 4 * (size_t)pkt->ncsrc + ext + pkt->payload_len +
	    pkt->padding;

	if (pkt->ncsrc > 15 || pkt->type > 0x7f || pkt->ext_len % 4 != 0 ||
	    pkt->ext_len / 4 > UINT16_MAX || pkt->padding > UINT8_MAX)
		return -EINVAL;
	if (len > size || len > UINT16_MAX)
		return -ENOSPC;
	p[0] = (uint8_t)(0x80 | (pkt->padding > 0 ? 0x20 : 0) |
	    (pkt->ext != NULL ? 0x10 : 0) | pkt->ncsrc);
	p[1] = (uint8_t)((pkt->marker ? 0x80 : 0) | pkt->type);
	p[2] = (uint8_t)(pkt->seq >> 8);
	p[3] = (uint8_t)pkt->seq;
	put32(p + 4, pkt->timestamp);
	put32(p + 8, pkt->ssrc);
	p += RTP_HEADER;
	if (pkt->ncsrc > 0)
		memcpy(p, pkt->csrc, 4 * (size_t)pkt->ncsrc);
	p += 4 * (size_t)pkt->ncsrc;
	if (pkt->ext != NULL) {
		put32(p, (uint32_t)pkt->ext_profile << 16 | (uint32_t)(pkt->ext_len / 4));
		memcpy(p + 4, pkt->ext, pkt->ext_len);
		p += ext;
	}
	if (pkt->payload_len > 0)
		memcpy(p, pkt->payload, pkt->payload_len);
	p += pkt->payload_len;
	if (pkt->padding > 0) {
		memset(p, 0, pkt->padding - 1);
		p[pkt->padding - 1] = (uint8_t)pkt->padding;
	}
	return (int)len;
}

unsigned
rtp_ts_packets(const struct rtp_packet *pkt, size_t *stride)
{
	static const size_t strides[] = { 188, 204 };

	for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
		size_t pos = 0;

		if (pkt->payload_len == 0 || pkt->payload_len % strides[i] != 0)
			continue;
		while (pos < pkt->payload_len && pkt->payload[pos] == 0x47)
			pos += strides[i];
		if (pos < pkt->payload_len)
			continue;
		*stride = strides[i];
		return (unsigned)(pkt->payload_len / strides[i]);
	}
	return 0;
}

void
rtp_order_init(struct rtp_order *o, int64_t window_ns)
{
	memset(o, 0, sizeof(*o));
	o->window_ns = window_ns;
}

void
rtp_order_free(struct rtp_order *o)
{
	for (unsigned i = 0; i < RTP_SLOTS; i++)
		free(o->slot[i].data);
	free(o->first.data);
	rtp_order_init(o, o->window_ns);
}

static bool
was_seen(const struct rtp_order *o, uint16_t seq)
{
	return (o->seen[seq / 8] >> seq % 8 & 1) != 0;
}

static void
set_seen(struct rtp_order *o, uint16_t seq, bool seen)
{
	uint8_t bit = (uint8_t)(1 << seq % 8);

	if (seen)
		o->seen[seq / 8] |= bit;
	else
		o->seen[seq / 8] &= (uint8_t)~bit;
}

/* The packet at next has been given out, or given up. */
static void
advance(struct rtp_order *o, bool seen)
{
	set_seen(o, o->next, seen);
	set_seen(o, (uint16_t)(o->next + 32768), false);
	o->lost += !seen;
	o->next++;
}

static int
keep(struct rtp_slot *s, const struct rtp_packet *pkt, int64_t now_ns)
{
	if (pkt->payload_len > s->size) {
		size_t size = pkt->payload_len < 2048 ? 2048 : pkt->payload_len;
		uint8_t *data = realloc(s->data, size);

		if (data == NULL)
			return -ENOMEM;
		s->data = data;
		s->size = size;
	}
	if (pkt->payload_len > 0)
		memcpy(s->data, pkt->payload, pkt->payload_len);
	s->len = pkt->payload_len;
	s->arrival_ns = now_ns;
	s->full = true;
	return 0;
}

static int
hold(struct rtp_order *o, const struct rtp_packet *pkt, int64_t now_ns)
{
	struct rtp_slot *s = &o->slot[pkt->seq % RTP_SLOTS];
	int r;

	if (s->full) {
		o->duplicates++;
		return RTP_DROPPED;
	}
	if ((r = keep(s, pkt, now_ns)) < 0)
		return r;
	if (o->held++ == 0 || (int16_t)(pkt->seq - o->newest) > 0)
		o->newest = pkt->seq;
	else
		o->reordered++;
	return RTP_HELD;
}

/* Give up what is held, and begin with the packet that was kept aside. */
static int
restart(struct rtp_order *o, const struct rtp_packet *pkt, int64_t now_ns)
{
	const struct rtp_packet first = {
		.seq = o->first_seq, .payload = o->first.data,
		.payload_len = o->first.len,
	};
	int r;

	o->lost += o->held;
	for (unsigned i = 0; i < RTP_SLOTS; i++)
		o->slot[i].full = false;
	memset(o->seen, 0, sizeof(o->seen));
	o->held = 0;
	o->candidate = false;
	o->restarts++;
	o->ssrc = pkt->ssrc;
	o->next = first.seq;
	if ((r = hold(o, &first, o->first.arrival_ns)) < 0 ||
	    (r = hold(o, pkt, now_ns)) < 0)
		return r;
	return RTP_RESTART;
}

/* Another source, or far from where we are: believe it when a second one comes. */
static int
doubt(struct rtp_order *o, const struct rtp_packet *pkt, int64_t now_ns)
{
	int r;

	if (o->candidate && pkt->ssrc == o->first_ssrc &&
	    pkt->seq == (uint16_t)(o->first_seq + 1))
		return restart(o, pkt, now_ns);
	if ((r = keep(&o->first, pkt, now_ns)) < 0)
		return r;
	o->candidate = true;
	o->first_seq = pkt->seq;
	o->first_ssrc = pkt->ssrc;
	return RTP_DROPPED;
}

int
rtp_order_push(struct rtp_order *o, const struct rtp_packet *pkt, int64_t now_ns)
{
	int16_t ahead;

	o->received++;
	if (!o->started) {
		o->started = true;
		o->ssrc = pkt->ssrc;
		o->next = pkt->seq;
	}
	ahead = (int16_t)(pkt->seq - o->next);
	if (pkt->ssrc != o->ssrc || ahead > DROPOUT || ahead < -DROPOUT)
		return doubt(o, pkt, now_ns);
	o->candidate = false;
	if (ahead < 0) {
		if (was_seen(o, pkt->seq))
			o->duplicates++;
		else
			o->late++;
		return RTP_DROPPED;
	}
	if (ahead == 0) {
		o->reordered += o->held > 0;
		advance(o, true);
		return RTP_NOW;
	}
	return hold(o, pkt, now_ns);
}

bool
rtp_order_pop(struct rtp_order *o, int64_t now_ns, const uint8_t **data,
    size_t *len, int64_t *arrival_ns)
{
	struct rtp_slot *s;

	if (o->held == 0)
		return false;
	if (!o->slot[o->next % RTP_SLOTS].full && now_ns < rtp_order_deadline(o))
		return false;
	while (!(s = &o->slot[o->next % RTP_SLOTS])->full)
		advance(o, false);
	advance(o, true);
	s->full = false;
	o->held--;
	*data = s->data;
	*len = s->len;
	*arrival_ns = s->arrival_ns;
	return true;
}

int64_t
rtp_order_deadline(const struct rtp_order *o)
{
	uint16_t seq = o->next;
	const struct rtp_slot *s;

	if (o->held == 0)
		return INT64_MAX;
	while (!(s = &o->slot[seq % RTP_SLOTS])->full)
		seq++;
	return s->arrival_ns + o->window_ns;
}
