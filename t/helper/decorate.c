/*
 * decorate [PICTURES] <in.ts >out.ts - add captions and cues to a stream of AVC.
 *
 * Each picture gets an A/53 message with one pair of CEA-608 field 1: roll-up
 * captions, a line "CAPTION NUMBER 00000000" and on each 24 pictures.  The first
 * PICTURES have DTVCC packets (CEA-708) too, of text for service 1, in messages of
 * 20 triplets, of which 0 to 18 are used.  Every second
 * a SCTE-35 splice_insert comes, whose time is that of the picture it precedes,
 * on PID 500.  The stream is muxed anew, its times stay.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/rational.h"
#include "lib/media/tsmux.h"
#include "t/helper/ccsei.h"
#include "t/helper/events.h"

static struct tsmux mux;
static struct tsmux_stream *cues;

static uint8_t
odd_parity(unsigned c)
{
	return (uint8_t)(__builtin_parity(c & 0x7f) ? c & 0x7f : (c & 0x7f) | 0x80);
}

/* The pair of field 1 for picture n: roll-up captions, a line each 24 pictures. */
static void
pair(int64_t n, uint8_t out[static 2])
{
	static const uint8_t codes[8][2] = {
		{ 0x14, 0x25 }, { 0x14, 0x25 }, { 0x14, 0x2d }, { 0x14, 0x2d },
		{ 0x14, 0x70 }, { 0x14, 0x70 }, { 0, 0 }, { 0, 0 },
	};
	char text[64];
	int64_t i = n % 24;

	snprintf(text, sizeof(text), "CAPTION NUMBER %08" PRId64 " OF THE TEST AND MORE THAN IT", n / 24);
	out[0] = odd_parity(i < 8 ? codes[i][0] : (unsigned char)text[(i - 8) * 2]);
	out[1] = odd_parity(i < 8 ? codes[i][1] : (unsigned char)text[(i - 8) * 2 + 1]);
}

/*
 * The next triplet of a run of DTVCC packets (CTA-708 5, 6): packets of 8 to 34
 * bytes with one service block, their text of all values from 0 to 127, so that
 * what is lost, doubled or out of place shows.
 */
static void
dtvcc(uint8_t out[static 3])
{
	static unsigned packet, pos, size = 8, text;

	out[0] = pos == 0 ? 0xff : 0xfe;
	for (int i = 1; i < 3; i++, pos++)
		out[i] = (uint8_t)(pos == 0 ? (packet & 3) << 6 | size / 2 :
		    pos == 1 ? 1 << 5 | (size - 2) : text++ & 127);
	if (pos == size) {
		pos = 0;
		size = 8 + packet++ * 6 % 28;
	}
}

/* The triplets of picture n; returns how many. */
static unsigned
triplets(int64_t n, bool data, uint8_t (*out)[3])
{
	static const unsigned load[] = { 18, 0, 5, 12 };
	unsigned count = 2;

	out[0][0] = 0xfc;
	pair(n, out[0] + 1);
	memcpy(out[1], (const uint8_t[3]){ 0xfd, 0x80, 0x80 }, 3);
	if (data)
		for (; count < 2 + load[n % 4]; count++)
			dtvcc(out[count]);
	while (data && count < 20)
		memcpy(out[count++], (const uint8_t[3]){ 0xfa, 0, 0 }, 3);
	return count;
}

/* The unit with the captions of picture n; returns its length. */
static size_t
add_captions(const uint8_t *p, size_t len, int64_t n, bool data, uint8_t *out)
{
	uint8_t t[20][3];
	unsigned count = triplets(n, data, t);

	return ccsei_add(p, len, (const uint8_t (*)[3])t, count, out);
}

/* splice_insert (SCTE 35 9.7.3), out of network, at pts. */
static size_t
cue(int64_t pts, uint8_t out[static 64])
{
	uint64_t t = (uint64_t)pts & (PES_WRAP - 1);
	uint8_t s[] = {
		0xfc, 0x30, 32, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xf0, 15, 5,
		0, 0, 0, 1, 0x7f, 0xcf, (uint8_t)(0xfe | t >> 32), (uint8_t)(t >> 24),
		(uint8_t)(t >> 16), (uint8_t)(t >> 8), (uint8_t)t, 0, 1, 0, 0, 0, 0,
		0, 0, 0, 0,
	};
	uint32_t crc = psi_crc32(s, sizeof(s) - 4);

	for (size_t i = 0; i < 4; i++)
		s[sizeof(s) - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	memcpy(out, s, sizeof(s));
	return sizeof(s);
}

static void
put(struct tsmux_stream *s, const struct tsdemux_event *ev, long with_data)
{
	static uint8_t unit[1 << 20];
	static int64_t first = PES_NO_TIME, next_cue;
	int64_t n;
	struct tsmux_unit u = {
		.data = ev->data, .len = ev->len, .pts = ev->pts, .dts = ev->dts,
		.random_access = ev->random_access,
	};
	uint8_t section[64];

	if (codec_kind(ev->stream->codec) == KIND_VIDEO && ev->len < sizeof(unit) - CCSEI_MORE) {
		if (first == PES_NO_TIME)
			first = next_cue = ev->pts;
		if (ev->pts >= next_cue) {
			next_cue += 90000;
			tsmux_put_section(&mux, cues, PES_NO_TIME, section,
			    cue(ev->pts, section));
		}
		n = rescale_near(ev->pts - first, 30000, 1001 * 90000);
		u.len = add_captions(ev->data, ev->len, n, n < with_data, unit);
		u.data = unit;
	}
	tsmux_put(&mux, s, &u);
	if (io_write(STDOUT_FILENO, mux.out, mux.len) < 0)
		exit(1);
	tsmux_clear(&mux);
}

static void
decorate(struct tsdemux *d, const struct tsdemux_event *ev, void *with_data)
{
	if (ev->type == TSDEMUX_STREAMS)
		for (unsigned i = 0; i < d->nstream; i++)
			if (d->stream[i]->user == NULL)
				d->stream[i]->user = tsmux_add_stream(&mux,
				    d->stream[i]->pid, d->stream[i]->stream_type,
				    codec_kind(d->stream[i]->codec) == KIND_VIDEO ?
				    PES_VIDEO : PES_AUDIO, 1);
	if (ev->type == TSDEMUX_UNIT && ev->pts != PES_NO_TIME)
		put(ev->stream->user, ev, *(long *)with_data);
}

int
main(int argc, char *argv[])
{
	long with_data = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

	tsmux_init(&mux);
	tsmux_add_program(&mux, 1, 0x1000, 256);
	desc_put(mux.program[0].desc, sizeof(mux.program[0].desc), &mux.program[0].desc_len,
	    DESC_REGISTRATION, "CUEI", 4);
	cues = tsmux_add_stream(&mux, 500, 0x86, 0, 1);
	if (!each_event(decorate, &with_data))
		return 1;
	tsmux_free(&mux);
	return 0;
}
