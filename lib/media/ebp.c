#include <errno.h>
#include <string.h>

#include "lib/media/ebp.h"

#define TAG		0xdf
#define FRAGMENT	0x80
#define SEGMENT		0x40
#define SAP		0x20
#define GROUPING	0x10
#define TIME		0x08
#define EXTENSION	0x01

static const uint8_t format_identifier[4] = { 'E', 'B', 'P', '0' };

/* The fields after format_identifier, in their order. */
static int
parse_fields(const uint8_t *p, size_t len, struct ebp *ebp)
{
	struct ebp out = { 0 };
	uint8_t flags;
	size_t pos = 1;

	if (len < 1)
		return -EBADMSG;
	flags = p[0];
	out.fragment = (flags & FRAGMENT) != 0;
	out.segment = (flags & SEGMENT) != 0;
	if ((flags & EXTENSION) != 0)
		pos++;
	if ((flags & SAP) != 0) {
		if (pos >= len)
			return -EBADMSG;
		out.sap_type = p[pos++] >> 5;
	}
	if ((flags & GROUPING) != 0)
		do
			if (pos >= len)
				return -EBADMSG;
		while ((p[pos++] & 0x80) != 0);
	if ((flags & TIME) != 0) {
		if (len - pos < 8 || pos > len)
			return -EBADMSG;
		out.has_time = true;
		for (unsigned i = 0; i < 8; i++)
			out.ntp = out.ntp << 8 | p[pos + i];
	}
	*ebp = out;
	return 0;
}

int
ebp_parse(const uint8_t *priv, size_t len, struct ebp *ebp)
{
	for (size_t i = 0; i + 2 <= len; i += 2 + (size_t)priv[i + 1]) {
		size_t n = priv[i + 1];

		if (i + 2 + n > len)
			return -ENOENT;	/* private data of somebody else */
		if (priv[i] == TAG && n >= 4 && memcmp(priv + i + 2,
		    format_identifier, sizeof(format_identifier)) == 0)
			return parse_fields(priv + i + 6, n - 4, ebp);
	}
	return -ENOENT;
}

size_t
ebp_put(uint8_t p[static EBP_MAX], const struct ebp *ebp)
{
	size_t len = 7;

	p[0] = TAG;
	memcpy(p + 2, format_identifier, sizeof(format_identifier));
	p[6] = (uint8_t)((ebp->fragment ? FRAGMENT : 0) |
	    (ebp->segment ? SEGMENT : 0) | (ebp->sap_type != 0 ? SAP : 0) |
	    (ebp->has_time ? TIME : 0) | 0x02);	/* the reserved bit is 1 */
	if (ebp->sap_type != 0)
		p[len++] = (uint8_t)(ebp->sap_type << 5 | 0x1f);
	if (ebp->has_time)
		for (int shift = 56; shift >= 0; shift -= 8)
			p[len++] = (uint8_t)(ebp->ntp >> shift);
	p[1] = (uint8_t)(len - 2);
	return len;
}

void
ebp_clock_put(uint8_t pkt[static TS_PACKET], bool has_time, uint64_t ntp)
{
	struct ebp ebp = { .has_time = has_time, .ntp = ntp };
	size_t len;

	memset(pkt, 0xff, TS_PACKET);
	pkt[0] = TS_SYNC;
	pkt[1] = EBP_CLOCK_PID >> 8;
	pkt[2] = EBP_CLOCK_PID & 0xff;
	pkt[3] = 0x20;			/* no payload: the counter stands still */
	pkt[4] = TS_PACKET - 5;
	pkt[5] = 0x02;			/* transport_private_data_flag */
	len = ebp_put(pkt + 7, &ebp);
	pkt[6] = (uint8_t)len;
}
