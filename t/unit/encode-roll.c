/* Where a stream is cut: at access points of intervals, with tables in front, or without. */
#include <stdlib.h>

#define take_pcr	ahead_take_pcr
#include "encode/ahead.c"
#undef take_pcr
#include "encode/epoch.c"
#undef FRAME
#include "encode/roll.c"
#include "lib/media/tsmux.h"
#include "t/tap.h"

#define STEP	3600			/* a picture, of 25 a second */

struct seen {
	unsigned cuts, forced, tables;
	int64_t	 slot[64], pts[64], t[64];
	size_t	 at[64];		/* bytes before it */
	size_t	 bytes;
	uint8_t	*copy;
};

static int
cut(void *arg, const struct roll_cut *c)
{
	struct seen *s = arg;

	if (c->first)
		return 0;
	s->slot[s->cuts] = c->slot;
	s->pts[s->cuts] = c->pts;
	s->t[s->cuts] = c->t;
	s->at[s->cuts++] = s->bytes;
	s->forced += c->forced;
	s->tables += c->ntables > 0;
	return 0;
}

static int
data(void *arg, const uint8_t *p, size_t len)
{
	struct seen *s = arg;

	memcpy(s->copy + s->bytes, p, len);
	s->bytes += len;
	return 0;
}

/* So many pictures from pts on, each key-th an access point; key 0: only the first. */
static void
film(struct tsmux *m, int64_t pts, unsigned n, unsigned key)
{
	static const uint8_t idr[] = { 0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x65, 0x88 };
	static const uint8_t other[] = { 0, 0, 0, 1, 9, 0x30, 0, 0, 0, 1, 0x41, 0x9a };

	for (unsigned i = 0; i < n; i++) {
		bool sync = key == 0 ? i == 0 : i % key == 0;
		struct tsmux_unit u = { .data = sync ? idr : other, .len = sizeof(idr),
		    .pts = pts + i * STEP, .dts = pts + i * STEP, .random_access = sync };

		tsmux_put(m, &m->stream[0], &u);
	}
}

static void
run(const struct tsmux *m, int64_t every_ns, size_t split, struct seen *s)
{
	static struct roll r;
	struct roll_config c = { .every_ns = every_ns, .recording = true, .cut = cut,
	    .data = data, .arg = s };
	bool good = true;

	*s = (struct seen){ .copy = malloc(m->len) };
	good &= roll_init(&r, &c) == 0;
	for (size_t at = 0; at < m->len; at += split)
		good &= roll_take(&r, m->out + at, m->len - at < split ? m->len - at : split,
		    false) == 0;
	good &= roll_take(&r, NULL, 0, true) == 0;
	ok(good && s->bytes == m->len && memcmp(s->copy, m->out, m->len) == 0,
	    "all bytes come out, in reads of %zu", split);
	for (unsigned i = 0; i < s->cuts; i++)
		good &= s->at[i] % TS_PACKET == 0;
	ok(good, "cuts are between packets");
	free(s->copy);
	roll_free(&r);
}

static void
new_film(struct tsmux *m)
{
	tsmux_init(m);
	tsmux_add_stream(m, 256, 0x1b, 0xe0, 1);
	tsmux_add_program(m, 1, 32, 256);
}

static void
test_junk(void)
{
	static struct roll r;
	static uint8_t junk[1 << 16];
	struct seen s = { .copy = malloc(64 * sizeof(junk)) };
	struct roll_config c = { .every_ns = CLK_SECOND, .recording = true, .cut = cut,
	    .data = data, .arg = &s };
	bool good = roll_init(&r, &c) == 0;

	for (unsigned i = 0; i < 64; i++)
		good &= roll_take(&r, junk, sizeof(junk), false) == 0;
	ok(good && r.len < 4 * TS_PACKET, "what is no stream is not held back");
	is(r.sync.junk_bytes, s.bytes, "and counted once");
	ok(roll_take(&r, NULL, 0, true) == 0 && s.bytes == 64 * sizeof(junk), "it is all there");
	roll_free(&r);
	free(s.copy);
}

int
main(void)
{
	static const size_t split[] = { 188, 1000, 1 << 20 };
	static struct tsmux m;
	struct seen s;

	new_film(&m);
	film(&m, PES_WRAP - 10 * STEP, 25 * 10, 25);
	for (unsigned i = 0; i < 3; i++) {
		run(&m, 2 * CLK_SECOND, split[i], &s);
		is(s.cuts, 4, "ten seconds, two each: four cuts");
		is(s.slot[0], 1, "the first begins the second interval");
		is(s.slot[3], 4, "the last the fifth");
		is(s.pts[0], (50 - 10) * STEP, "as the source says it, behind its wrap");
		is(s.t[1] - s.t[0], 50 * STEP, "and time goes on");
		is(m.out[s.at[0] + 1] & 0x1f, 0, "it begins with the PAT");
		is(m.out[s.at[0] + 2], 0, "that was before it");
		is(s.forced, 0, "all at access points");
	}
	tsmux_free(&m);

	new_film(&m);
	film(&m, 900000, 25 * 9, 60);
	run(&m, 2 * CLK_SECOND, 1000, &s);
	is(s.cuts, 3, "access points that are rarer");
	is(s.pts[0], 900000 + 60 * STEP, "are waited for");
	is(s.slot[2], 3, "and intervals stay those of the clock");
	tsmux_free(&m);

	new_film(&m);
	film(&m, 900000, 25 * 30, 0);
	run(&m, 2 * CLK_SECOND, 1000, &s);
	ok(s.cuts >= 1 && s.forced == s.cuts, "without any it is cut after all");
	ok(s.pts[0] >= 900000 + 11 * 90000, "ten seconds late");
	tsmux_free(&m);

	new_film(&m);
	film(&m, 900000, 25 * 5, 25);
	for (size_t i = 10 * TS_PACKET; i < m.len; i += TS_PACKET)
		if ((m.out[i + 1] & 0x1f) == 0 && m.out[i + 2] == 0) {
			m.out[i + 1] = 0x1f;	/* no PAT but the first */
			m.out[i + 2] = 0xff;
		}
	run(&m, 2 * CLK_SECOND, 1000, &s);
	is(s.cuts, 2, "without tables on the way");
	is(s.tables, 2, "copies are put in front");
	tsmux_free(&m);
	test_junk();
	return done_testing();
}
