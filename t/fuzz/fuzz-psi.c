/*
 * Packets of one PID in, sections out: every section fits what was given, and a
 * table that is read and written again is read as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/psi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
tables(const uint8_t *section, size_t len)
{
	static struct pat pat, pat2;
	static struct pmt pmt, pmt2;
	uint8_t buf[PSI_SECTION_MAX], *exact = malloc(len);
	int n;

	if (exact == NULL)
		abort();
	memcpy(exact, section, len);	/* so that a byte too many is seen */
	if (pat_parse(exact, len, &pat) == 0) {
		n = pat_put(&pat, buf, sizeof(buf));
		if (n < 0 || pat_parse(buf, (size_t)n, &pat2) < 0 ||
		    pat2.n != pat.n)
			abort();
	}
	if (pmt_parse(exact, len, &pmt) == 0) {
		n = pmt_put(&pmt, buf, sizeof(buf));
		if (n > 0 && (pmt_parse(buf, (size_t)n, &pmt2) < 0 ||
		    pmt2.n != pmt.n || pmt2.pcr_pid != pmt.pcr_pid))
			abort();
	}
	free(exact);
}

/* As a section with the CRC that it should have: gets past the check. */
static void
repaired(const uint8_t *data, size_t len)
{
	uint8_t s[PSI_SECTION_MAX];
	uint32_t crc;

	if (len < 8 || len > sizeof(s) - 4)
		return;
	memcpy(s, data, len);
	s[1] = (uint8_t)(0xb0 | (len + 1) >> 8);
	s[2] = (uint8_t)(len + 1);
	crc = psi_crc32(s, len);
	for (unsigned i = 0; i < 4; i++)
		s[len + i] = (uint8_t)(crc >> (24 - 8 * i));
	tables(s, len + 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct psi_collect c;
	const uint8_t *section;
	struct ts_packet pkt;
	size_t taken = 0, given = 0, n;
	int r;

	repaired(data, len);
	psi_collect_init(&c);
	for (; len >= TS_PACKET; data += TS_PACKET, len -= TS_PACKET) {
		unsigned turns = 0;

		if (ts_parse(data, &pkt) < 0)
			continue;
		pkt.lost = (data[3] & 0x0f) == 7;
		given += pkt.payload_len;
		while ((r = psi_collect_next(&c, &pkt, &section, &n)) != 0) {
			if (++turns > TS_PACKET)
				abort();
			if (r < 0)
				continue;
			taken += n;
			tables(section, n);
		}
		if (taken > given)
			abort();
	}
	return 0;
}
