/*
 * splices put <TS >TS - add, after the first packet, two SCTE-35 sections on PID
 * 0x1f0: one in a packet, one that needs two.
 * splices list <TS - their pts_adjustment, one line each; "damaged" by the CRC.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/media/psi.h"
#include "lib/media/scte35.h"
#include "lib/media/ts.h"

#define PID	0x1f0

static struct scte35 cue;

/* splice_null(), with so many descriptors of 136 bytes. */
static void
put_section(unsigned descriptors, uint8_t *cc)
{
	static uint8_t rest[130];
	uint8_t s[SCTE35_SECTION_MAX], out[2 * TS_PACKET];
	int n;

	scte35_init(&cue);
	memset(rest, 0x55, sizeof(rest));
	while (cue.ndescriptor < descriptors)
		cue.descriptor[cue.ndescriptor++] = (struct scte35_descriptor){
			.tag = 0x55, .rest = { rest, sizeof(rest) },
		};
	n = scte35_put(&cue, s, sizeof(s));
	if (n > 0)
		n = psi_packetize(s, (size_t)n, PID, cc, out, sizeof(out));
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
		if (r < 0 || scte35_parse(s, len, &cue) < 0)
			printf("damaged\n");
		else
			printf("%s %" PRIu64 "\n", len > 100 ? "long" : "short",
			    cue.pts_adjustment);
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
			put_section(0, &cc);
			put_section(2, &cc);
		}
	}
	return 0;
}
