/* A transport stream of constant rate: slots, PCRs, what is late, breaks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rational.h"
#include "lib/media/tscbr.h"
#include "t/tap.h"

#define RATE	INT64_C(1000003)
#define EPOCH	(INT64_C(1790000000) * 90000)	/* a day in 2026 */

static struct tsmux mux;
static struct tscbr cbr;
static struct tsmux_stream *video, *sound;
static uint8_t data[60000];

static void
begin(void)
{
	tsmux_init(&mux);
	tscbr_init(&cbr, &mux, RATE, 45000);
	tsmux_add_program(&mux, 1, 0x1000, 0x100);
	video = tsmux_add_stream(&mux, 0x100, 0x1b, PES_VIDEO, 1);
	tscbr_add(&cbr, 0x100, 1200000, 40000);
	memset(data, 0x55, sizeof(data));
}

static void
finish(void)
{
	tscbr_free(&cbr);
	tsmux_free(&mux);
}

static int
put(struct tsmux_stream *s, int64_t t, size_t len)
{
	struct tsmux_unit u = { .data = data, .len = len, .pts = t, .dts = t };

	return tscbr_put(&cbr, s, &u, false);
}

/* How many packets have a PCR, and the most that one is off its place, in ns. */
static unsigned
clocks(int64_t *worst)
{
	int64_t first = -1, at = 0;
	unsigned n = 0;

	*worst = 0;
	for (size_t i = 0; i < cbr.len; i += TS_PACKET) {
		const uint8_t *p = cbr.out + i;
		int64_t pcr, off;

		if ((p[3] & 0x20) == 0 || p[4] < 7 || (p[5] & 0x10) == 0)
			continue;
		pcr = ((int64_t)p[6] << 25 | p[7] << 17 | p[8] << 9 | p[9] << 1 | p[10] >> 7) * 300 +
		    ((p[10] & 1) << 8 | p[11]);
		if (n++ == 0) {
			first = pcr;
			at = (int64_t)i;
		}
		off = llabs(pcr - first - rescale_down((int64_t)i - at, 8 * INT64_C(27000000),
		    RATE)) * 1000 / 27;
		*worst = off > *worst ? off : *worst;
	}
	return n;
}

static void
exact(void)
{
	int64_t worst;
	unsigned n;

	begin();
	for (int i = 0; i < 250; i++) {
		put(video, EPOCH + i * 3600, i % 50 == 0 ? 30000 : 3000);
		if (i == 20) {		/* that comes later */
			sound = tsmux_add_stream(&mux, 0x200, 0x0f, PES_AUDIO, 1);
			tscbr_add(&cbr, 0x200, 2000000, 3584);
			tsmux_changed(&mux);
		}
		if (i >= 20)
			put(sound, EPOCH + i * 3600 + 7, 400);
	}
	tscbr_flush(&cbr);
	n = clocks(&worst);
	ok(n > 270 && n < 310, "a PCR each 36 ms");
	ok(worst <= 74, "each exact to two ticks");
	is(cbr.late, 0, "nothing is late");
	is(cbr.dropped, 0, "nothing is left out");
	ok(cbr.nulls > 0 && cbr.packets == cbr.len / TS_PACKET, "all is counted");
	finish();
}

static void
too_much(void)
{
	begin();
	for (int i = 0; i < 250; i++)
		put(video, EPOCH + i * 3600, 10000);
	tscbr_flush(&cbr);
	ok(cbr.late > 1000, "twice the rate: late");
	ok(cbr.dropped > 80 && cbr.dropped < 150, "and half of it is left out");
	ok(cbr.worst <= TSCBR_LATE + INT64_C(27000000) / 4, "none is much later than a second");
	finish();
}

static void
jump(void)
{
	unsigned told = 0;

	begin();
	put(video, EPOCH, 3000);
	put(video, EPOCH + 3600, 3000);
	put(video, EPOCH + 90000 * 60, 3000);
	put(video, 3600, 60000);
	tscbr_flush(&cbr);
	for (size_t i = 0; i < cbr.len; i += TS_PACKET)
		told += (cbr.out[i + 3] & 0x20) != 0 && cbr.out[i + 4] > 0 &&
		    (cbr.out[i + 5] & 0x90) == 0x90;
	is(told, 2, "time jumps twice: two PCRs say so");
	ok(cbr.len < 2000 * (size_t)TS_PACKET, "and the time between is not filled");
	is(put(&(struct tsmux_stream){ .pid = 99 }, 7200, 100), -ENOSPC,
	    "a stream without a model");
	finish();
}

int
main(void)
{
	exact();
	too_much();
	jump();
	return done_testing();
}
