#include <errno.h>

#include "lib/media/pes.h"

/* 2.4.3.7: stream_ids whose packets have no header after the length. */
static bool
plain(uint8_t id)
{
	return id == 0xbc || id == 0xbe || id == 0xbf || id == 0xf0 ||
	    id == 0xf1 || id == 0xf2 || id == 0xf8 || id == 0xff;
}

/* 33 bits in five bytes, with marker bits that are not insisted on. */
static int64_t
parse_time(const uint8_t *p)
{
	return (int64_t)(p[0] >> 1 & 0x07) << 30 | (int64_t)p[1] << 22 |
	    (int64_t)(p[2] >> 1) << 15 | (int64_t)p[3] << 7 | p[4] >> 1;
}

int
pes_parse(const uint8_t *p, size_t len, struct pes_header *h)
{
	size_t packet_len;

	if ((len > 0 && p[0] != 0) || (len > 1 && p[1] != 0) ||
	    (len > 2 && p[2] != 1))
		return -EBADMSG;
	if (len < 6)
		return 0;
	*h = (struct pes_header){
		.stream_id = p[3], .pts = PES_NO_TIME, .dts = PES_NO_TIME,
	};
	packet_len = (size_t)p[4] << 8 | p[5];
	if (plain(h->stream_id)) {
		h->header_len = 6;
		h->payload_len = packet_len;
		return 1;
	}
	if (len < 9)
		return 0;
	if ((p[6] & 0xc0) != 0x80)
		return -EBADMSG;	/* MPEG-1 systems, or damage */
	h->header_len = 9 + (size_t)p[8];
	if (packet_len > 0) {
		if (packet_len + 6 < h->header_len)
			return -EBADMSG;
		h->payload_len = packet_len + 6 - h->header_len;
	}
	if (len < h->header_len)
		return 0;
	h->data_alignment = (p[6] & 0x04) != 0;
	if ((p[7] & 0x80) != 0) {
		if (p[8] < 5)
			return -EBADMSG;
		h->pts = h->dts = parse_time(p + 9);
	}
	if ((p[7] & 0xc0) == 0xc0) {
		if (p[8] < 10)
			return -EBADMSG;
		h->dts = parse_time(p + 14);
	}
	return 1;
}

static void
put_time(uint8_t *p, unsigned prefix, int64_t t)
{
	uint64_t v = (uint64_t)t & (PES_WRAP - 1);

	p[0] = (uint8_t)(prefix << 4 | (v >> 30 & 0x07) << 1 | 1);
	p[1] = (uint8_t)(v >> 22);
	p[2] = (uint8_t)((v >> 15 & 0x7f) << 1 | 1);
	p[3] = (uint8_t)(v >> 7);
	p[4] = (uint8_t)((v & 0x7f) << 1 | 1);
}

size_t
pes_put(uint8_t p[static PES_HEADER_MAX], uint8_t stream_id, int64_t pts,
    int64_t dts, size_t payload_len)
{
	bool has_pts = pts != PES_NO_TIME;
	bool has_dts = has_pts && dts != PES_NO_TIME && dts != pts;
	size_t head = 9 + (has_pts ? 5u : 0) + (has_dts ? 5u : 0);
	size_t packet_len = head - 6 + payload_len;

	if (payload_len == 0 || packet_len > 0xffff)
		packet_len = 0;
	p[0] = p[1] = 0;
	p[2] = 1;
	p[3] = stream_id;
	p[4] = (uint8_t)(packet_len >> 8);
	p[5] = (uint8_t)packet_len;
	p[6] = 0x84;			/* data_alignment_indicator */
	p[7] = (uint8_t)((has_pts ? 0x80 : 0) | (has_dts ? 0x40 : 0));
	p[8] = (uint8_t)(head - 9);
	if (has_pts)
		put_time(p + 9, has_dts ? 3 : 2, pts);
	if (has_dts)
		put_time(p + 14, 1, dts);
	return head;
}
