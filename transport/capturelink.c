/* From a packet of a link to the UDP datagram in it. */
#include <string.h>

#include "transport/capture.h"

enum {					/* link types, as registered by tcpdump.org */
	LINK_NULL = 0, LINK_ETHERNET = 1, LINK_RAW_BSD = 12, LINK_RAW_OLD = 14,
	LINK_RAW = 101, LINK_LOOP = 108, LINK_COOKED = 113, LINK_IPV4 = 228,
	LINK_IPV6 = 229, LINK_COOKED2 = 276,
};

#define UDP		17
#define UDP_HEADER	8
#define EXTENSIONS	16		/* headers of IPv6 that are followed */

static unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static bool
lost(uint64_t *count)
{
	(*count)++;
	return false;
}

/* len is of what the IP header says, have of what there is. */
static bool
take_udp(struct capture *c, const uint8_t *p, size_t len, size_t have,
    struct capture_item *item)
{
	size_t says;

	if (len < UDP_HEADER)
		return lost(&c->other);
	if (have < UDP_HEADER)
		return lost(&c->cut);
	says = be16(p + 4);
	if (says < UDP_HEADER || says > len)
		return lost(&c->other);
	if (says > have)
		return lost(&c->cut);
	item->from_port = (uint16_t)be16(p);
	item->to_port = (uint16_t)be16(p + 2);
	item->data = p + UDP_HEADER;
	item->len = says - UDP_HEADER;
	c->datagrams++;
	return true;
}

static bool
take_v4(struct capture *c, const uint8_t *p, size_t have, struct capture_item *item)
{
	size_t head, len;

	if (have < 20)
		return lost(&c->cut);
	head = (p[0] & 15u) * 4;
	len = be16(p + 2);
	if (head < 20 || len < head || p[9] != UDP)
		return lost(&c->other);
	if ((be16(p + 6) & 0x3fff) != 0)
		return lost(&c->fragments);
	if (have < head)
		return lost(&c->cut);
	item->v6 = false;
	item->from = p + 12;
	item->to = p + 16;
	return take_udp(c, p + head, len - head, have - head, item);
}

static bool
take_v6(struct capture *c, const uint8_t *p, size_t have, struct capture_item *item)
{
	size_t len, at = 40;
	uint8_t next;

	if (have < 40)
		return lost(&c->cut);
	len = 40 + be16(p + 4);
	next = p[6];
	for (unsigned i = 0; i < EXTENSIONS && next != UDP; i++) {
		bool fragment = next == 44;

		/* Hop by hop, routing and destination options, and fragments. */
		if ((next != 0 && next != 43 && next != 60 && !fragment) || at + 8 > len)
			return lost(&c->other);
		if (at + 8 > have)
			return lost(&c->cut);
		if (fragment && (be16(p + at + 2) & 0xfff9) != 0)
			return lost(&c->fragments);
		next = p[at];
		at += fragment ? 8 : 8 * ((size_t)p[at + 1] + 1);
	}
	if (next != UDP || at > len)
		return lost(&c->other);
	if (at > have)
		return lost(&c->cut);
	item->v6 = true;
	item->from = p + 8;
	item->to = p + 24;
	return take_udp(c, p + at, len - at, have - at, item);
}

static bool
take_ip(struct capture *c, const uint8_t *p, size_t have, struct capture_item *item)
{
	if (have == 0)
		return lost(&c->cut);
	if (p[0] >> 4 == 4)
		return take_v4(c, p, have, item);
	return p[0] >> 4 == 6 ? take_v6(c, p, have, item) : lost(&c->other);
}

/* Ethernet, after its addresses: tags, then a type. */
static bool
take_typed(struct capture *c, const uint8_t *p, size_t have, size_t at,
    struct capture_item *item)
{
	unsigned type;

	do {
		if (have < at + 2)
			return lost(&c->cut);
		type = be16(p + at);
		at += type == 0x8100 || type == 0x88a8 || type == 0x9100 ? 4 : 2;
	} while (type == 0x8100 || type == 0x88a8 || type == 0x9100);
	if (type != 0x0800 && type != 0x86dd)
		return lost(&c->other);
	return take_ip(c, p + at, have - at, item);
}

bool
capture_link(struct capture *c, uint16_t link, const uint8_t *p, size_t len,
    struct capture_item *item)
{
	size_t head = 0;

	c->packets++;
	switch (link) {
	case LINK_ETHERNET:
		return take_typed(c, p, len, 12, item);
	case LINK_COOKED:
		return take_typed(c, p, len, 14, item);
	case LINK_COOKED2:
		/* Its type is in front; tags are not taken out by the kernel here. */
		if (len < 20)
			return lost(&c->cut);
		if (be16(p) != 0x0800 && be16(p) != 0x86dd)
			return lost(&c->other);
		head = 20;
		break;
	case LINK_NULL:
	case LINK_LOOP:
		head = 4;
		break;
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OLD:
	case LINK_IPV4:
	case LINK_IPV6:
		break;
	default:
		return lost(&c->other);
	}
	return len < head ? lost(&c->cut) : take_ip(c, p + head, len - head, item);
}
