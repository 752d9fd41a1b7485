#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/rtp.h"

#define DROPOUT		3000		/* RFC 3550 A.1: further off is no loss */

int
rtp_parse(const uint8_t *p, size_t len, struct rtp_packet *pkt)
{
	size_t pos = RTP_HEADER, end = len;

	if (len < RTP_HEADER || p[0] >> 6 != 2)
		return -EBADMSG;
	pos += 4 * (size_t)(p[0] & 0x0f);
	if ((p[0] & 0x10) != 0) {
		if (pos + 4 > len)
			return -EBADMSG;
		pos += 4 + 4 * (size_t)(p[pos + 2] << 8 | p[pos + 3]);
	}
	if (pos > len)
		return -EBADMSG;
	if ((p[0] & 0x20) != 0) {
		if (p[len - 1] == 0 || p[len - 1] > len - pos)
			return -EBADMSG;
		end -= p[len - 1];
	}
	*pkt = (struct rtp_packet){
		.type = p[1] & 0x7f, .marker = (p[1] & 0x80) != 0,
		.seq = (uint16_t)(p[2] << 8 | p[3]),
		.timestamp = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 |
		    (uint32_t)p[6] << 8 | p[7],
		.ssrc = (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 |
		    (uint32_t)p[10] << 8 | p[11],
		.payload = p + pos, .payload_len = end - pos,
	};
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
