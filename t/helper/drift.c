/*
 * drift - sound whose sample clock is not that of its timestamps, for any time.
 *
 *   drift put SECONDS PPM START [VERSION] <clip.ts >out.ts
 *                      the clip over and over, its timestamps from START on (90 kHz,
 *                      modulo 2^33); each sample lasts PPM millionths longer than
 *                      1/48000 s.  The clip: video of a constant frame rate, sound
 *                      of one frame a PES packet, both of the same length.  The
 *                      tables have a version, 0
 *   drift find <pcm    where beeps begin in 16 bit mono, as sample numbers
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/rational.h"
#include "lib/media/tsmux.h"
#include "t/helper/events.h"

#define UNITS	4096

struct unit {
	uint8_t	*data;
	size_t	 len;
	int64_t	 pts, dts;
	bool	 random_access;
};

struct track {
	struct unit unit[UNITS];
	unsigned n;
	uint8_t	 stream_type;
	int64_t	 step, ppm;
	struct tsmux_stream *out;
};

static struct track video, audio;

static void
keep(struct tsdemux *d, const struct tsdemux_event *ev, void *arg)
{
	struct track *t;
	struct unit *u;

	(void)d;
	(void)arg;
	if (ev->type != TSDEMUX_UNIT || ev->pts == PES_NO_TIME)
		return;
	t = codec_kind(ev->stream->codec) == KIND_VIDEO ? &video : &audio;
	if (t->n == UNITS)
		return;
	u = &t->unit[t->n];
	*u = (struct unit){
		malloc(ev->len), ev->len, ev->pts, ev->dts, ev->random_access,
	};
	if (u->data == NULL)
		exit(1);
	memcpy(u->data, ev->data, ev->len);
	t->stream_type = ev->stream->stream_type;
	t->n++;
}

static void
read_clip(void)
{
	if (!each_event(keep, NULL) || video.n < 2 || audio.n < 2)
		exit(1);
}

/* Unit number i of an endless run, since its beginning. */
static int64_t
time_of(const struct track *t, int64_t i)
{
	return i * t->step + rescale_near(i * t->step, t->ppm, 1000000);
}

static void
put(struct tsmux *m, const struct track *t, int64_t i, int64_t start)
{
	const struct unit *u = &t->unit[i % t->n];
	struct tsmux_unit out = {
		.data = u->data, .len = u->len, .random_access = u->random_access,
		.dts = start + time_of(t, i),
	};

	out.pts = out.dts + (u->pts - u->dts);
	tsmux_put(m, t->out, &out);
	if (m->len < 1 << 16)
		return;
	if (io_write(STDOUT_FILENO, m->out, m->len) < 0)
		exit(1);
	tsmux_clear(m);
}

static void
repeat(int64_t seconds, int64_t start, uint8_t version)
{
	static struct tsmux m;
	int64_t v = 0, a = 0;

	tsmux_init(&m);
	m.version_number = version & 0x1f;
	tsmux_add_program(&m, 1, 0x1000, 256);
	video.out = tsmux_add_stream(&m, 256, video.stream_type, PES_VIDEO, 1);
	audio.out = tsmux_add_stream(&m, 257, audio.stream_type, PES_AUDIO, 1);
	while (time_of(&video, v) < seconds * 90000)
		if (time_of(&video, v) <= time_of(&audio, a))
			put(&m, &video, v++, start);
		else
			put(&m, &audio, a++, start);
	if (io_write(STDOUT_FILENO, m.out, m.len) < 0)
		exit(1);
	tsmux_free(&m);
}

static void
find(void)
{
	static int16_t s[1 << 16];
	int64_t n = 0, quiet = 4800;
	size_t len;

	while ((len = fread(s, sizeof(s[0]), sizeof(s) / sizeof(s[0]), stdin)) > 0)
		for (size_t i = 0; i < len; i++, n++, quiet++)
			if (s[i] > 6000 || s[i] < -6000) {
				if (quiet >= 4800)
					printf("%" PRId64 "\n", n);
				quiet = 0;
			}
}

int
main(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "find") == 0) {
		find();
		return 0;
	}
	if (argc != 5 && argc != 6)
		return 2;
	read_clip();
	video.step = video.unit[1].dts - video.unit[0].dts;
	audio.step = audio.unit[1].dts - audio.unit[0].dts;
	audio.ppm = strtol(argv[3], NULL, 10);
	repeat(strtoll(argv[2], NULL, 10), strtoll(argv[4], NULL, 10),
	    argc == 6 ? (uint8_t)strtol(argv[5], NULL, 10) : 0);
	return 0;
}
