/* Every event of the transport stream on standard input, in order. */
#ifndef EVENTS_H
#define EVENTS_H

#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/media/tsdemux.h"

/* Returns whether it could begin.  D is valid within take, and freed afterwards. */
static inline bool
each_event(void (*take)(struct tsdemux *d, const struct tsdemux_event *ev, void *arg),
    void *arg)
{
	static uint8_t in[1000 * TS_PACKET];
	struct tsdemux d;
	struct tsdemux_event ev;
	size_t len = 0, used;

	if (tsdemux_init(&d) < 0)
		return false;
	while (!d.eof) {
		ssize_t n = io_read(STDIN_FILENO, in + len, sizeof(in) - len);
		size_t pos = 0;

		d.eof = n <= 0;
		len += n > 0 ? (size_t)n : 0;
		while (tsdemux_next(&d, in + pos, len - pos, &used, &ev) > 0) {
			pos += used;
			take(&d, &ev, arg);
		}
		pos += used;
		len -= pos;
		memmove(in, in + pos, len);
	}
	tsdemux_free(&d);
	return true;
}

#endif
