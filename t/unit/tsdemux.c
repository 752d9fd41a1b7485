/* tsmux writes, tsdemux reads: what goes in comes out, at once and whole. */
#include <stdlib.h>
#include <string.h>

#include "lib/media/tsdemux.h"
#include "lib/media/tsmux.h"
#include "t/tap.h"

#define WRAP	(INT64_C(1) << 33)

static uint8_t media[200000];

struct got {
	unsigned units, streams, pcrs, damaged, discontinuities, ebps, late;
	unsigned sections, arrivals;
	int64_t last_dts, bytes;
	bool wrong;
};

static void
setup(struct tsmux *m)
{
	static const uint8_t lang[] = { 'e', 'n', 'g', 0 };
	struct tsmux_stream *s;

	tsmux_init(m);
	tsmux_add_program(m, 1, 0x1000, 0x100);
	tsmux_add_program(m, 2, 0x1001, 0x100);
	tsmux_add_stream(m, 0x100, 0x1b, PES_VIDEO, 1);
	tsmux_add_stream(m, 0x101, 0x24, PES_VIDEO, 2);
	s = tsmux_add_stream(m, 0x200, 0x0f, PES_AUDIO, 3);
	desc_put(s->desc, sizeof(s->desc), &s->desc_len, DESC_ISO_639, lang, 4);
}

/* Feed len bytes in pieces; count what comes, and how late it is known. */
static void
feed(struct tsdemux *d, const uint8_t *p, size_t len, size_t piece,
    struct got *g)
{
	static uint8_t window[1 << 20];
	static size_t have;
	struct tsdemux_event ev;
	size_t used;

	while (len > 0 || d->eof) {
		size_t n = len < piece ? len : piece;

		if (n > 0)
			memcpy(window + have, p, n);
		p += n, len -= n, have += n;
		while (tsdemux_next(d, window, have, &used, &ev) == 1) {
			memmove(window, window + used, have -= used);
			switch (ev.type) {
			case TSDEMUX_STREAMS:
				g->streams++;
				break;
			case TSDEMUX_PCR:
				g->pcrs++;
				g->arrivals += ev.has_arrival;
				break;
			case TSDEMUX_SECTION:
				g->sections++;
				break;
			case TSDEMUX_UNIT:
				g->units++;
				g->damaged += ev.damaged;
				g->discontinuities += ev.discontinuity;
				g->ebps += ev.has_ebp;
				g->bytes += (int64_t)ev.len;
				g->last_dts = ev.dts;
				if (!ev.damaged && (ev.len < 4 ||
				    memcmp(ev.data, media + ev.data[0], ev.len) != 0))
					g->wrong = true;
			}
		}
		memmove(window, window + used, have -= used);
		if (n == 0)
			break;
	}
	if (d->eof)
		have = 0;
}

/* Units of every length around the borders of packets. */
static void
test_round_trip(size_t piece)
{
	struct tsdemux d;
	struct tsmux m;
	struct got g = { 0 };
	int64_t bytes = 0, dts = WRAP - 300000;
	unsigned units = 0;

	setup(&m);
	tsdemux_init(&d);
	for (size_t len = 4; len < 1000; len += 1, dts += 3000) {
		struct ebp ebp = { .segment = true, .sap_type = 1 };
		struct tsmux_unit u = {
			.data = media + len % 200, .len = len, .pts = dts + 6000,
			.dts = dts, .random_access = len % 50 == 0,
			.ebp = len % 50 == 0 ? &ebp : NULL,
		};

		for (unsigned i = 0; i < 3; i++) {
			u.len = i == 1 ? len + 70000 : len;
			tsmux_put(&m, &m.stream[i], &u);
			bytes += (int64_t)u.len;
			units++;
			feed(&d, m.out, m.len, piece, &g);
			tsmux_clear(&m);
			if (g.units < units)
				g.late++;
		}
	}
	is(g.last_dts, dts - 3000, "times go on over the wrap");
	ok(g.late < 10, "a unit is out as soon as it is in, even one of unknown "
	    "length after two of them (%u late)", g.late);
	d.eof = true;
	feed(&d, NULL, 0, piece, &g);
	is(g.units, units, "every unit, read %zu bytes at a time", piece);
	is(g.bytes, bytes, "every byte");
	ok(!g.wrong && g.damaged == 0, "the right bytes");
	is(g.discontinuities, 0, "no discontinuity");
	is(d.sync.lost, 0, "continuity counters are in order");
	is(d.sync.junk_bytes + d.sync.bad, 0, "nothing but good packets");
	is(g.ebps, 3 * 19, "the boundary points");
	is(g.streams, 3, "the PAT and each PMT once");
	is(d.nstream, 3, "three streams");
	is(tsdemux_find(&d, 0x200)->programs, 3, "audio is in both programs");
	ok(strcmp(tsdemux_find(&d, 0x200)->language, "eng") == 0, "its language");
	tsdemux_free(&d);
	tsmux_free(&m);
}

/* A stream that stuffs in the middle of a unit is not believed. */
static void
test_distrust(void)
{
	struct tsdemux d;
	struct tsmux m;
	struct got g = { 0 };

	setup(&m);
	tsdemux_init(&d);
	for (unsigned i = 0; i < 20; i++) {
		struct tsmux_unit u = {
			.data = media, .len = 70000, .pts = 3000 * i, .dts = PES_NO_TIME,
		};
		size_t at = m.len;

		tsmux_put(&m, &m.stream[0], &u);
		for (at += TS_PACKET; i >= 10 && at < m.len; at += TS_PACKET) {
			uint8_t *p = m.out + at;

			if ((p[3] & 0x30) != 0x10 || (p[1] & 0x1f) != 1)
				continue;
			/* A stuffing byte costs one of payload: drop the last. */
			memmove(p + 5, p + 4, TS_PACKET - 5);
			p[3] |= 0x20;
			p[4] = 0;
			break;
		}
	}
	feed(&d, m.out, m.len, 4096, &g);
	d.eof = true;
	feed(&d, NULL, 0, 1, &g);
	is(g.units, 20, "every unit comes");
	ok(g.damaged >= 1 && g.damaged <= 2, "the one that taught it is damaged");
	tsdemux_free(&d);
	tsmux_free(&m);
}

static void
test_changes(void)
{
	struct tsdemux d;
	struct tsmux m;
	struct got g = { 0 };
	struct tsmux_unit u = {
		.data = media, .len = 5000, .pts = 90000, .dts = PES_NO_TIME,
	};
	struct tsdemux_stream *s;

	setup(&m);
	tsdemux_init(&d);
	tsmux_put_clock(&m, true, 12345);
	tsmux_put(&m, &m.stream[0], &u);
	feed(&d, m.out, m.len, 100, &g);
	is(g.arrivals, 1, "the clock packet's time comes with the next PCR");
	is(d.clock, TSDEMUX_LIVE, "so the stream is live");
	s = tsdemux_find(&d, 0x100);
	s->user = media;
	/* The time jumps back, announced; a stream changes its type. */
	tsmux_clear(&m);
	m.stream[2].stream_type = 0x81;
	tsmux_changed(&m);
	tsmux_discontinuity(&m);
	u.pts = 50 * 90000;
	tsmux_put(&m, &m.stream[0], &u);
	tsmux_put(&m, &m.stream[2], &u);
	feed(&d, m.out, m.len, 100, &g);
	ok(tsdemux_find(&d, 0x100) == s && s->user == media,
	    "a stream that stays keeps its place");
	is(tsdemux_find(&d, 0x200)->codec, CODEC_AC3, "one of another type is new");
	is(g.discontinuities, 2, "the jump is told of both units");
	/* Damage: a packet missing in the middle. */
	tsmux_clear(&m);
	u.pts += 3000;
	tsmux_put(&m, &m.stream[0], &u);
	memmove(m.out + 5 * TS_PACKET, m.out + 6 * TS_PACKET, m.len - 6 * TS_PACKET);
	feed(&d, m.out, m.len - TS_PACKET, 100, &g);
	d.eof = true;
	feed(&d, NULL, 0, 1, &g);
	is(g.damaged, 1, "a unit with a packet missing is damaged");
	is(g.units, 4, "and comes all the same");
	tsdemux_free(&d);
	tsmux_free(&m);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(media); i++)
		media[i] = (uint8_t)i;	/* media[n] is n: a unit says where it is */
	test_round_trip(1 << 16);
	test_round_trip(187);
	test_distrust();
	test_changes();
	return done_testing();
}
