#include <string.h>

#include "lib/media/rewrite.h"

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

void
rewrite_after(struct rewrite *r, uint8_t last)
{
	r->last = last & 15;
	r->sent = true;
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
send_own(struct rewrite *r, const struct rewrite_sink *sink, uint8_t *packet)
{
	r->last = (r->last + 1) & 15;
	packet[3] = (uint8_t)((packet[3] & 0xf0) | r->last);
	r->sent = true;
	r->as_it_came = false;
	sink->put(sink->arg, packet, TS_PACKET);
}

/* One of the source, with its counter shifted. */
static void
send_shifted(struct rewrite *r, const struct rewrite_sink *sink, const uint8_t *packet)
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
	sink->put(sink->arg, copy, TS_PACKET);
}

/* Of a packet whose payload is not sent: the clock that it carries. */
static void
send_clock(struct rewrite *r, const struct rewrite_sink *sink, const uint8_t *packet)
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
	sink->put(sink->arg, copy, TS_PACKET);
}

/* The sections that are complete, each in packets of its own. */
static void
send_put(struct rewrite *r, const struct rewrite_sink *sink)
{
	for (unsigned i = 0; i < r->put_n; i++)
		send_own(r, sink, r->put[i]);
	r->put_n = 0;
	if (r->sent) {
		r->seen = true;
		r->shift = (r->last - r->source) & 15;
	}
}

static void
send_held(struct rewrite *r, const struct rewrite_sink *sink)
{
	for (unsigned i = 0; i < r->held_n; i++)
		if (r->changed)
			send_clock(r, sink, r->held[i]);
		else
			send_shifted(r, sink, r->held[i]);
	if (r->changed)
		send_put(r, sink);
	r->held_n = r->put_n = 0;
	r->changed = false;
}

static void
take_section(struct rewrite *r, const struct rewrite_sink *sink, const uint8_t *section, size_t len,
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
		sink->drop(sink->arg);
		send_put(r, sink);
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
pass_on(struct rewrite *r, const struct rewrite_sink *sink, const struct ts_packet *pkt)
{
	if (r->shift != 0 || (r->sent && !r->seen)) {
		sink->drop(sink->arg);
		send_shifted(r, sink, pkt->data);
		return;
	}
	r->seen = r->sent = r->as_it_came = true;
	r->last = r->source = counter(pkt->data);
}

/* One without payload has the counter of the one before. */
static void
pass_empty(struct rewrite *r, const struct rewrite_sink *sink, const struct ts_packet *pkt)
{
	uint8_t copy[TS_PACKET];

	if (!r->sent)
		r->last = counter(pkt->data);	/* it passes: what we send comes after it */
	if (counter(pkt->data) == r->last)
		return;
	memcpy(copy, pkt->data, TS_PACKET);
	copy[3] = (uint8_t)((copy[3] & 0xf0) | r->last);
	sink->drop(sink->arg);
	sink->put(sink->arg, copy, TS_PACKET);
}

void
rewrite_packet(struct rewrite *r, const struct rewrite_sink *sink, const struct ts_packet *pkt,
    bool damaged)
{
	const uint8_t *section;
	size_t len;
	int n;

	if (damaged)
		return;
	if (!has_payload(pkt->data)) {
		pass_empty(r, sink, pkt);
		return;
	}
	if (pkt->scrambled) {
		if (r->held_n > 0) {
			hold(r, pkt);
			sink->drop(sink->arg);
			send_held(r, sink);
			psi_collect_init(&r->collect);
		} else {
			pass_on(r, sink, pkt);
		}
		return;
	}
	if (stale(r, pkt)) {
		sink->drop(sink->arg);
		return;
	}
	while ((n = psi_collect_next(&r->collect, pkt, &section, &len)) != 0)
		take_section(r, sink, section, len, n < 0);
	if (r->held_n == 0 && r->collect.len == 0 && !r->changed) {
		r->put_n = 0;
		pass_on(r, sink, pkt);
		return;
	}
	sink->drop(sink->arg);
	hold(r, pkt);
	if (r->collect.len == 0)
		send_held(r, sink);
}

unsigned
rewrite_add(struct rewrite *r, const struct rewrite_sink *sink, const uint8_t *section, size_t len)
{
	uint8_t packets[REWRITE_HELD * TS_PACKET], cc = 0;
	int n = psi_packetize(section, len, r->pid, &cc, packets, sizeof(packets));

	for (int i = 0; i < n; i += TS_PACKET) {
		send_own(r, sink, packets + i);
		r->shift = (r->shift + r->seen) & 15;
	}
	return n > 0 ? (unsigned)n / TS_PACKET : 0;
}

void
rewrite_flush(struct rewrite *r, const struct rewrite_sink *sink)
{
	send_held(r, sink);
}

/* ---- versions */

uint8_t
rewrite_version(struct rewrite_version *v, const uint8_t *out, size_t len, uint8_t source,
    bool changed)
{
	uint32_t crc = psi_crc32(out + 8, len - 12);

	if (!v->known)
		v->version = (source + changed) & 31;
	else if (v->source != source || v->crc != crc)
		v->version = v->edited || changed ? (v->version + 1) & 31 : source;
	v->known = true;
	v->edited = v->edited || changed;
	v->source = source;
	v->crc = crc;
	return v->version;
}

void
rewrite_set_version(uint8_t *section, size_t len, uint8_t version)
{
	uint32_t crc;

	section[5] = (uint8_t)((section[5] & 0xc1) | version << 1);
	crc = psi_crc32(section, len - 4);
	for (size_t i = 0; i < 4; i++)
		section[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
}
