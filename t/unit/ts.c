#include <errno.h>
#include <string.h>

#include "lib/media/ts.h"
#include "t/tap.h"

/* A packet with payload only, filled with the low byte of its pid. */
static uint8_t *
put_packet(uint8_t *p, unsigned pid, unsigned cc)
{
	memset(p, (int)(pid & 0xff), TS_PACKET);
	p[0] = TS_SYNC;
	p[1] = (uint8_t)(pid >> 8);
	p[2] = (uint8_t)pid;
	p[3] = (uint8_t)(0x10 | (cc & 0x0f));
	return p + TS_PACKET;
}

static void
test_fields(void)
{
	uint8_t buf[TS_PACKET];
	struct ts_packet pkt;

	put_packet(buf, 0x123, 5);
	buf[3] |= 0x20;
	memcpy(buf + 4, (uint8_t[]){ 7, 0x50, 0, 0, 0, 1, 0x80, 44 }, 8);
	is(ts_parse(buf, &pkt), 0, "a packet with a PCR is read");
	is(pkt.pid, 0x123, "pid");
	is(pkt.pcr, 3 * 300 + 44, "PCR is base * 300 + extension");
	ok(pkt.random_access && !pkt.discontinuity, "flags of the adaptation field");
	is(pkt.payload - buf, 12, "payload starts after the adaptation field");
	is(pkt.payload_len, 176, "payload is what is left");

	buf[4] = 183;
	is(ts_parse(buf, &pkt), 0, "an adaptation field may fill the packet");
	is(pkt.payload_len, 0, "and then leaves no payload");
	buf[4] = 184;
	is(ts_parse(buf, &pkt), -EBADMSG, "one byte more is damage");
	buf[4] = 255;
	is(ts_parse(buf, &pkt), -EBADMSG, "so is the longest there is");
	buf[3] &= 0x0f;
	is(ts_parse(buf, &pkt), -EBADMSG, "reserved adaptation_field_control");
	put_packet(buf, 0x123, 5);
	buf[1] |= 0x80;
	is(ts_parse(buf, &pkt), -EBADMSG, "transport_error_indicator");
	is(pkt.pid, 0x123, "a damaged packet still says its pid");
}

/* Push buf through a demux in pieces of n bytes; count what comes out. */
static unsigned
packets_in_pieces(struct ts_sync *d, const uint8_t *buf, size_t len, size_t n)
{
	uint8_t window[4 * TS_PACKET + 256];
	size_t have = 0, used;
	unsigned count = 0;
	struct ts_packet pkt;

	ts_sync_init(d);
	while (!d->eof) {
		size_t take = len < n ? len : n;

		memcpy(window + have, buf, take);
		buf += take, len -= take, have += take;
		d->eof = take == 0;
		while (ts_sync_next(d, window, have, &used, &pkt) != 0) {
			count++;
			memmove(window, window + used, have -= used);
		}
		memmove(window, window + used, have -= used);
	}
	return count;
}

static void
test_sync(void)
{
	static uint8_t buf[64 + 10 * TS_PACKET + 7];
	uint8_t *p = buf + 64;
	struct ts_sync d;

	memset(buf, TS_SYNC, 64);	/* junk that looks like sync bytes */
	for (unsigned i = 0; i < 10; i++)
		p = put_packet(p, 0x100, i);
	for (size_t n = 1; n <= 256; n += 15) {
		unsigned got = packets_in_pieces(&d, buf, sizeof(buf), n);

		if (!ok(got == 10 && d.junk_bytes == 64 + 7 && d.lost == 0,
		    "10 packets between junk, read %zu bytes at a time", n))
			printf("# got %u, junk %" PRIu64 ", lost %" PRIu64 "\n", got,
			    d.junk_bytes, d.lost);
	}
	is(packets_in_pieces(&d, buf + 64, TS_PACKET, 100), 1,
	    "one packet with nothing after it is enough");
	is(packets_in_pieces(&d, buf + 64, TS_PACKET - 1, 100), 0,
	    "a packet cut short is not one");
	is(d.junk_bytes, TS_PACKET - 1, "and all of it is junk");
}

/* One stray byte between the third packet and the fourth, and a tail like sync. */
static void
test_sync_loss(void)
{
	uint8_t buf[6 * TS_PACKET + 1 + 11];
	uint8_t *p = buf;
	struct ts_sync d;

	memset(buf, TS_SYNC, sizeof(buf));
	for (unsigned i = 0; i < 6; i++) {
		if (i == 3)
			*p++ = 0;
		p = put_packet(p, 0x100, i);
	}
	is(packets_in_pieces(&d, buf, sizeof(buf), 64), 6, "sync is found again");
	is(d.sync_losses, 1, "the loss is counted");
	is(d.junk_bytes, 1 + 11, "so are the stray byte and the tail");
	is(d.lost, 0, "and no packet is called lost");
}

static void
test_continuity(void)
{
	static const struct { const char *name; uint8_t cc[4]; unsigned lost; } row[] = {
		{ "in order", { 14, 15, 0, 1 }, 0 },
		{ "a packet sent twice is legal", { 3, 3, 4, 5 }, 0 },
		{ "a packet sent three times is not", { 3, 3, 3, 4 }, 1 },
		{ "a gap", { 3, 4, 7, 8 }, 1 },
	};
	uint8_t buf[4 * TS_PACKET];
	struct ts_sync d;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (unsigned j = 0; j < 4; j++)
			put_packet(buf + j * TS_PACKET, 0x30, row[i].cc[j]);
		packets_in_pieces(&d, buf, sizeof(buf), 188);
		is(d.lost, row[i].lost, "continuity: %s", row[i].name);
	}
	put_packet(buf, 0x30, 3);
	put_packet(buf + TS_PACKET, 0x30, 9);
	buf[TS_PACKET + 3] |= 0x20;
	buf[TS_PACKET + 4] = 1;
	buf[TS_PACKET + 5] = 0x80;
	packets_in_pieces(&d, buf, 2 * TS_PACKET, 188);
	is(d.lost, 0, "continuity: an announced discontinuity");
	put_packet(buf, TS_PID_NULL, 3);
	put_packet(buf + TS_PACKET, TS_PID_NULL, 9);
	packets_in_pieces(&d, buf, 2 * TS_PACKET, 188);
	is(d.lost, 0, "continuity: null packets have none");
}

static void
test_probe(void)
{
	static const struct { size_t at, stride, len; bool eof, found; } row[] = {
		{ 0, 188, 753, false, true }, { 0, 188, 752, false, false },
		{ 7, 188, 1000, false, true }, { 4, 192, 773, false, true },
		{ 0, 204, 817, false, true }, { 0, 204, 816, false, false },
		{ 0, 188, 500, true, true }, { 4, 192, 384, true, true },
		{ 0, 188, 187, true, false }, { 300, 188, 600, true, false },
	};
	uint8_t buf[1024];
	size_t at, stride;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		bool found;

		memset(buf, 0, sizeof(buf));
		for (size_t j = row[i].at; j < row[i].len; j += row[i].stride)
			buf[j] = TS_SYNC;
		found = ts_probe(buf, row[i].len, row[i].eof, &at, &stride);
		ok(found == row[i].found && (!found || (at == row[i].at &&
		    stride == row[i].stride)), "probe: %zu from %zu on, %zu bytes%s",
		    row[i].stride, row[i].at, row[i].len, row[i].eof ? ", all" : "");
	}
}

/* The same counter twice: a repeat has the same payload, another packet has not. */
static void
test_repeats(void)
{
	static struct ts_sync d;
	uint8_t p[4][TS_PACKET] = { { 0x47, 0x01, 0x00, 0x15 } };
	struct ts_packet pkt;
	size_t used;

	for (unsigned i = 1; i < 4; i++)
		memcpy(p[i], p[0], TS_PACKET);
	p[2][4] = 1;				/* joined to another recording */
	p[3][3] = 0x16;
	ts_sync_init(&d);
	is(ts_sync_next(&d, p[0], sizeof(p), &used, &pkt), 1, "a packet");
	ts_sync_next(&d, p[1], 3 * TS_PACKET, &used, &pkt);
	ok(pkt.duplicate && !pkt.lost, "its repeat");
	ts_sync_next(&d, p[2], 2 * TS_PACKET, &used, &pkt);
	ok(!pkt.duplicate && pkt.lost, "its counter with another payload");
	ts_sync_init(&d);
	ts_sync_next(&d, p[1], 3 * TS_PACKET, &used, &pkt);
	ts_sync_next(&d, p[2], 2 * TS_PACKET, &used, &pkt);
	ok(!pkt.duplicate && pkt.lost, "without a repeat between them, too");
}

int
main(void)
{
	test_fields();
	test_sync();
	test_sync_loss();
	test_continuity();
	test_probe();
	test_repeats();
	return done_testing();
}
