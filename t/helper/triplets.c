/*
 * triplets PID <stream - the caption triplets that are valid in a video, one a line
 * in the order of its pictures: PTS, cc_count of its message, cc_type, two bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/captions.h"
#include "lib/media/nal.h"
#include "t/helper/events.h"

#define LINES	100000

struct line {
	int64_t	 pts;
	unsigned order, count;
	uint8_t	 t[3];
};

static struct line lines[LINES];
static unsigned nline;

static int
by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->pts != y->pts ? (x->pts > y->pts) - (x->pts < y->pts) :
	    (x->order > y->order) - (x->order < y->order);
}

static void
take_sei(const struct tsdemux_event *ev, const uint8_t *sei, size_t len)
{
	const uint8_t *cc;
	unsigned count;
	size_t pos = 0;

	while (captions_find(sei, len, &pos, &cc, &count) == 0)
		for (unsigned i = 0; i < count; i++, cc += 3)
			if ((cc[0] & 4) != 0 && nline < LINES) {
				lines[nline] = (struct line){ ev->pts, nline, count, { 0 } };
				memcpy(lines[nline++].t, cc, 3);
			}
}

static void
take_video(const struct tsdemux_event *ev)
{
	struct nal_iter it = { ev->data, ev->data + ev->len };
	enum codec c = ev->stream->codec;
	struct nal n;

	while (nal_next(&it, &n)) {
		size_t header = c == CODEC_HEVC ? 2 : 1, len = 0;
		unsigned zeros = 0;
		uint8_t buf[1024];

		if (nal_type(c, n) != (c == CODEC_HEVC ? (unsigned)HEVC_SEI_PREFIX : AVC_SEI))
			continue;
		for (size_t i = header; i < n.len && len < sizeof(buf); i++) {
			bool extra = zeros == 2 && n.data[i] == 3;

			zeros = n.data[i] == 0 ? zeros + 1 : 0;
			if (!extra)
				buf[len++] = n.data[i];
		}
		take_sei(ev, buf, len);
	}
}

static void
take(struct tsdemux *d, const struct tsdemux_event *ev, void *pid)
{
	(void)d;
	if (ev->type == TSDEMUX_UNIT && ev->stream->pid == *(long *)pid)
		take_video(ev);
}

int
main(int argc, char *argv[])
{
	long pid = argc > 1 ? strtol(argv[1], NULL, 10) : 256;

	if (!each_event(take, &pid))
		return 1;
	qsort(lines, nline, sizeof(lines[0]), by_time);
	for (unsigned i = 0; i < nline; i++)
		printf("%" PRId64 " %u %u %02x%02x\n", lines[i].pts, lines[i].count,
		    lines[i].t[0] & 3u, lines[i].t[1], lines[i].t[2]);
	return 0;
}
