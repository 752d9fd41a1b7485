#include <string.h>

#include "schedule/rewrite.h"

void
rewrite_init(struct rewrite *r, uint16_t pid, rewrite_edit *edit, void *arg)
{
	memset(r, 0, sizeof(*r));
	r->pid = pid;
	r->edit = edit;
	r->arg = arg;
	r->last = 15;
	psi_collect_init(&r->collect);
}

static uint8_t
counter(const uint8_t *packet)
{
	return packet[3] & 0x0f;
}

static bool
has_payload(const uint8_t *packet)
{
	return (packet[3] & 0x10) != 0;
}

/* A packet of ours, with the next counter. */
static void
send_own(struct rewrite *r, struct pass *pass, uint8_t *packet)
{
	r->last = (r->last + 1) & 15;
	packet[3] = (uint8_t)((packet[3] & 0xf0) | r->last);
	r->sent = true;
	r->as_it_came = false;
	pass_put(pass, packet, TS_PACKET);
}

/* One of the source, with its counter shifted. */
static void
send_shifted(struct rewrite *r, struct pass *pass, const uint8_t *packet)
{
	uint8_t copy[TS_PACKET];

	if (!r->seen)
		r->shift = r->sent ? (r->last + 1 - counter(packet)) & 15 : 0;
	r->seen = true;
	memcpy(copy, packet, TS_PACKET);
	r->source = counter(packet);
	copy[3] = (uint8_t)((copy[3] & 0xf0) | ((r->source + r->shift) & 15));
	r->last = counter(copy);
	r->sent = true;
	r->as_it_came = true;
	pass_put(pass, copy, TS_PACKET);
}

/* Of a packet whose payload is not sent: the clock that it carries. */
static void
send_clock(struct rewrite *r, struct pass *pass, const uint8_t *packet)
{
	uint8_t copy[TS_PACKET];
	struct ts_packet pkt;

	if (ts_parse(packet, &pkt) < 0 || pkt.pcr == TS_NO_PCR)
		return;
	memset(copy, 0xff, sizeof(copy));
	memcpy(copy, packet, 5 + (size_t)packet[4]);
	copy[1] &= 0xbf;		/* no unit starts here */
	copy[3] = (uint8_t)((copy[3] & 0xc0) | 0x20 | r->last);
	copy[4] = TS_PACKET - 5;
	pass_put(pass, copy, TS_PACKET);
}

/* The sections that are complete, each in packets of its own. */
static void
send_put(struct rewrite *r, struct pass *pass)
{
	for (unsigned i = 0; i < r->put_n; i++)
		send_own(r, pass, r->put[i]);
	r->put_n = 0;
	if (r->sent) {
		r->seen = true;
		r->shift = (r->last - r->source) & 15;
	}
}

static void
send_held(struct rewrite *r, struct pass *pass)
{
	for (unsigned i = 0; i < r->held_n; i++)
		if (r->changed)
			send_clock(r, pass, r->held[i]);
		else
			send_shifted(r, pass, r->held[i]);
	if (r->changed)
		send_put(r, pass);
	r->held_n = r->put_n = 0;
	r->changed = false;
}

static void
take_section(struct rewrite *r, struct pass *pass, const uint8_t *section, size_t len,
    bool damaged)
{
	uint8_t out[PSI_SECTION_MAX], cc = 0;
	int n = REWRITE_SAME;

	if (r->edit != NULL)
		n = r->edit(r->arg, section, len, damaged, out);
	if (n != REWRITE_SAME) {
		r->changed = true;
		section = out;
		len = (size_t)n;
	}
	if (len >= (REWRITE_PUT - r->put_n) * (TS_PACKET - 4)) {
		r->changed = true;
		pass_drop(pass);
		send_put(r, pass);
	}
	n = psi_packetize(section, len, r->pid, &cc, r->put[r->put_n],
	    (REWRITE_PUT - r->put_n) * TS_PACKET);
	if (n > 0)
		r->put_n += (unsigned)n / TS_PACKET;
}

static void
hold(struct rewrite *r, const struct ts_packet *pkt)
{
	if (r->held_n < REWRITE_HELD)
		memcpy(r->held[r->held_n++], pkt->data, TS_PACKET);
	else
		r->changed = true;	/* there is no room for them as they came */
	r->source = counter(pkt->data);
}

/* A repeat of what was sent otherwise, or before something else, is none any more. */
static bool
stale(const struct rewrite *r, const struct ts_packet *pkt)
{
	return pkt->duplicate && r->held_n == 0 && !(r->as_it_came &&
	    ((counter(pkt->data) + r->shift) & 15) == r->last);
}

/* It passes where it is, and is not copied if its counter is right. */
static void
pass_on(struct rewrite *r, struct pass *pass, const struct ts_packet *pkt)
{
	if (r->shift != 0 || (r->sent && !r->seen)) {
		pass_drop(pass);
		send_shifted(r, pass, pkt->data);
		return;
	}
	r->seen = r->sent = r->as_it_came = true;
	r->last = r->source = counter(pkt->data);
}

/* One without payload has the counter of the one before. */
static void
pass_empty(struct rewrite *r, struct pass *pass, const struct ts_packet *pkt)
{
	uint8_t copy[TS_PACKET];

	if (!r->sent || counter(pkt->data) == r->last)
		return;
	memcpy(copy, pkt->data, TS_PACKET);
	copy[3] = (uint8_t)((copy[3] & 0xf0) | r->last);
	pass_drop(pass);
	pass_put(pass, copy, TS_PACKET);
}

void
rewrite_packet(struct rewrite *r, struct pass *pass, const struct ts_packet *pkt,
    bool damaged)
{
	const uint8_t *section;
	size_t len;
	int n;

	if (damaged)
		return;
	if (!has_payload(pkt->data)) {
		pass_empty(r, pass, pkt);
		return;
	}
	if (pkt->scrambled) {
		if (r->held_n > 0) {
			hold(r, pkt);
			pass_drop(pass);
			send_held(r, pass);
			psi_collect_init(&r->collect);
		} else {
			pass_on(r, pass, pkt);
		}
		return;
	}
	if (stale(r, pkt)) {
		pass_drop(pass);
		return;
	}
	while ((n = psi_collect_next(&r->collect, pkt, &section, &len)) != 0)
		take_section(r, pass, section, len, n < 0);
	if (r->held_n == 0 && r->collect.len == 0 && !r->changed) {
		r->put_n = 0;
		pass_on(r, pass, pkt);
		return;
	}
	pass_drop(pass);
	hold(r, pkt);
	if (r->collect.len == 0)
		send_held(r, pass);
}

unsigned
rewrite_add(struct rewrite *r, struct pass *pass, const uint8_t *section, size_t len)
{
	uint8_t packets[REWRITE_HELD * TS_PACKET], cc = 0;
	int n = psi_packetize(section, len, r->pid, &cc, packets, sizeof(packets));

	for (int i = 0; i < n; i += TS_PACKET) {
		send_own(r, pass, packets + i);
		r->shift = (r->shift + r->seen) & 15;
	}
	return n > 0 ? (unsigned)n / TS_PACKET : 0;
}

void
rewrite_flush(struct rewrite *r, struct pass *pass)
{
	send_held(r, pass);
}
