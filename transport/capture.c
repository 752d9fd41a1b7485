#include <errno.h>
#include <string.h>

#include "transport/capture.h"

#define PCAP_HEADER	24
#define PCAP_PACKET	16
#define BLOCK_LEAST	12

enum {					/* block types */
	BLOCK_INTERFACE = 1, BLOCK_OBSOLETE = 2, BLOCK_SIMPLE = 3, BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};
enum { OPT_END = 0, IF_NAME = 2, IF_DESCRIPTION = 3, IF_TSRESOL = 9, IF_TSOFFSET = 14 };

#define ORDER_MAGIC	UINT32_C(0x1a2b3c4d)

void
capture_init(struct capture *c)
{
	*c = (struct capture){ .format = CAPTURE_UNKNOWN };
}

static uint32_t
u32(const struct capture *c, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t
u16(const struct capture *c, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? __builtin_bswap16(v) : v;
}

/* ---- times */

static int64_t
to_ns(const struct capture_interface *i, uint64_t units)
{
	__int128 ns = (__int128)units * 1000000000 / i->per_second +
	    (__int128)i->offset_s * 1000000000;
	const __int128 most = (__int128)1 << 62;

	return (int64_t)(ns < 0 ? 0 : ns > most ? most : ns);
}

/* Units per second; 0: it cannot be said in 64 bits. */
static uint64_t
resolution(uint8_t v)
{
	uint64_t n = 1;

	if ((v & 0x80) != 0)
		return (v & 0x7f) < 64 ? UINT64_C(1) << (v & 0x7f) : 0;
	if (v > 19)
		return 0;
	while (v-- > 0)
		n *= 10;
	return n;
}

/* ---- packets of either format */

static int
take_packet(struct capture *c, unsigned interface, int64_t utc_ns, const uint8_t *p,
    size_t len, struct capture_item *item)
{
	*item = (struct capture_item){ .kind = CAPTURE_DATAGRAM, .interface = interface,
	    .utc_ns = utc_ns };
	c->last_ns = utc_ns;
	return capture_link(c, c->interface[interface].link, p, len, item);
}

/* ---- pcap */

static int
begin_pcap(struct capture *c, const uint8_t *p, size_t *used)
{
	uint32_t magic;
	bool ns;

	memcpy(&magic, p, sizeof(magic));
	c->swapped = magic == UINT32_C(0xd4c3b2a1) || magic == UINT32_C(0x4d3cb2a1);
	magic = c->swapped ? __builtin_bswap32(magic) : magic;
	ns = magic == UINT32_C(0xa1b23c4d);
	if (!ns && magic != UINT32_C(0xa1b2c3d4))
		return -EBADMSG;
	c->format = CAPTURE_PCAP;
	c->ninterface = 1;
	/* Above are flags and the length of a frame check sequence. */
	c->interface[0] = (struct capture_interface){ .link = (uint16_t)u32(c, p + 20),
	    .per_second = ns ? 1000000000 : 1000000 };
	*used = PCAP_HEADER;
	return 0;
}

static int
next_pcap(struct capture *c, const uint8_t *p, size_t len, size_t *used,
    struct capture_item *item)
{
	const struct capture_interface *i = &c->interface[0];
	uint32_t have;
	uint64_t units;

	if (len < PCAP_PACKET)
		return 0;
	have = u32(c, p + 8);
	if (have > CAPTURE_BLOCK - PCAP_PACKET) {
		c->passed_over++;
		c->skip = have;
		*used = PCAP_PACKET;
		return 0;
	}
	if (len < PCAP_PACKET + have)
		return 0;
	*used = PCAP_PACKET + have;
	units = u32(c, p) * i->per_second + u32(c, p + 4);
	return take_packet(c, 0, to_ns(i, units), p + PCAP_PACKET, have, item);
}

/* ---- pcapng */

static void
take_option(const struct capture *c, struct capture_interface *i, unsigned code,
    const uint8_t *p, size_t len, struct capture_item *item)
{
	uint64_t v;

	if (code == IF_NAME) {
		item->data = p;
		item->len = len;
	} else if (code == IF_DESCRIPTION) {
		item->about = p;
		item->about_len = len;
	} else if (code == IF_TSRESOL && len == 1) {
		v = resolution(p[0]);
		i->per_second = v != 0 ? v : i->per_second;
	} else if (code == IF_TSOFFSET && len == 8) {
		memcpy(&v, p, sizeof(v));
		i->offset_s = (int64_t)(c->swapped ? __builtin_bswap64(v) : v);
	}
}

static int
take_interface(struct capture *c, const uint8_t *p, size_t len, struct capture_item *item)
{
	struct capture_interface i = { .per_second = 1000000 };

	if (len < 8 || c->ninterface == CAPTURE_INTERFACES)
		return -EBADMSG;
	*item = (struct capture_item){ .kind = CAPTURE_INTERFACE,
	    .interface = c->ninterface };
	i.link = u16(c, p);
	for (size_t at = 8, n; at + 4 <= len && u16(c, p + at) != OPT_END;
	    at += 4 + ((n + 3) & ~(size_t)3)) {
		n = u16(c, p + at + 2);
		if (at + 4 + n > len)
			break;
		take_option(c, &i, u16(c, p + at), p + at + 4, n, item);
	}
	c->interface[c->ninterface++] = i;
	return 1;
}

/* p is behind the length of the block, len without the second one. */
static int
take_block(struct capture *c, uint32_t type, const uint8_t *p, size_t len,
    struct capture_item *item)
{
	uint32_t interface, have;

	switch (type) {
	case BLOCK_SECTION:
		c->ninterface = 0;
		*item = (struct capture_item){ .kind = CAPTURE_SECTION };
		return 1;
	case BLOCK_INTERFACE:
		return take_interface(c, p, len, item);
	case BLOCK_ENHANCED:
	case BLOCK_OBSOLETE:
		if (len < 20)
			return -EBADMSG;
		interface = type == BLOCK_ENHANCED ? u32(c, p) : u16(c, p);
		have = u32(c, p + 12);
		if (interface >= c->ninterface || have > len - 20)
			return -EBADMSG;
		return take_packet(c, interface, to_ns(&c->interface[interface],
		    (uint64_t)u32(c, p + 4) << 32 | u32(c, p + 8)), p + 20, have, item);
	case BLOCK_SIMPLE:			/* it has no time of its own */
		if (len < 4 || c->ninterface == 0)
			return -EBADMSG;
		have = u32(c, p);
		have = have < len - 4 ? have : (uint32_t)(len - 4);
		return take_packet(c, 0, c->last_ns, p + 4, have, item);
	case CAPTURE_NOTE:
		*item = (struct capture_item){ .kind = CAPTURE_LOCAL, .data = p, .len = len,
		    .swapped = c->swapped };
		return 1;
	default:
		return 0;
	}
}

static int
next_pcapng(struct capture *c, const uint8_t *p, size_t len, size_t *used,
    struct capture_item *item)
{
	uint32_t type, total, order;

	if (len < BLOCK_LEAST)
		return 0;
	memcpy(&type, p, sizeof(type));		/* of a section: the same both ways */
	if (type == BLOCK_SECTION) {
		memcpy(&order, p + 8, sizeof(order));
		if (order != ORDER_MAGIC && order != __builtin_bswap32(ORDER_MAGIC))
			return -EBADMSG;
		c->swapped = order != ORDER_MAGIC;
	}
	type = u32(c, p);
	total = u32(c, p + 4);
	if (total < BLOCK_LEAST || total % 4 != 0 || (type == BLOCK_SECTION && total < 28))
		return -EBADMSG;
	if (total > CAPTURE_BLOCK) {
		if (type == BLOCK_SECTION || type == BLOCK_INTERFACE)
			return -EBADMSG;
		c->passed_over++;
		c->skip = total;
		return 0;
	}
	if (len < total)
		return 0;
	*used = total;
	if (u32(c, p + total - 4) != total)
		return -EBADMSG;
	return take_block(c, type, p + 8, total - BLOCK_LEAST, item);
}

/* ---- both */

static int
begin(struct capture *c, const uint8_t *p, size_t len, size_t *used)
{
	static const uint8_t section[4] = { 0x0a, 0x0d, 0x0d, 0x0a };

	if (len < PCAP_HEADER)
		return 0;
	if (memcmp(p, section, sizeof(section)) != 0)
		return begin_pcap(c, p, used);
	c->format = CAPTURE_PCAPNG;
	return 0;
}

/* One step: at most one block. */
static int
step(struct capture *c, const uint8_t *p, size_t len, size_t *used,
    struct capture_item *item)
{
	*used = 0;
	if (c->skip > 0) {
		*used = c->skip < len ? (size_t)c->skip : len;
		c->skip -= *used;
		return 0;
	}
	if (c->format == CAPTURE_UNKNOWN)
		return begin(c, p, len, used);
	return c->format == CAPTURE_PCAP ? next_pcap(c, p, len, used, item) :
	    next_pcapng(c, p, len, used, item);
}

int
capture_next(struct capture *c, const uint8_t *p, size_t len, size_t *used,
    struct capture_item *item)
{
	size_t n;
	int r, before;
	uint64_t skip;

	*used = 0;
	do {
		before = (int)c->format;
		skip = c->skip;
		r = step(c, p + *used, len - *used, &n, item);
		*used += n;
	} while (r == 0 && (n > 0 || before != (int)c->format || (skip == 0 && c->skip > 0)));
	return r;
}
