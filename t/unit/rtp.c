#include <errno.h>
#include <string.h>

#include "lib/net/rtp.h"
#include "t/tap.h"

#define MS INT64_C(1000000)

static void
test_header(void)
{
	uint8_t p[64] = { 0x80, 0xa1, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 'G' };
	struct rtp_packet pkt;

	is(rtp_parse(p, 20, &pkt), 0, "a plain packet is read");
	ok(pkt.type == 33 && pkt.marker && pkt.seq == 0x1234 &&
	    pkt.timestamp == 0x01020304 && pkt.ssrc == 0x05060708, "with its fields");
	ok(pkt.payload == p + 12 && pkt.payload_len == 8, "and its payload");
	is(rtp_parse(p, 11, &pkt), -EBADMSG, "too short");
	p[0] = 0x40;
	is(rtp_parse(p, 20, &pkt), -EBADMSG, "version 1");
	p[0] = 0x82;
	is(rtp_parse(p, 20, &pkt), 0, "two sources contribute");
	is(pkt.payload - p, 20, "their names are no payload");
	is(rtp_parse(p, 19, &pkt), -EBADMSG, "and must be there");
	p[0] = 0x90;
	p[15] = 2;
	is(rtp_parse(p, 30, &pkt), 0, "an extension of two words");
	ok(pkt.payload - p == 24 && pkt.payload_len == 6, "is no payload");
	is(rtp_parse(p, 23, &pkt), -EBADMSG, "and must be there");
	is(rtp_parse(p, 15, &pkt), -EBADMSG, "and its length as well");
	p[0] = 0xa0;
	p[29] = 5;
	is(rtp_parse(p, 30, &pkt), 0, "padding of five bytes");
	is(pkt.payload_len, 13, "is no payload");
	p[29] = 0;
	is(rtp_parse(p, 30, &pkt), -EBADMSG, "padding of nothing");
	p[29] = 19;
	is(rtp_parse(p, 30, &pkt), -EBADMSG, "padding of more than there is");
	p[29] = 18;
	is(rtp_parse(p, 30, &pkt), 0, "padding of all there is");
	is(pkt.payload_len, 0, "leaves nothing");
}

/* What is written is read as it was; what cannot be is refused. */
static void
test_put(void)
{
	static const uint8_t csrc[60] = { 1, 2, 3, 4, 5 }, ext[8] = { 7, 8, 9 };
	uint8_t body[100], p[256];
	struct rtp_packet r, w = {
		.type = 96, .marker = true, .seq = 65535, .timestamp = 0xfedcba98,
		.ssrc = 0x80000001, .ncsrc = 2, .csrc = csrc, .ext = ext, .ext_len = 8,
		.ext_profile = 0x5249, .payload = body, .payload_len = sizeof(body),
		.padding = 4,
	};

	memset(body, 'b', sizeof(body));
	is(rtp_put(p, sizeof(p), &w), 12 + 8 + 12 + 100 + 4, "all parts are written");
	is(rtp_parse(p, 136, &r), 0, "and read");
	ok(r.type == 96 && r.marker && r.seq == 65535 && r.timestamp == 0xfedcba98 &&
	    r.ssrc == 0x80000001, "the header is the same");
	ok(r.ncsrc == 2 && memcmp(r.csrc, csrc, 8) == 0, "and the sources");
	ok(r.ext_len == 8 && r.ext_profile == 0x5249 && memcmp(r.ext, ext, 8) == 0,
	    "and the extension");
	ok(r.payload_len == 100 && memcmp(r.payload, body, 100) == 0 && r.padding == 4,
	    "and the payload");
	for (size_t n = 0; n < 136; n++)
		if (rtp_put(p, n, &w) != -ENOSPC)
			ok(false, "%zu bytes are too few", n);
	w.padding = 256;
	is(rtp_put(p, sizeof(p), &w), -EINVAL, "padding is counted in a byte");
	w.padding = 0;
	w.ext_len = 6;
	is(rtp_put(p, sizeof(p), &w), -EINVAL, "an extension is of whole words");
	w.ext_len = 0;
	w.ncsrc = 16;
	is(rtp_put(p, sizeof(p), &w), -EINVAL, "there are fifteen sources at most");
	w.ncsrc = 0;
	w.payload_len = 0;
	is(rtp_put(p, sizeof(p), &w), 16, "an empty extension, and nothing behind it");
	ok(rtp_parse(p, 16, &r) == 0 && r.ext != NULL && r.ext_len == 0, "is read");
}

static void
test_ts(void)
{
	uint8_t body[14 * 188] = { 0 };
	struct rtp_packet r = { .payload = body };
	size_t stride = 0;

	for (size_t i = 0; i < sizeof(body); i += 188)
		body[i] = 0x47;
	for (unsigned n = 1; n <= 14; n++) {
		r.payload_len = n * 188;
		if (rtp_ts_packets(&r, &stride) != n || stride != 188)
			ok(false, "%u transport packets", n);
	}
	r.payload_len = 0;
	is(rtp_ts_packets(&r, &stride), 0, "nothing is no transport stream");
	r.payload_len = 1315;
	is(rtp_ts_packets(&r, &stride), 0, "nor is a piece of one");
	r.payload_len = 1316;
	body[188] = 0x48;
	is(rtp_ts_packets(&r, &stride), 0, "nor what has lost its sync");
	r.payload_len = 5 * 204;
	for (size_t i = 0; i < sizeof(body); i += 204)
		body[i] = 0x47;
	is(rtp_ts_packets(&r, &stride), 5, "with room for parity");
	is(stride, 204, "it is 204 bytes from one to the next");
}

/* Push numbers at 1 ms each, note what comes out, as text. */
static void
run(struct rtp_order *o, const int *seq, size_t n, uint32_t ssrc, char *out)
{
	static int64_t now;
	const uint8_t *data;
	size_t len;
	int64_t arrival;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)seq[i];
		struct rtp_packet pkt = {
			.seq = (uint16_t)seq[i], .ssrc = ssrc, .payload = &byte,
			.payload_len = 1,
		};
		int r = rtp_order_push(o, &pkt, now += MS);

		if (r == RTP_NOW)
			out += sprintf(out, "%u ", byte);
		if (r == RTP_RESTART)
			out += sprintf(out, "| ");
		while (rtp_order_pop(o, now, &data, &len, &arrival))
			out += sprintf(out, "%u ", data[0]);
	}
	*out = '\0';
}

static const struct {
	const char *what, *want;
	size_t n;
	int seq[24];
	unsigned lost, duplicates, late, reordered;
} orders[] = {
	{ "in order", "1 2 3 4 ", 4, { 1, 2, 3, 4 }, 0, 0, 0, 0 },
	{ "two exchanged", "1 2 3 4 ", 4, { 1, 3, 2, 4 }, 0, 0, 0, 1 },
	{ "three backwards", "1 2 3 4 5 ", 5, { 1, 4, 3, 2, 5 }, 0, 0, 0, 2 },
	{ "all twice", "1 2 3 ", 6, { 1, 1, 2, 2, 3, 3 }, 0, 3, 0, 0 },
	{ "one twice while it waits", "1 2 3 ", 4, { 1, 3, 3, 2 }, 0, 1, 0, 1 },
	{ "one lost, and given up after the window", "1 3 4 5 6 7 8 9 10 11 12 13 14 ",
	    13, { 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 }, 1, 0, 0, 0 },
	{ "and comes too late", "1 3 4 5 6 7 8 9 10 11 12 13 14 15 ",
	    15, { 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 2, 15 }, 1, 0, 1, 0 },
	{ "over the end of the numbers", "254 255 0 1 ", 4,
	    { 65534, 0, 65535, 1 }, 0, 0, 0, 1 },
	{ "one from far away", "1 2 3 ", 4, { 1, 2, 20000, 3 }, 0, 0, 0, 0 },
	{ "two from far away are a new start", "1 2 | 32 33 34 ", 5,
	    { 1, 2, 20000, 20001, 20002 }, 0, 0, 0, 0 },
	{ "a start over at 0", "100 101 | 0 1 2 ", 5, { 5220, 5221, 0, 1, 2 }, 0, 0, 0, 0 },
};

int
main(void)
{
	struct rtp_order o;
	char out[256];

	test_header();
	test_put();
	test_ts();
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		rtp_order_init(&o, 10 * MS);
		run(&o, orders[i].seq, orders[i].n, 7, out);
		ok(strcmp(out, orders[i].want) == 0, "%s: '%s'", orders[i].what, out);
		ok(o.lost == orders[i].lost && o.duplicates == orders[i].duplicates &&
		    o.late == orders[i].late && o.reordered == orders[i].reordered,
		    "counted: lost %u, duplicates %u, late %u, reordered %u",
		    (unsigned)o.lost, (unsigned)o.duplicates, (unsigned)o.late,
		    (unsigned)o.reordered);
		rtp_order_free(&o);
	}
	rtp_order_init(&o, 10 * MS);
	run(&o, (int[]){ 1, 2, 4 }, 3, 7, out);
	run(&o, (int[]){ 3, 4 }, 2, 8, out);
	ok(strcmp(out, "| 3 4 ") == 0, "another source is a new start: '%s'", out);
	is(o.lost, 1, "what was held of the old one is lost");
	rtp_order_free(&o);
	return done_testing();
}
