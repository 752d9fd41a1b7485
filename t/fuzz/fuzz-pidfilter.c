/*
 * Packets of any kind through the filter of a program: what comes out is of PIDs that
 * pass, and as it went in, but for the PAT: as long as its counters come in order
 * they go out so, and it has one program at most.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/pidfilter.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PROGRAM	1

static struct pidfilter f;
static struct psi_collect collect;
static const uint8_t *given;
static int cc, given_cc;
static bool odd;		/* the PAT's counters were not in order when they came */

static void
look_at_given(const uint8_t *ts)
{
	struct ts_packet pkt;

	given = ts;
	if ((ts[1] & 0x1f) != 0 || ts[2] != 0)
		return;
	odd |= ts_parse(ts, &pkt) < 0 || (given_cc >= 0 &&
	    (ts[3] & 15) != ((given_cc + (pkt.payload != NULL)) & 15));
	given_cc = ts[3] & 15;
}

static void
check_pat(const uint8_t *ts)
{
	const uint8_t *s;
	struct ts_packet pkt;
	struct pat pat;
	size_t len;
	int r;

	if (ts_parse(ts, &pkt) < 0 || pkt.pid != 0)
		abort();
	if (cc >= 0 && !odd && !pkt.discontinuity && (ts[3] & 15) != ((cc + (pkt.payload != NULL)) & 15) &&
	    memcmp(ts, given, TS_PACKET) != 0)
		abort();
	cc = ts[3] & 15;
	if (pkt.scrambled || odd)
		return;
	while ((r = psi_collect_next(&collect, &pkt, &s, &len)) != 0)
		if (r > 0 && pat_parse(s, len, &pat) == 0 && memcmp(ts, given, TS_PACKET) != 0 &&
		    (pat.n > 1 || (pat.n == 1 && pat.program[0].program_number != PROGRAM)))
			abort();
}

static void
on_packet(void *arg, const uint8_t *ts)
{
	unsigned pid = (ts[1] & 0x1fu) << 8 | ts[2];

	(void)arg;
	if (pid == 0)
		check_pat(ts);
	else if (memcmp(ts, given, TS_PACKET) != 0)
		abort();
}

/* Each packet is three bytes of header, then as much of a payload as a fourth says. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct pidfilter_config c = { .on = true, .program = PROGRAM };
	uint8_t ts[TS_PACKET];

	cc = given_cc = -1;
	odd = false;
	psi_collect_init(&collect);
	pidfilter_init(&f, &c, on_packet, NULL);
	for (size_t pos = 0, n; pos + 4 <= len; pos += 4 + n) {
		n = data[pos + 3] % (TS_PACKET - 3);
		n = n > len - pos - 4 ? len - pos - 4 : n;
		memset(ts, 0xff, sizeof(ts));
		ts[0] = TS_SYNC;
		memcpy(ts + 1, data + pos, 3);
		memcpy(ts + 4, data + pos + 4, n);
		look_at_given(ts);
		if (pidfilter_passes(&f, (ts[1] & 0x1fu) << 8 | ts[2]))
			pidfilter_packet(&f, ts);
		else if (f.config.program != 0 && (ts[1] & 0x1f) == 0 && ts[2] == 0)
			abort();
	}
	return 0;
}
