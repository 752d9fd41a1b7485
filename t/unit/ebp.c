#include <errno.h>
#include <string.h>

#include "lib/media/ebp.h"
#include "t/tap.h"

int
main(void)
{
	/* With partition, SAP, two grouping ids and time; then a foreign tag. */
	static const uint8_t full[] = {
		0xdf, 17, 'E', 'B', 'P', '0', 0xfb, 0x80, 0x3f, 0x82, 0x01,
		1, 2, 3, 4, 5, 6, 7, 8, 0x55, 1, 0,
	};
	struct ebp in = { .segment = true, .sap_type = 1, .has_time = true,
	    .ntp = UINT64_C(0xe9d1a2b3c4d5e6f7) }, out;
	uint8_t p[EBP_MAX], pkt[TS_PACKET];
	struct ts_packet t;
	size_t len = ebp_put(p, &in);

	is(len, 16, "length with SAP and time");
	is(ebp_parse(p, len, &out), 0, "put, then parse");
	ok(out.segment && !out.fragment && out.sap_type == 1 && out.has_time &&
	    out.ntp == in.ntp, "the fields come back");
	for (size_t i = 0; i < len; i++)
		if (ebp_parse(p, i, &out) == 0)
			ok(false, "cut to %zu bytes", i);
	is(ebp_parse(full, sizeof(full), &out), 0, "all optional fields");
	ok(out.fragment && out.segment && out.sap_type == 1 &&
	    out.ntp == UINT64_C(0x0102030405060708), "are skipped or read");
	is(ebp_parse((uint8_t[]){ 0x55, 2, 1, 2 }, 4, &out), -ENOENT,
	    "other private data");

	ebp_clock_put(pkt, true, 99);
	is(ts_parse(pkt, &t), 0, "a clock packet is a packet");
	is(t.pid, EBP_CLOCK_PID, "of its PID");
	ok(t.payload == NULL && t.priv != NULL, "without payload");
	is(ebp_parse(t.priv, t.priv_len, &out), 0, "with an EBP");
	ok(out.has_time && out.ntp == 99 && !out.segment, "that has the time");
	ebp_clock_put(pkt, false, 0);
	ts_parse(pkt, &t);
	is(ebp_parse(t.priv, t.priv_len, &out), 0, "one that is not live");
	ok(!out.has_time, "has none");
	return done_testing();
}
