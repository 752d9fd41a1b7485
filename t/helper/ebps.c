/*
 * ebps <stream - the boundary points of a stream, one a line: PID, PTS, whether
 * it is a random access point, SAP type, and what time it has (UTC in ms, or -).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/media/tsdemux.h"

static void
show(const struct tsdemux_event *ev)
{
	char iso[CLK_ISO] = "-";

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
	static uint8_t in[1000 * TS_PACKET];
	struct tsdemux d;
	struct tsdemux_event ev;
	size_t len = 0, used;

	if (tsdemux_init(&d) < 0)
		return 1;
	while (!d.eof) {
		ssize_t n = io_read(STDIN_FILENO, in + len, sizeof(in) - len);
		size_t pos = 0;

		d.eof = n <= 0;
		len += n > 0 ? (size_t)n : 0;
		while (tsdemux_next(&d, in + pos, len - pos, &used, &ev) > 0) {
			pos += used;
			show(&ev);
		}
		pos += used;
		len -= pos;
		memmove(in, in + pos, len);
	}
	tsdemux_free(&d);
	return 0;
}
