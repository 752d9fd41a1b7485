/*
 * One datagram: what is read stays inside, reports are the same when written again, and
 * the same bytes as RTP headers of six bytes each make numbers that never repeat wrongly.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/net/rtpstat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
read_compound(const uint8_t *p, size_t len)
{
	static struct rtcp_report r, again;
	struct rtcp_packet pkt, pkt2;
	uint8_t buf[1024];
	const char *text;
	uint32_t ssrc;
	size_t pos = 0, n;
	int got;

	while (rtcp_next(p, len, &pos, &pkt) == 1) {
		if (pkt.body < p || pkt.body + pkt.len > p + len)
			abort();
		if (rtcp_find_item(&pkt, RTCP_CNAME, &ssrc, &text, &n) == 0 &&
		    ((const uint8_t *)text < pkt.body ||
		    (const uint8_t *)text + n > pkt.body + pkt.len))
			abort();
		for (unsigned i = 0; i < pkt.count; i++)
			rtcp_bye_source(&pkt, i, &ssrc);
		if (rtcp_parse_report(&pkt, &r) < 0)
			continue;
		got = rtcp_put_report(buf, sizeof(buf), &r);
		n = 0;
		if (got < 0 || rtcp_next(buf, (size_t)got, &n, &pkt2) != 1 ||
		    rtcp_parse_report(&pkt2, &again) < 0 ||
		    memcmp(&again, &r, sizeof(r)) != 0)
			abort();
	}
}

static void
count(const uint8_t *p, size_t len)
{
	struct rtp_stat *s = malloc(sizeof(*s));
	struct rtcp_block b;
	struct rtp_ext x;
	uint64_t seq, newest = 0;

	if (s == NULL)
		abort();
	rtp_ext_init(&x, RTP_DROPOUT, len % 2 == 0);
	rtp_stat_init(s, 90000);
	for (; len >= 6; p += 6, len -= 6) {
		const struct rtp_packet pkt = { .seq = (uint16_t)(p[0] << 8 | p[1]),
		    .timestamp = (uint32_t)p[2] << 24 | p[3], .ssrc = p[4] };
		enum rtp_ext_result r = rtp_ext_add(&x, &pkt, &seq);

		if (r == RTP_EXT_DOUBT)
			continue;
		if ((uint16_t)seq != pkt.seq || x.newest < newest || seq > x.newest ||
		    (r >= RTP_EXT_JUMP && seq <= newest))
			abort();
		newest = x.newest;
		rtp_stat_add(s, seq, pkt.timestamp, p[5] * INT64_C(10000000));
		if (rtp_stat_lost(s) > s->newest - s->first)
			abort();
	}
	rtp_stat_report(s, 1, 1, &b);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *exact = calloc(1, len > 0 ? len : 1);

	if (exact == NULL)
		abort();
	if (len > 0)
		memcpy(exact, data, len);
	if (rtcp_check(exact, len) == 0 && len < 8)
		abort();
	read_compound(exact, len);
	count(exact, len);
	free(exact);
	return 0;
}
