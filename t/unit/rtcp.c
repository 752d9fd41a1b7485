/* Control packets: written by hand from RFC 3550 section 6, round trip, all prefixes. */
#include <errno.h>
#include <string.h>

#include "lib/net/rtcp.h"
#include "t/tap.h"

/* SR with a block, SDES with CNAME and TOOL for two sources, feedback, BYE. */
static const uint8_t compound[] = {
	0x81, 200, 0, 12, 0x11, 0x22, 0x33, 0x44,
	0xe9, 0x01, 0x02, 0x03, 0x80, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 5, 0, 0, 0x10, 0,
	0xaa, 0xbb, 0xcc, 0xdd, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 9, 0, 0, 0, 7,
	1, 2, 3, 4, 0, 1, 0, 0,
	0x82, 202, 0, 7, 0x11, 0x22, 0x33, 0x44, 1, 5, 'a', '@', 'b', '.', 'c', 0,
	0x55, 0x66, 0x77, 0x88, 6, 2, 'x', 'y', 1, 2, 'h', 'i', 0, 0, 0, 0,
	0x81, 205, 0, 3, 1, 1, 1, 1, 2, 2, 2, 2, 0, 100, 0, 5,
	0x81, 203, 0, 3, 0x11, 0x22, 0x33, 0x44, 4, 'd', 'o', 'n', 'e', 0, 0, 0,
};

static void
test_parse(void)
{
	struct rtcp_packet pkt;
	struct rtcp_report r;
	const char *text;
	uint32_t ssrc;
	size_t pos = 0, len;

	is(rtcp_check(compound, sizeof(compound)), 0, "a compound is whole");
	is(rtcp_next(compound, sizeof(compound), &pos, &pkt), 1, "its first packet");
	is(rtcp_parse_report(&pkt, &r), 0, "is a report");
	ok(r.sender && r.ssrc == 0x11223344 && r.ntp == 0xe901020380000000 &&
	    r.timestamp == 0x10002 && r.packets == 5 && r.octets == 4096,
	    "with the numbers of the sender");
	ok(r.nblock == 1 && r.block[0].ssrc == 0xaabbccdd &&
	    r.block[0].fraction_lost == 64 && r.block[0].highest_seq == 0x10009 &&
	    r.block[0].jitter == 7 && r.block[0].last_sr == 0x01020304 &&
	    r.block[0].delay_since_sr == 65536, "and a block of a receiver");
	is(r.block[0].cumulative_lost, -2, "duplicates make the loss negative");
	is(rtcp_next(compound, sizeof(compound), &pos, &pkt), 1, "the second");
	is(rtcp_find_item(&pkt, RTCP_CNAME, &ssrc, &text, &len), 0, "has a name");
	ok(ssrc == 0x11223344 && len == 5 && memcmp(text, "a@b.c", 5) == 0, "the first");
	is(rtcp_find_item(&pkt, RTCP_TOOL, &ssrc, &text, &len), 0, "has a tool");
	ok(ssrc == 0x55667788 && len == 2 && memcmp(text, "xy", 2) == 0, "of another");
	is(rtcp_find_item(&pkt, RTCP_NAME, &ssrc, &text, &len), -ENOENT, "and no more");
	is(rtcp_parse_report(&pkt, &r), -EBADMSG, "and is no report");
	is(rtcp_next(compound, sizeof(compound), &pos, &pkt), 1, "the third");
	ok(pkt.type == RTCP_RTPFB && pkt.count == 1 && pkt.len == 12, "is feedback");
	is(rtcp_next(compound, sizeof(compound), &pos, &pkt), 1, "the fourth");
	is(rtcp_bye_source(&pkt, 0, &ssrc), 0, "is a farewell");
	is(ssrc, 0x11223344, "of the first source");
	is(rtcp_bye_source(&pkt, 1, &ssrc), -EBADMSG, "and of no other");
	is(rtcp_next(compound, sizeof(compound), &pos, &pkt), 0, "no fifth");
}

static void
test_items(void)
{
	static const uint8_t endless[] = { 0x81, 202, 0, 2, 1, 1, 1, 1, 2, 2, 'x', 'y' };
	static const uint8_t beyond[] = { 0x81, 202, 0, 2, 1, 1, 1, 1, 1, 9, 'x', 'y' };
	static const uint8_t fewer[] = { 0x82, 202, 0, 2, 1, 1, 1, 1, 0, 0, 0, 0 };
	static const struct {
		const uint8_t *p;
		const char *what;
	} bad[] = {
		{ endless, "items without an end" }, { beyond, "an item beyond the packet" },
		{ fewer, "fewer sources than it says" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rtcp_packet pkt;
		const char *text;
		uint32_t ssrc;
		size_t pos = 0, len;

		rtcp_next(bad[i].p, 12, &pos, &pkt);
		is(rtcp_find_item(&pkt, RTCP_CNAME, &ssrc, &text, &len), -EBADMSG, "%s",
		    bad[i].what);
	}
}

static void
test_damage(void)
{
	static const size_t whole[] = { 52, 84, 100, 116 };
	uint8_t p[sizeof(compound)];
	unsigned bad = 0, good = 0;

	for (size_t n = 0; n < sizeof(compound); n++)
		bad += rtcp_check(compound, n) == -EBADMSG;
	for (size_t i = 0; i < 4; i++)
		good += rtcp_check(compound, whole[i]) == 0;
	is(good, 4, "what ends with a packet is whole");
	is(bad, sizeof(compound) - 3, "no other beginning of it is");
	memcpy(p, compound, sizeof(p));
	p[0] = 0x41;
	is(rtcp_check(p, sizeof(p)), -EBADMSG, "version 1");
	p[0] = 0xa1;
	p[51] = 4;
	is(rtcp_check(p, sizeof(p)), -EBADMSG, "padding of what is not the last");
	p[0] = 0x81;
	p[1] = RTCP_SDES;
	is(rtcp_check(p, sizeof(p)), -EBADMSG, "no report comes first");
	p[1] = RTCP_SR;
	p[100] = 0xa1;
	p[115] = 4;
	is(rtcp_check(p, sizeof(p)), 0, "padding of the last");
	p[115] = 3;
	is(rtcp_check(p, sizeof(p)), -EBADMSG, "but in whole words");
	p[115] = 16;
	is(rtcp_check(p, sizeof(p)), -EBADMSG, "and of what there is");
}

static void
test_put(void)
{
	static struct rtcp_report w, r;
	struct rtcp_packet pkt;
	uint8_t p[2048];
	const char *text;
	char name[300];
	uint32_t ssrc;
	size_t pos = 0, len;
	int n, at;

	w.ssrc = 7;
	w.sender = true;
	w.ntp = 0x0123456789abcdef;
	w.timestamp = 90000;
	w.packets = 3;
	w.octets = 4;
	w.nblock = RTCP_BLOCKS;
	for (unsigned i = 0; i < RTCP_BLOCKS; i++)
		w.block[i] = (struct rtcp_block){ .ssrc = i, .fraction_lost = (uint8_t)i,
		    .cumulative_lost = (int32_t)i - 15, .highest_seq = i << 16, .jitter = i,
		    .last_sr = i + 1, .delay_since_sr = i + 2 };
	n = rtcp_put_report(p, sizeof(p), &w);
	is(n, 28 + 31 * 24, "a report with all blocks there can be");
	at = rtcp_put_cname(p + n, sizeof(p) - (size_t)n, 7, "relay@example");
	is(at, 4 + 4 + 2 + 13 + 1, "and a name");
	n += at;
	at = rtcp_put_bye(p + n, sizeof(p) - (size_t)n, 7, "maintenance");
	is(at, 4 + 4 + 12, "and a farewell");
	n += at;
	is(rtcp_check(p, (size_t)n), 0, "are a compound");
	is(rtcp_next(p, (size_t)n, &pos, &pkt), 1, "that is read");
	is(rtcp_parse_report(&pkt, &r), 0, "its report");
	ok(memcmp(&r, &w, sizeof(r)) == 0, "is the same");
	rtcp_next(p, (size_t)n, &pos, &pkt);
	is(rtcp_find_item(&pkt, RTCP_CNAME, &ssrc, &text, &len), 0, "the name");
	ok(ssrc == 7 && len == 13 && memcmp(text, "relay@example", 13) == 0, "as well");
	for (size_t i = 1; i < 256; i++) {
		memset(name, 'n', i);
		name[i] = '\0';
		n = rtcp_put_report(p, sizeof(p), &(struct rtcp_report){ .ssrc = 1 });
		n += rtcp_put_cname(p + n, sizeof(p) - (size_t)n, 1, name);
		n += rtcp_put_bye(p + n, sizeof(p) - (size_t)n, 1, name);
		pos = 8;
		if (rtcp_check(p, (size_t)n) < 0 || rtcp_next(p, (size_t)n, &pos, &pkt) != 1 ||
		    rtcp_find_item(&pkt, RTCP_CNAME, &ssrc, &text, &len) < 0 || len != i)
			ok(false, "a name of %zu bytes", i);
	}
	memset(name, 'n', 256);
	name[256] = '\0';
	is(rtcp_put_cname(p, sizeof(p), 1, name), -EINVAL, "a name of 256 is too long");
	is(rtcp_put_cname(p, sizeof(p), 1, ""), -EINVAL, "none is too short");
	is(rtcp_put_bye(p, 7, 1, NULL), -ENOSPC, "seven bytes are too few");
	is(rtcp_put_bye(p, 8, 1, NULL), 8, "eight are enough without a reason");
	w.nblock = 1;
	w.sender = false;
	w.block[0].cumulative_lost = -0x900000;
	rtcp_put_report(p, sizeof(p), &w);
	pos = 0;
	rtcp_next(p, 32, &pos, &pkt);
	rtcp_parse_report(&pkt, &r);
	is(r.block[0].cumulative_lost, -0x800000, "a loss is cut to 24 bits");
}

int
main(void)
{
	test_parse();
	test_items();
	test_damage();
	test_put();
	return done_testing();
}
