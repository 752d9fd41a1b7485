#include <errno.h>
#include <stdlib.h>

#include "lib/net/rtp.h"
#include "transport/fan.h"

int
fan_init(struct fan *f, size_t limit, int64_t hold_ns, uint32_t ssrc, uint16_t seq)
{
	*f = (struct fan){ .limit = limit, .hold_ns = hold_ns, .ssrc = ssrc, .seq = seq };
	f->slot = calloc(FAN_SLOTS, sizeof(void *));
	return f->slot == NULL ? -ENOMEM : 0;
}

static void
drop_first(struct fan *f)
{
	struct packet *p = fan_at(f, f->tail++);

	f->bytes -= p->len;
	packet_unref(p);
	if (f->due < f->tail)
		f->due = f->tail;
}

void
fan_free(struct fan *f)
{
	while (f->slot != NULL && f->tail < f->head)
		drop_first(f);
	free(f->slot);
	f->slot = NULL;
}

static void
put_header(const struct fan *f, struct packet *p, struct pacer_time t)
{
	bool keep = f->keep_header && p->has_rtp;
	uint16_t seq = keep ? p->seq : (uint16_t)(f->seq + f->head);
	uint32_t timestamp = keep ? p->timestamp : t.timestamp;
	uint32_t ssrc = keep ? p->ssrc : f->ssrc;
	bool marker = keep ? p->marker : t.marker;
	uint8_t *h = p->data - FAN_RTP;

	h[0] = 0x80;
	h[1] = (uint8_t)(RTP_TYPE_TS | (marker ? 0x80 : 0));
	h[2] = (uint8_t)(seq >> 8);
	h[3] = (uint8_t)seq;
	for (unsigned i = 0; i < 4; i++) {
		h[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
		h[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	}
}

void
fan_put(struct fan *f, struct packet *pkt, struct pacer_time t)
{
	while (f->head - f->tail == FAN_SLOTS ||
	    (f->head > f->tail && f->bytes + pkt->len > f->limit))
		drop_first(f);
	pkt->due_ns = t.due_ns;
	put_header(f, pkt, t);
	f->slot[f->head++ & (FAN_SLOTS - 1)] = pkt;
	f->bytes += pkt->len;
}

void
fan_turn(struct fan *f, uint64_t first, int64_t now_ns)
{
	while (f->tail < f->due && (f->tail < first ||
	    fan_at(f, f->tail)->due_ns < now_ns - f->hold_ns))
		drop_first(f);
	while (f->due < f->head && fan_at(f, f->due)->due_ns <= now_ns)
		f->due++;
}

int64_t
fan_deadline(const struct fan *f)
{
	return f->due < f->head ? fan_at(f, f->due)->due_ns : INT64_MAX;
}
