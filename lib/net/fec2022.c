#include <errno.h>
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/rtp.h"

/* What a compiler makes of this is as wide as the machine. */
typedef uint64_t wide __attribute__((vector_size(32)));

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static uint64_t
pack(unsigned flags, unsigned type, unsigned len, uint32_t timestamp)
{
	return (uint64_t)(flags & 0x3f) << 56 | (uint64_t)type << 48 | (uint64_t)len << 32 |
	    timestamp;
}

uint64_t
fec_sum(const uint8_t *p, size_t len)
{
	return pack(p[0], p[1], (unsigned)(len - RTP_HEADER) & 0xffff, get32(p + 4));
}

/*
 * The flags in the RTP header are a part of the sum, and say nothing of this packet: it
 * never has sources, an extension or padding.
 */
int
fec_parse(const uint8_t *p, size_t len, struct fec_packet *f)
{
	struct fec_packet r;

	if (len < FEC_HEADERS || p[0] >> 6 != 2)
		return -EBADMSG;
	r = (struct fec_packet){
		.row = (p[24] & 0x40) != 0, .base = (uint16_t)(p[12] << 8 | p[13]),
		.offset = p[25], .count = p[26],
		.sum = pack(p[0], (p[1] & 0x80u) | (p[16] & 0x7fu),
		    (unsigned)(p[14] << 8 | p[15]), get32(p + 20)),
		.data = p + FEC_HEADERS, .len = len - FEC_HEADERS,
		.seq = (uint16_t)(p[2] << 8 | p[3]), .timestamp = get32(p + 4),
		.ssrc = get32(p + 8), .type = p[1] & 0x7f,
	};
	/* N, type, index; the mask of RFC 2733. */
	if ((p[24] & 0xbf) != 0 || p[17] != 0 || p[18] != 0 || p[19] != 0)
		return -ENOTSUP;
	if (r.offset == 0 || r.count == 0 || (r.row && r.offset != 1))
		return -EBADMSG;
	*f = r;
	return 0;
}

int
fec_put(uint8_t p[static FEC_HEADERS], const struct fec_packet *f)
{
	memset(p, 0, FEC_HEADERS);
	p[0] = (uint8_t)(0x80 | f->sum >> 56);
	p[1] = (uint8_t)((f->sum >> 48 & 0x80) | f->type);
	p[2] = (uint8_t)(f->seq >> 8);
	p[3] = (uint8_t)f->seq;
	put32(p + 4, f->timestamp);
	put32(p + 8, f->ssrc);
	p[12] = (uint8_t)(f->base >> 8);
	p[13] = (uint8_t)f->base;
	p[14] = (uint8_t)(f->sum >> 40);
	p[15] = (uint8_t)(f->sum >> 32);
	p[16] = (uint8_t)(0x80 | (f->sum >> 48 & 0x7f));	/* E: as RFC 2733 extended */
	put32(p + 20, (uint32_t)f->sum);
	p[24] = f->row ? 0x40 : 0;
	p[25] = f->offset;
	p[26] = f->count;
	return FEC_HEADERS;
}

int
fec_check_matrix(unsigned l, unsigned d, bool rows)
{
	return l >= (rows ? 4 : 1) && l <= FEC_L_MAX && d >= FEC_D_MIN && d <= FEC_D_MAX &&
	    l * d <= FEC_MATRIX_MAX ? 0 : -EINVAL;
}

void
fec_xor(uint8_t *restrict dst, const uint8_t *restrict src, size_t len)
{
	wide a, b;

	for (; len >= sizeof(wide); len -= sizeof(wide)) {
		memcpy(&a, dst, sizeof(a));
		memcpy(&b, src, sizeof(b));
		a ^= b;
		memcpy(dst, &a, sizeof(a));
		dst += sizeof(wide);
		src += sizeof(wide);
	}
	while (len-- > 0)
		*dst++ ^= *src++;
}
