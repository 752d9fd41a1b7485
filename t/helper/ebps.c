/*
 * ebps [all] <stream - the boundary points of a stream, one a line: PID, PTS, whether
 * it is a random access point, SAP type, and what time it has (UTC in ms, or -);
 * and of each splice_insert "cue" and its time.  all: of fragments as well.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/clk.h"
#include "lib/media/scte35.h"
#include "t/helper/events.h"

/* A splice_insert with a time: that, as adjusted. */
static void
show_cue(const struct tsdemux_event *ev)
{
	static struct scte35 s;

	if (scte35_parse(ev->data, ev->len, &s) == 0 && !s.encrypted &&
	    s.command == SCTE35_SPLICE_INSERT && s.insert.time.specified)
		printf("cue %" PRIu64 "\n", scte35_pts(&s, &s.insert.time));
}

static void
show(struct tsdemux *d, const struct tsdemux_event *ev, void *arg)
{
	char iso[CLK_ISO] = "-";

	(void)d;
	if (ev->type == TSDEMUX_SECTION)
		show_cue(ev);
	if (ev->type != TSDEMUX_UNIT || !ev->has_ebp || (!ev->ebp.segment && arg == NULL))
		return;
	if (ev->ebp.has_time)
		clk_iso(clk_ntp_to_ns(ev->ebp.ntp), iso);
	printf("%u %" PRId64 " %d %u %s\n", ev->stream->pid, ev->pts,
	    ev->random_access, ev->ebp.sap_type, iso);
}

int
main(int argc, char *argv[])
{
	(void)argc;
	return each_event(show, argv[1]) ? 0 : 1;
}
