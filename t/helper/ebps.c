/*
 * ebps <stream - the boundary points of a stream, one a line: PID, PTS, whether
 * it is a random access point, SAP type, and what time it has (UTC in ms, or -);
 * and of each splice_insert "cue" and its time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/media/tsdemux.h"

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
show(const struct tsdemux_event *ev)
{
	char iso[CLK_ISO] = "-";

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
