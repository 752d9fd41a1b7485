/*
 * splices put <TS >TS - add, after the first packet, two SCTE-35 sections on PID
 * 0x1f0: one in a packet, one that needs two.
 * splices list <TS - their pts_adjustment, one line each; "damaged" by the CRC.
 */
#include <stdio.h>
#include <string.h>

#include "lib/media/psi.h"
#include "lib/media/ts.h"

#define PID	0x1f0
#define SHORT	20
#define LONG	300

/* splice_null(), and as much of a descriptor as makes up len bytes. */
static void
put_section(size_t len, uint8_t *cc)
{
	uint8_t s[LONG] = { PSI_TABLE_SCTE35, (uint8_t)(0x30 | (len - 3) >> 8),
	    (uint8_t)(len - 3) }, out[2 * TS_PACKET];
	uint32_t crc;
	int n;

	s[11] = 0xf0;			/* tier, splice_command_length 0 */
	memset(s + 16, 0x55, len - 20);
	s[14] = (uint8_t)((len - 20) >> 8);
	s[15] = (uint8_t)(len - 20);
	crc = psi_crc32(s, len - 4);
	for (unsigned i = 0; i < 4; i++)
		s[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	n = psi_packetize(s, len, PID, cc, out, sizeof(out));
	if (n > 0)
		fwrite(out, 1, (size_t)n, stdout);
}

static void
list(struct psi_collect *c, const uint8_t *p)
{
	struct ts_packet pkt;
	const uint8_t *s;
	size_t len;
	int r;

	if (ts_parse(p, &pkt) < 0 || pkt.pid != PID)
		return;
	while ((r = psi_collect_next(c, &pkt, &s, &len)) != 0)
		if (r < 0 || psi_crc32(s, len) != 0)
			printf("damaged\n");
		else
			printf("%s %lu\n", len > 100 ? "long" : "short",
			    (unsigned long)s[5] << 24 | (unsigned long)s[6] << 16 |
			    (unsigned long)s[7] << 8 | s[8]);
}

int
main(int argc, char *argv[])
{
	bool put = argc == 2 && strcmp(argv[1], "put") == 0;
	struct psi_collect c;
	uint8_t p[TS_PACKET], cc = 0;

	psi_collect_init(&c);
	for (bool first = true; fread(p, 1, TS_PACKET, stdin) == TS_PACKET; first = false) {
		if (!put) {
			list(&c, p);
			continue;
		}
		fwrite(p, 1, TS_PACKET, stdout);
		if (first) {
			put_section(SHORT, &cc);
			put_section(LONG, &cc);
		}
	}
	return 0;
}
