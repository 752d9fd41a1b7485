/*
 * ebps <stream - the boundary points of a stream, one a line: PID, PTS, whether
 * it is a random access point, SAP type, and what time it has (UTC in ms, or -);
 * and of each splice_insert "cue" and its time.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/clk.h"
#include "t/helper/events.h"

/* A splice_insert with a time: that, as adjusted. */
static void
show_cue(const struct tsdemux_event *ev)
{
	const uint8_t *p = ev->data;
	uint64_t adjust, t;

	if (ev->len < 25 || p[0] != PSI_TABLE_SCTE35 || p[13] != 5)
		return;
	adjust = (uint64_t)(p[4] & 1) << 32 | (uint64_t)p[5] << 24 |
	    (uint64_t)p[6] << 16 | (uint64_t)p[7] << 8 | p[8];
	t = (uint64_t)(p[20] & 1) << 32 | (uint64_t)p[21] << 24 |
	    (uint64_t)p[22] << 16 | (uint64_t)p[23] << 8 | p[24];
	printf("cue %" PRIu64 "\n", (adjust + t) & (PES_WRAP - 1));
}

static void
show(struct tsdemux *d, const struct tsdemux_event *ev, void *arg)
{
	char iso[CLK_ISO] = "-";

	(void)d;
	(void)arg;
	if (ev->type == TSDEMUX_SECTION)
		show_cue(ev);
	if (ev->type != TSDEMUX_UNIT || !ev->has_ebp || !ev->ebp.segment)
		return;
	if (ev->ebp.has_time)
		clk_iso(clk_ntp_to_ns(ev->ebp.ntp), iso);
	printf("%u %" PRId64 " %d %u %s\n", ev->stream->pid, ev->pts,
	    ev->random_access, ev->ebp.sap_type, iso);
}

int
main(void)
{
	return each_event(show, NULL) ? 0 : 1;
}
