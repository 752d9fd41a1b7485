#include <errno.h>
#include <string.h>

#include "lib/media/psi.h"
#include "t/tap.h"

/* A PAT with its CRC, from a recorded broadcast: program 1 on PID 0x100. */
static const uint8_t pat_bytes[] = {
	0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xe1, 0x00,
	0xe8, 0xf9, 0x5e, 0x7d,
};

static void
test_tables(void)
{
	static const uint8_t lang[] = { DESC_ISO_639, 4, 'd', 'e', 'u', 0 };
	struct pmt pmt = {
		.program_number = 7, .version_number = 31, .pcr_pid = 0x101, .n = 2,
		.stream = {
			{ 0x1b, 0x101, NULL, 0 },
			{ 0x0f, 0x102, lang, sizeof(lang) },
		},
	}, back;
	uint8_t buf[PSI_SECTION_MAX];
	struct pat pat;
	size_t n;
	int len;

	is(psi_crc32(pat_bytes, sizeof(pat_bytes)), 0, "CRC of a recorded PAT");
	is(pat_parse(pat_bytes, sizeof(pat_bytes), &pat), 0, "and it is read");
	is(pat.program[0].pid, 0x100, "PID of its program");
	is(pat_put(&pat, buf, sizeof(buf)), sizeof(pat_bytes), "it is written");
	ok(memcmp(buf, pat_bytes, sizeof(pat_bytes)) == 0, "to the same bytes");
	is(pat_put(&pat, buf, 15), -ENOSPC, "not into less room");

	len = pmt_put(&pmt, buf, sizeof(buf));
	is(pmt_parse(buf, (size_t)len, &back), 0, "PMT: put, then parse");
	is(back.version_number, 31, "version_number");
	is(back.n, 2, "two streams");
	ok(desc_find(back.stream[1].desc, back.stream[1].desc_len, DESC_ISO_639,
	    &n) != NULL && n == 4, "the language descriptor is found");
	for (int i = 0; i < len; i++)
		if (pmt_parse(buf, (size_t)i, &back) != -EBADMSG)
			ok(false, "a PMT cut to %d bytes", i);
	buf[5] &= 0xfe;
	is(pmt_parse(buf, (size_t)len, &back), -EBADMSG, "a flipped bit");
	is(pat_parse(pat_bytes, sizeof(pat_bytes) - 1, &pat), -EBADMSG, "cut PAT");
}

/* Three sections, one of them over several packets, then cut anew. */
static void
test_collect(void)
{
	uint8_t big[600] = { 0x40, 0x32, 0x55 }, pkts[20 * TS_PACKET];
	struct psi_collect c;
	struct ts_packet pkt;
	const uint8_t *section;
	uint8_t cc = 14;
	size_t len, fill = 0;
	int got = 0, n;

	/* private section, no syntax: 3 + 0x255 bytes */
	memset(big + 3, 0x5a, sizeof(big) - 3);
	psi_collect_init(&c);
	for (unsigned i = 0; i < 3; i++) {
		n = psi_packetize(i == 1 ? big : pat_bytes, i == 1 ? sizeof(big) :
		    sizeof(pat_bytes), 0x30, &cc, pkts + fill, sizeof(pkts) - fill);
		fill += (size_t)n;
	}
	is(cc, (14 + fill / TS_PACKET) & 0x0f, "the continuity counter goes on");
	for (size_t i = 0; i < fill; i += TS_PACKET) {
		ts_parse(pkts + i, &pkt);
		while (psi_collect_next(&c, &pkt, &section, &len) == 1) {
			got++;
			if (got == 2)
				ok(len == sizeof(big) && memcmp(section, big, len) == 0,
				    "a section over several packets");
		}
	}
	is(got, 3, "three sections collected");

	/* Two sections in one packet, the second one cut by a lost packet. */
	memset(pkts, 0xff, TS_PACKET);
	memcpy(pkts, (uint8_t[]){ 0x47, 0x40, 0x30, 0x10, 0 }, 5);
	memcpy(pkts + 5, pat_bytes, sizeof(pat_bytes));
	memcpy(pkts + 5 + sizeof(pat_bytes), pat_bytes, sizeof(pat_bytes));
	ts_parse(pkts, &pkt);
	psi_collect_init(&c);
	for (got = 0; psi_collect_next(&c, &pkt, &section, &len) == 1; got++)
		;
	is(got, 2, "two sections in one packet");
	pkts[20] ^= 1;
	ts_parse(pkts, &pkt);
	is(psi_collect_next(&c, &pkt, &section, &len), -EBADMSG, "a wrong CRC");
	is(psi_collect_next(&c, &pkt, &section, &len), 1, "and the next one is read");
}

int
main(void)
{
	test_tables();
	test_collect();
	return done_testing();
}
