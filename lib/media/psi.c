#include <errno.h>
#include <string.h>

#include "lib/media/psi.h"

/* Annex A: 0x04c11db7, most significant bit first, four bits at a time. */
uint32_t
psi_crc32(const uint8_t *p, size_t len)
{
	static const uint32_t step[16] = {
		0x00000000, 0x04c11db7, 0x09823b6e, 0x0d4326d9,
		0x130476dc, 0x17c56b6b, 0x1a864db2, 0x1e475005,
		0x2608edb8, 0x22c9f00f, 0x2f8ad6d6, 0x2b4bcb61,
		0x350c9b64, 0x31cd86d3, 0x3c8ea00a, 0x384fbdbd,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc = crc << 4 ^ step[crc >> 28 ^ p[i] >> 4];
		crc = crc << 4 ^ step[crc >> 28 ^ (p[i] & 0x0f)];
	}
	return crc;
}

void
psi_collect_init(struct psi_collect *c)
{
	c->started = false;
	c->len = c->pos = 0;
}

/* 3 + section_length of what is collected, 0 if that is not known yet. */
static size_t
section_size(const struct psi_collect *c)
{
	return c->len < 3 ? 0 :
	    3 + ((size_t)(c->section[1] & 0x0f) << 8 | c->section[2]);
}

/* Take bytes until the section is whole or they end.  Returns the count. */
static size_t
collect(struct psi_collect *c, const uint8_t *p, size_t len)
{
	size_t taken = 0;

	while (taken < len) {
		size_t want = section_size(c), n;

		if (want == 0)
			want = 3;
		if (c->len >= want)
			break;
		n = want - c->len < len - taken ? want - c->len : len - taken;
		memcpy(c->section + c->len, p + taken, n);
		c->len += n;
		taken += n;
	}
	return taken;
}

/* The collected section, if it is whole. */
static int
finish(struct psi_collect *c, const uint8_t **section, size_t *len)
{
	size_t size = section_size(c);

	if (size == 0 || c->len < size)
		return 0;
	*section = c->section;
	*len = size;
	c->len = 0;
	/* With section_syntax_indicator, or SCTE-35, the CRC is the end of it. */
	if ((c->section[1] & 0x80) != 0 || c->section[0] == PSI_TABLE_SCTE35)
		return size >= 7 && psi_crc32(c->section, size) == 0 ? 1 : -EBADMSG;
	return 1;
}

/*
 * c->pos is where in the payload to go on; 0 is the start of a new packet.  A
 * packet that starts a section has the pointer_field first: bytes before the
 * section it points to belong to the one before.
 */
int
psi_collect_next(struct psi_collect *c, const struct ts_packet *pkt,
    const uint8_t **section, size_t *len)
{
	const uint8_t *p = pkt->payload;
	size_t end = pkt->payload_len, start;
	int r;

	if (p == NULL || pkt->duplicate || end == 0)
		return 0;
	if (pkt->lost && c->pos == 0) {
		c->started = false;
		c->len = 0;
	}
	start = pkt->unit_start ? 1 + (size_t)p[0] : 0;
	if (start > end)
		start = end;
	if (c->pos == 0 && pkt->unit_start) {
		c->pos = 1;
		if (c->started && start > 1) {
			collect(c, p + 1, start - 1);
			r = finish(c, section, len);
			if (r != 0) {
				c->pos = start;
				c->started = true;
				return r;
			}
		}
		c->pos = start;
		c->started = true;
		c->len = 0;
	}
	if (!c->started) {
		c->pos = 0;
		return 0;
	}
	while (c->pos < end && (c->len > 0 || p[c->pos] != 0xff)) {
		c->pos += collect(c, p + c->pos, end - c->pos);
		r = finish(c, section, len);
		if (r != 0)
			return r;
	}
	if (c->len == 0)
		c->started = false;	/* stuffing up to the end */
	c->pos = 0;
	return 0;
}

/* What PAT and PMT share: 2.4.4.4, the eight bytes before their contents. */
static int
check_table(const uint8_t *s, size_t len, uint8_t table_id)
{
	if (len < 12 || len > PSI_SECTION_MAX || (s[1] & 0x80) == 0 ||
	    (((size_t)s[1] & 0x0f) << 8 | s[2]) + 3 != len ||
	    psi_crc32(s, len) != 0)
		return -EBADMSG;
	if (s[0] != table_id || (s[5] & 1) == 0)
		return -ENOENT;		/* another, or not current yet */
	return 0;
}

int
pat_parse(const uint8_t *s, size_t len, struct pat *pat)
{
	int r = check_table(s, len, PSI_TABLE_PAT);

	if (r < 0)
		return r;
	pat->transport_stream_id = (uint16_t)(s[3] << 8 | s[4]);
	pat->version_number = s[5] >> 1 & 0x1f;
	pat->n = 0;
	for (size_t i = 8; i + 4 <= len - 4; i += 4) {
		uint16_t number = (uint16_t)(s[i] << 8 | s[i + 1]);
		uint16_t pid = (uint16_t)((s[i + 2] & 0x1f) << 8 | s[i + 3]);

		if (number != 0 && pat->n < PSI_PROGRAMS_MAX)
			pat->program[pat->n++] =
			    (struct pat_program){ number, pid };
	}
	return 0;
}

int
pmt_parse(const uint8_t *s, size_t len, struct pmt *pmt)
{
	int r = check_table(s, len, PSI_TABLE_PMT);
	size_t end = len - 4, pos, n;
	struct pmt out = { 0 };

	if (r < 0)
		return r;
	if (end < 12)
		return -EBADMSG;
	out.program_number = (uint16_t)(s[3] << 8 | s[4]);
	out.version_number = s[5] >> 1 & 0x1f;
	out.pcr_pid = (uint16_t)((s[8] & 0x1f) << 8 | s[9]);
	out.desc_len = (size_t)(s[10] & 0x0f) << 8 | s[11];
	out.desc = s + 12;
	pos = 12 + out.desc_len;
	if (pos > end)
		return -EBADMSG;
	for (; pos + 5 <= end; pos += 5 + n) {
		n = (size_t)(s[pos + 3] & 0x0f) << 8 | s[pos + 4];
		if (pos + 5 + n > end)
			return -EBADMSG;
		if (out.n < PSI_STREAMS_MAX)
			out.stream[out.n++] = (struct pmt_stream){
				.stream_type = s[pos],
				.pid = (uint16_t)((s[pos + 1] & 0x1f) << 8 | s[pos + 2]),
				.desc = s + pos + 5, .desc_len = n,
			};
	}
	*pmt = out;
	return 0;
}

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Header before, CRC after the contents p[8..len). */
static int
seal(uint8_t *p, size_t len, uint8_t table_id, unsigned id, uint8_t version)
{
	uint32_t crc;

	p[0] = table_id;
	put16(p + 1, 0xb000 | (unsigned)(len + 4 - 3));
	put16(p + 3, id);
	p[5] = (uint8_t)(0xc1 | (version & 0x1f) << 1);
	p[6] = p[7] = 0;
	crc = psi_crc32(p, len);
	put16(p + len, crc >> 16);
	put16(p + len + 2, crc & 0xffff);
	return (int)len + 4;
}

int
pat_put(const struct pat *pat, uint8_t *p, size_t size)
{
	size_t len = 8;

	if (size < 8 + 4 * (size_t)pat->n + 4)
		return -ENOSPC;
	for (unsigned i = 0; i < pat->n; i++, len += 4) {
		put16(p + len, pat->program[i].program_number);
		put16(p + len + 2, 0xe000 | pat->program[i].pid);
	}
	return seal(p, len, PSI_TABLE_PAT, pat->transport_stream_id,
	    pat->version_number);
}

int
pmt_put(const struct pmt *pmt, uint8_t *p, size_t size)
{
	size_t len = 12;

	if (size > 1024)
		size = 1024;		/* section_length is at most 1021 */
	if (size < len + pmt->desc_len + 4)
		return -ENOSPC;
	put16(p + 8, 0xe000 | pmt->pcr_pid);
	put16(p + 10, 0xf000 | (unsigned)pmt->desc_len);
	if (pmt->desc_len > 0)
		memcpy(p + len, pmt->desc, pmt->desc_len);
	len += pmt->desc_len;
	for (unsigned i = 0; i < pmt->n; i++) {
		const struct pmt_stream *s = &pmt->stream[i];

		if (size < len + 5 + s->desc_len + 4)
			return -ENOSPC;
		p[len] = s->stream_type;
		put16(p + len + 1, 0xe000 | s->pid);
		put16(p + len + 3, 0xf000 | (unsigned)s->desc_len);
		if (s->desc_len > 0)
			memcpy(p + len + 5, s->desc, s->desc_len);
		len += 5 + s->desc_len;
	}
	return seal(p, len, PSI_TABLE_PMT, pmt->program_number,
	    pmt->version_number);
}

int
psi_packetize(const uint8_t *section, size_t len, uint16_t pid, uint8_t *cc,
    uint8_t *p, size_t size)
{
	size_t fill = 0;

	for (size_t pos = 0; pos < len; fill += TS_PACKET) {
		size_t head = pos == 0 ? 5 : 4, n = TS_PACKET - head;
		uint8_t *pkt = p + fill;

		if (size - fill < TS_PACKET)
			return -ENOSPC;
		if (n > len - pos)
			n = len - pos;
		pkt[0] = TS_SYNC;
		put16(pkt + 1, (pos == 0 ? 0x4000u : 0) | pid);
		pkt[3] = (uint8_t)(0x10 | (*cc & 0x0f));
		pkt[4] = 0;		/* pointer_field, or overwritten */
		memcpy(pkt + head, section + pos, n);
		memset(pkt + head + n, 0xff, TS_PACKET - head - n);
		*cc = (*cc + 1) & 0x0f;
		pos += n;
	}
	return (int)fill;
}

const uint8_t *
desc_find(const uint8_t *desc, size_t desc_len, uint8_t tag, size_t *len)
{
	for (size_t i = 0; i + 2 <= desc_len; i += 2 + (size_t)desc[i + 1])
		if (desc[i] == tag && i + 2 + desc[i + 1] <= desc_len) {
			*len = desc[i + 1];
			return desc + i + 2;
		}
	return NULL;
}

int
desc_put(uint8_t *p, size_t size, size_t *fill, uint8_t tag,
    const void *payload, size_t len)
{
	if (len > 255 || size - *fill < 2 + len)
		return -ENOSPC;
	p[*fill] = tag;
	p[*fill + 1] = (uint8_t)len;
	if (len > 0)
		memcpy(p + *fill + 2, payload, len);
	*fill += 2 + len;
	return 0;
}
