/*
 * Packets of one PID, their counters in order, through rewrite.h: the counters that
 * come out are in order, and the sections are those that went in, less those that are
 * dropped, as they were changed, and with those that are added.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PID	500
#define ALL	4096			/* sections that are compared */

struct side {
	struct psi_collect collect;
	unsigned n;
	uint32_t crc[ALL];
	int	 cc;
};

static struct side in, out;
static struct rewrite r;
static bool dropped;
static uint8_t mode;

static void
note(struct side *s, const uint8_t *section, size_t len)
{
	if (s->n < ALL)
		s->crc[s->n++] = psi_crc32(section, len);
}

static void
drop(void *arg)
{
	(void)arg;
	dropped = true;
}

static void
take(const uint8_t *packet)
{
	const uint8_t *section;
	struct ts_packet pkt;
	size_t len;

	if (ts_parse(packet, &pkt) < 0 || pkt.pid != PID)
		abort();
	if (out.cc >= 0 && (packet[3] & 15) != ((out.cc + (pkt.payload != NULL)) & 15))
		abort();
	out.cc = packet[3] & 15;
	while (psi_collect_next(&out.collect, &pkt, &section, &len) != 0)
		note(&out, section, len);
}

static void
put(void *arg, const uint8_t *packets, size_t len)
{
	(void)arg;
	for (size_t i = 0; i < len; i += TS_PACKET)
		take(packets + i);
}

static const struct rewrite_sink sink = { .drop = drop, .put = put };

/* By the first byte of the input: keep all, drop some, lengthen some. */
static int
edit(void *arg, const uint8_t *section, size_t len, bool damaged,
    uint8_t changed[static PSI_SECTION_MAX])
{
	(void)arg;
	(void)damaged;
	if ((mode & 1) != 0 && len % 3 == 0)
		return 0;
	if ((mode & 2) != 0 && len % 3 == 1 && len > 8 && len + 200 < PSI_SECTION_MAX) {
		memcpy(changed, section, len);
		memset(changed + len, 0x55, 200);
		changed[1] = (uint8_t)((changed[1] & 0xf0) | (len + 197) >> 8);
		changed[2] = (uint8_t)(len + 197);
		note(&in, changed, len + 200);
		return (int)len + 200;
	}
	note(&in, section, len);
	return REWRITE_SAME;
}

static void
one(const uint8_t *payload, size_t len, uint8_t flags, uint8_t cc)
{
	uint8_t packet[TS_PACKET];
	struct ts_packet pkt;

	memset(packet, 0xff, sizeof(packet));
	packet[0] = TS_SYNC;
	packet[1] = (uint8_t)((flags & 0x40) | PID >> 8);
	packet[2] = PID & 0xff;
	packet[3] = (uint8_t)(0x10 | cc);
	memcpy(packet + 4, payload, len);
	if (ts_parse(packet, &pkt) < 0)
		abort();
	dropped = false;
	rewrite_packet(&r, &sink, &pkt, false);
	if (!dropped)
		take(packet);
	if ((mode & 4) != 0 && (flags & 1) != 0) {
		const uint8_t ours[] = { 0x42, 0x30, 4, 1, 2, 3, 4 };

		if (rewrite_add(&r, &sink, ours, sizeof(ours)) != 1)
			abort();
	}
}

/* Without ours, and in the same order. */
static void
compare(void)
{
	const uint8_t ours[] = { 0x42, 0x30, 4, 1, 2, 3, 4 };
	uint32_t skip = psi_crc32(ours, sizeof(ours));
	unsigned k = 0;

	for (unsigned i = 0; i < out.n; i++) {
		if ((mode & 4) != 0 && out.crc[i] == skip)
			continue;
		while (k < in.n && (mode & 4) != 0 && in.crc[k] == skip)
			k++;
		if (k == in.n || in.crc[k] != out.crc[i])
			abort();
		k++;
	}
	while (k < in.n && (mode & 4) != 0 && in.crc[k] == skip)
		k++;
	if (k != in.n && in.n < ALL && out.n < ALL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t cc = 3;

	if (len < 1 || len > 100000)
		return 0;
	mode = data[0];
	in.n = out.n = 0;
	out.cc = -1;
	psi_collect_init(&out.collect);
	rewrite_init(&r, PID, edit, NULL);
	for (size_t pos = 1; pos + 1 < len;) {
		size_t n = len - pos - 1 < 184 ? len - pos - 1 : 184;

		one(data + pos + 1, n, data[pos], cc);
		cc = (cc + 1) & 15;
		pos += 1 + n;
	}
	rewrite_flush(&r, &sink);
	compare();
	return 0;
}
