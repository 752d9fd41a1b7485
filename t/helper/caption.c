/*
 * caption TRIPLETS <in.ts >out.ts - add captions to a stream of AVC.
 *
 * Line n of the file is what the picture at n x 1001/30000 seconds after the first gets, in
 * the order of presentation: triplets in hexadecimal.  The stream is muxed anew, its times
 * stay.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/rational.h"
#include "lib/media/tsmux.h"
#include "t/helper/ccsei.h"
#include "t/helper/events.h"

#define PICTURES	20000

static struct tsmux mux;
static struct {
	unsigned n;
	uint8_t	 t[31][3];
} picture[PICTURES];

static bool
read_triplets(const char *name)
{
	FILE *f = fopen(name, "r");
	static const char hex[] = "0123456789abcdef";
	char line[256];

	for (unsigned n = 0; f != NULL && n < PICTURES && fgets(line, sizeof(line), f); n++)
		for (unsigned i = 0; i < 31 * 3 && strspn(line + 2 * i, hex) > 1; i++) {
			const char two[3] = { line[2 * i], line[2 * i + 1], '\0' };

			picture[n].t[i / 3][i % 3] = (uint8_t)strtoul(two, NULL, 16);
			picture[n].n = i / 3 + 1;
		}
	if (f != NULL)
		fclose(f);
	return f != NULL;
}

static void
put(struct tsmux_stream *s, const struct tsdemux_event *ev)
{
	static uint8_t unit[1 << 20];
	static int64_t first = PES_NO_TIME;
	int64_t n;
	struct tsmux_unit u = {
		.data = ev->data, .len = ev->len, .pts = ev->pts, .dts = ev->dts,
		.random_access = ev->random_access,
	};

	if (codec_kind(ev->stream->codec) == KIND_VIDEO && ev->len < sizeof(unit) - CCSEI_MORE) {
		if (first == PES_NO_TIME)
			first = ev->pts;
		n = rescale_near(ev->pts - first, 30000, 1001 * 90000);
		if (n >= 0 && n < PICTURES && picture[n].n > 0) {
			u.len = ccsei_add(ev->data, ev->len,
			    (const uint8_t (*)[3])picture[n].t, picture[n].n, unit);
			u.data = unit;
		}
	}
	tsmux_put(&mux, s, &u);
	if (io_write(STDOUT_FILENO, mux.out, mux.len) < 0)
		exit(1);
	tsmux_clear(&mux);
}

static void
take(struct tsdemux *d, const struct tsdemux_event *ev, void *arg)
{
	(void)arg;
	if (ev->type == TSDEMUX_STREAMS)
		for (unsigned i = 0; i < d->nstream; i++)
			if (d->stream[i]->user == NULL)
				d->stream[i]->user = tsmux_add_stream(&mux,
				    d->stream[i]->pid, d->stream[i]->stream_type,
				    codec_kind(d->stream[i]->codec) == KIND_VIDEO ?
				    PES_VIDEO : PES_AUDIO, 1);
	if (ev->type == TSDEMUX_UNIT && ev->pts != PES_NO_TIME)
		put(ev->stream->user, ev);
}

int
main(int argc, char *argv[])
{
	if (argc != 2 || !read_triplets(argv[1]))
		return 2;
	tsmux_init(&mux);
	tsmux_add_program(&mux, 1, 0x1000, 256);
	if (!each_event(take, NULL))
		return 1;
	tsmux_free(&mux);
	return 0;
}
