#include <errno.h>
#include <string.h>

#include "lib/net/rtcp.h"

#define WORD		4
#define BLOCK		24
#define SENDER		20u		/* of a sender's own numbers */

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

/* ---- the frame */

int
rtcp_next(const uint8_t *p, size_t len, size_t *pos, struct rtcp_packet *pkt)
{
	size_t left = len - *pos, words, padding = 0;

	p += *pos;
	if (left == 0)
		return 0;
	if (left < WORD || p[0] >> 6 != 2)
		return -EBADMSG;
	words = (size_t)(p[2] << 8 | p[3]);
	if (WORD + words * WORD > left)
		return -EBADMSG;
	if ((p[0] & 0x20) != 0) {
		/* Only behind the last packet, and in whole words. */
		padding = words > 0 ? p[words * WORD + WORD - 1] : 0;
		if (WORD + words * WORD != left || padding == 0 || padding % WORD != 0 ||
		    padding > words * WORD)
			return -EBADMSG;
	}
	*pkt = (struct rtcp_packet){ .type = p[1], .count = p[0] & 0x1f,
	    .body = p + WORD, .len = words * WORD - padding };
	*pos += WORD + words * WORD;
	return 1;
}

int
rtcp_check(const uint8_t *p, size_t len)
{
	struct rtcp_packet pkt;
	size_t pos = 0;
	int r;

	if (len < 2 * WORD || (p[1] != RTCP_SR && p[1] != RTCP_RR))
		return -EBADMSG;
	while ((r = rtcp_next(p, len, &pos, &pkt)) == 1)
		;
	return r;
}

static int
put_head(uint8_t *p, size_t size, enum rtcp_type type, unsigned count, size_t len)
{
	if (len > size)
		return -ENOSPC;
	p[0] = (uint8_t)(0x80 | count);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)((len / WORD - 1) >> 8);
	p[3] = (uint8_t)(len / WORD - 1);
	return (int)len;
}

/* ---- reports */

int
rtcp_parse_report(const struct rtcp_packet *pkt, struct rtcp_report *r)
{
	const uint8_t *p = pkt->body;
	bool sender = pkt->type == RTCP_SR;

	if ((!sender && pkt->type != RTCP_RR) ||
	    pkt->len < WORD + (sender ? SENDER : 0) + (size_t)pkt->count * BLOCK)
		return -EBADMSG;
	*r = (struct rtcp_report){ .ssrc = get32(p), .sender = sender,
	    .nblock = pkt->count };
	p += WORD;
	if (sender) {
		r->ntp = (uint64_t)get32(p) << 32 | get32(p + 4);
		r->timestamp = get32(p + 8);
		r->packets = get32(p + 12);
		r->octets = get32(p + 16);
		p += SENDER;
	}
	for (unsigned i = 0; i < pkt->count; i++, p += BLOCK) {
		uint32_t lost = get32(p + 4) & 0xffffff;

		r->block[i] = (struct rtcp_block){
			.ssrc = get32(p), .fraction_lost = p[4],
			.cumulative_lost = (int32_t)(lost ^ 0x800000) - 0x800000,
			.highest_seq = get32(p + 8), .jitter = get32(p + 12),
			.last_sr = get32(p + 16), .delay_since_sr = get32(p + 20),
		};
	}
	return 0;
}

int
rtcp_put_report(uint8_t *p, size_t size, const struct rtcp_report *r)
{
	int len;

	if (r->nblock > RTCP_BLOCKS)
		return -EINVAL;
	len = put_head(p, size, r->sender ? RTCP_SR : RTCP_RR, r->nblock,
	    2 * WORD + (r->sender ? SENDER : 0) + (size_t)r->nblock * BLOCK);
	if (len < 0)
		return len;
	put32(p + 4, r->ssrc);
	p += 8;
	if (r->sender) {
		put32(p, (uint32_t)(r->ntp >> 32));
		put32(p + 4, (uint32_t)r->ntp);
		put32(p + 8, r->timestamp);
		put32(p + 12, r->packets);
		put32(p + 16, r->octets);
		p += SENDER;
	}
	for (unsigned i = 0; i < r->nblock; i++, p += BLOCK) {
		const struct rtcp_block *b = &r->block[i];
		int32_t lost = b->cumulative_lost;

		lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
		put32(p, b->ssrc);
		put32(p + 4, (uint32_t)b->fraction_lost << 24 | ((uint32_t)lost & 0xffffff));
		put32(p + 8, b->highest_seq);
		put32(p + 12, b->jitter);
		put32(p + 16, b->last_sr);
		put32(p + 20, b->delay_since_sr);
	}
	return len;
}

/* ---- names and farewells */

int
rtcp_find_item(const struct rtcp_packet *pkt, enum rtcp_item item, uint32_t *ssrc,
    const char **text, size_t *len)
{
	const uint8_t *p = pkt->body;
	size_t pos = 0;

	if (pkt->type != RTCP_SDES)
		return -EBADMSG;
	for (unsigned i = 0; i < pkt->count; i++) {
		size_t chunk = pos;

		if (pos + WORD > pkt->len)
			return -EBADMSG;
		pos += WORD;
		while (pos < pkt->len && p[pos] != 0) {
			if (pos + 2 > pkt->len || pos + 2 + p[pos + 1] > pkt->len)
				return -EBADMSG;
			if (p[pos] == item) {
				*ssrc = get32(p + chunk);
				*text = (const char *)p + pos + 2;
				*len = p[pos + 1];
				return 0;
			}
			pos += 2 + (size_t)p[pos + 1];
		}
		if (pos == pkt->len)		/* no end of the list */
			return -EBADMSG;
		pos = pos / WORD * WORD + WORD;
	}
	return -ENOENT;
}

int
rtcp_put_cname(uint8_t *p, size_t size, uint32_t ssrc, const char *cname)
{
	size_t n = strnlen(cname, UINT8_MAX + 1);
	int len;

	if (n == 0 || n > UINT8_MAX)
		return -EINVAL;
	/* At least one byte of 0 ends the items. */
	len = put_head(p, size, RTCP_SDES, 1, 2 * WORD + (2 + n) / WORD * WORD + WORD);
	if (len < 0)
		return len;
	memset(p + 4, 0, (size_t)len - 4);
	put32(p + 4, ssrc);
	p[8] = RTCP_CNAME;
	p[9] = (uint8_t)n;
	memcpy(p + 10, cname, n);
	return len;
}

int
rtcp_bye_source(const struct rtcp_packet *pkt, unsigned i, uint32_t *ssrc)
{
	if (pkt->type != RTCP_BYE || i >= pkt->count ||
	    pkt->len < (size_t)pkt->count * WORD)
		return -EBADMSG;
	*ssrc = get32(pkt->body + (size_t)i * WORD);
	return 0;
}

int
rtcp_put_bye(uint8_t *p, size_t size, uint32_t ssrc, const char *reason)
{
	size_t n = reason != NULL ? strnlen(reason, UINT8_MAX + 1) : 0;
	int len;

	if (n > UINT8_MAX)
		return -EINVAL;
	len = put_head(p, size, RTCP_BYE, 1,
	    2 * WORD + (n > 0 ? (1 + n + WORD - 1) / WORD * WORD : 0));
	if (len < 0)
		return len;
	memset(p + 4, 0, (size_t)len - 4);
	put32(p + 4, ssrc);
	if (n > 0) {
		p[8] = (uint8_t)n;
		memcpy(p + 9, reason, n);
	}
	return len;
}
