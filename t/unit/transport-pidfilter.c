/* One program of a stream with many, in a PAT of several sections. */
#include "lib/media/ts.h"
#include "t/tap.h"
#include "transport/pidfilter.c"

#define ALL	200			/* programs, a hundred to a section */

static uint8_t out[64 * TS_PACKET];
static size_t fill;

static void
keep(void *arg, const uint8_t *ts)
{
	(void)arg;
	if (fill + TS_PACKET <= sizeof(out))
		memcpy(out + fill, ts, TS_PACKET);
	fill += TS_PACKET;
}

static size_t
make_section(uint8_t *s, unsigned number, unsigned last, uint8_t version)
{
	size_t len = 8;
	uint32_t crc;

	s[0] = PSI_TABLE_PAT;
	s[3] = 0;
	s[4] = 1;
	s[5] = (uint8_t)(0xc1 | version << 1);
	s[6] = (uint8_t)number;
	s[7] = (uint8_t)last;
	for (unsigned i = 0; i < 100; i++, len += 4) {
		unsigned program = number * 100 + i, pid = 0x100 + program;

		s[len] = (uint8_t)(program >> 8);
		s[len + 1] = (uint8_t)program;
		s[len + 2] = (uint8_t)(0xe0 | pid >> 8);
		s[len + 3] = (uint8_t)pid;
	}
	s[1] = (uint8_t)(0xb0 | (len + 1) >> 8);
	s[2] = (uint8_t)(len + 1);
	crc = psi_crc32(s, len);
	for (unsigned i = 0; i < 4; i++)
		s[len++] = (uint8_t)(crc >> (24 - 8 * i));
	return len;
}

static uint8_t cc;

/* Both sections, in their packets, through the filter. */
static void
send_pat(struct pidfilter *f, uint8_t version)
{
	uint8_t s[1024], ts[16 * TS_PACKET];

	for (unsigned k = 0; k < 2; k++) {
		int n = psi_packetize(s, make_section(s, k, 1, version), 0, &cc, ts, sizeof(ts));

		for (int i = 0; i < n; i += TS_PACKET)
			pidfilter_packet(f, ts + i);
	}
}

/* The last PAT that came out; false: none. */
static bool
last_pat(struct pat *pat)
{
	struct psi_collect c;
	struct ts_packet pkt;
	const uint8_t *s;
	bool found = false;
	size_t len;

	psi_collect_init(&c);
	for (size_t i = 0; i < fill; i += TS_PACKET) {
		if (ts_parse(out + i, &pkt) < 0 || pkt.pid != 0)
			return false;
		while (psi_collect_next(&c, &pkt, &s, &len) > 0)
			found = pat_parse(s, len, pat) == 0;
	}
	return found;
}

static void
test_program(int program, int want)
{
	const struct pidfilter_config config = { .on = true, .program = program };
	static struct pidfilter f;
	struct pat pat;

	fill = 0;
	pidfilter_init(&f, &config, keep, NULL);
	ok(!pidfilter_passes(&f, 0x100 + (unsigned)program), "nothing is known yet");
	send_pat(&f, 3);
	send_pat(&f, 3);
	is(fill, 2 * TS_PACKET, "program %d: one packet for each PAT", program);
	ok(last_pat(&pat), "which is one");
	is(pat.n, want, "programs in it");
	is(pat.version_number, 4, "a version of its own");
	is(f.missing, want == 0, "whether it is missing");
	is(out[TS_PACKET + 3] & 15, (out[3] + 1) & 15, "the counter goes on");
	if (want == 0)
		return;
	is(pat.program[0].program_number, program, "the one that was asked for");
	is(pat.program[0].pid, 0x100 + program, "on its PID");
	ok(pidfilter_passes(&f, 0x100 + (unsigned)program), "its PMT passes");
	ok(!pidfilter_passes(&f, 0x101 + (unsigned)program), "those of others do not");
	send_pat(&f, 9);
	ok(last_pat(&pat) && pat.version_number == 5, "another version of the source");
}

int
main(void)
{
	test_program(7, 1);
	test_program(99, 1);		/* behind more than are parsed of a section */
	test_program(150, 1);
	test_program(500, 0);
	return done_testing();
}
