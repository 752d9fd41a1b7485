/*
 * Legs that carry the same packets: gaps filled from the other, order, the window,
 * streams that begin anew, copies that differ, and numbers from an enemy; then a
 * thousand networks at random, of which the output must be the input.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/leg/merge.h"
#include "lib/leg/packet.h"
#include "t/tap.h"

#define MS	INT64_C(1000000)

static struct packet_pool pool;

static struct packet *
make(uint32_t ssrc, unsigned seq, uint32_t content)
{
	struct packet *p = packet_new(&pool, 188);

	p->ssrc = ssrc;
	p->seq = (uint16_t)seq;
	p->has_rtp = true;
	p->len = 188;
	memset(p->data, (int)content, 188);
	memcpy(p->data, &content, sizeof(content));
	return p;
}

static void
push(struct merge *m, unsigned leg, unsigned seq, int64_t ms)
{
	merge_push(m, leg, make(7, seq, seq), ms * MS);
}

/* What comes out by then, as text: "5 6 -2 9", where -2 is a gap of two. */
static const char *
out(struct merge *m, int64_t ms)
{
	static char text[4000];
	size_t n = 0;
	struct packet *p;

	text[0] = '\0';
	while ((p = merge_pop(m, ms * MS)) != NULL && n < sizeof(text) - 40) {
		if (m->gap > 0)
			n += (size_t)snprintf(text + n, 20, "-%d ", (int)m->gap);
		n += (size_t)snprintf(text + n, 20, "%u ", p->seq);
		packet_unref(p);
	}
	return text;
}

static void
says(const char *got, const char *want, const char *what)
{
	if (!ok(strcmp(got, want) == 0, "%s", what))
		printf("# got '%s', want '%s'\n", got, want);
}

static void
test_window(void)
{
	struct merge m;

	is(merge_init(&m, 50 * MS, false), 0, "a window of 50 ms");
	m.nleg = 2;
	push(&m, 0, 65534, 0);
	push(&m, 1, 65533, 1);		/* begins earlier */
	says(out(&m, 49), "", "nothing goes out before its time");
	is(merge_deadline(&m), 50 * MS, "and when that is, is known");
	says(out(&m, 50), "65533 65534 ", "then what is before it goes too, in order");
	push(&m, 0, 65535, 60);
	push(&m, 0, 1, 61);		/* 0 is lost here */
	push(&m, 1, 65534, 62);
	push(&m, 1, 65535, 63);
	push(&m, 1, 0, 64);
	push(&m, 1, 1, 65);
	says(out(&m, 110), "65535 ", "each waits for its own window");
	says(out(&m, 111), "0 1 ", "a gap is filled from the other leg, over the wrap");
	is(m.leg[0].delivered, 3, "the ledger: delivered");
	is(m.leg[1].delivered, 2, "by the other");
	is(m.leg[1].other_leg, 3, "copies of what the first had brought");
	push(&m, 0, 3, 120);
	push(&m, 0, 3, 121);
	says(out(&m, 170), "-1 3 ", "what neither brings is a gap");
	push(&m, 1, 2, 171);
	is(m.leg[1].late, 1, "what comes after it was given up is late");
	is(m.leg[0].duplicate, 1, "twice on one leg is a duplicate");
	is(m.lost, 1, "lost");
	push(&m, 1, 3, 172);
	is(m.leg[1].other_leg, 4, "a copy is known after its packet has gone");
	is(m.leg[1].mismatch, 0, "the same so far");
	push(&m, 0, 4, 180);
	merge_push(&m, 1, make(7, 4, 99), 181 * MS);
	is(m.leg[1].mismatch, 1, "a copy that differs is noticed");
	ok(merge_ledger_ok(&m), "the ledger is whole");
	merge_flush(&m);
	says(out(&m, 181), "4 ", "a flush gives the rest");
	merge_free(&m);
}

static void
test_at_once(void)
{
	struct merge m;

	merge_init(&m, 100 * MS, true);
	push(&m, 0, 10, 0);
	says(out(&m, 0), "10 ", "without a window the first goes at once");
	push(&m, 0, 12, 1);
	push(&m, 0, 13, 2);
	says(out(&m, 100), "", "what is behind a gap waits");
	push(&m, 0, 11, 100);
	says(out(&m, 100), "11 12 13 ", "and goes when it is filled");
	push(&m, 0, 15, 200);
	says(out(&m, 300), "-1 15 ", "or given up");
	push(&m, 0, 30000, 301);
	says(out(&m, 301), "", "a jump is not believed");
	push(&m, 0, 16, 302);
	says(out(&m, 302), "16 ", "when the stream goes on");
	is(m.leg[0].astray, 1, "and the packet was astray");
	push(&m, 0, 30000, 303);
	push(&m, 0, 30001, 304);
	says(out(&m, 304), "30000 30001 ", "but when a second one follows, with both");
	is(m.lost, 1, "a jump is no loss");
	is(m.restarts, 1, "but a new beginning");
	merge_push(&m, 0, make(8, 30002, 1), 305 * MS);
	merge_push(&m, 0, make(8, 30003, 1), 306 * MS);
	says(out(&m, 306), "30002 30003 ", "and so is another SSRC");
	push(&m, 0, 30002, 307);
	push(&m, 0, 30003, 308);
	says(out(&m, 308), "30002 30003 ", "the old one may come back");
	for (unsigned i = 29990; i < 29995; i++)
		push(&m, 0, i, 309);
	says(out(&m, 309), "29990 29991 29992 29993 29994 ",
	    "numbers from before its beginning are another one");
	push(&m, 0, 29991, 310);
	push(&m, 0, 29992, 600);
	push(&m, 0, 29993, 601);
	says(out(&m, 601), "29992 29993 ", "and so are old ones after silence");
	ok(merge_ledger_ok(&m), "the ledger is whole");
	merge_free(&m);
}

static void
test_restart(void)
{
	struct merge m;

	merge_init(&m, 50 * MS, false);
	m.nleg = 2;
	for (unsigned i = 0; i < 5; i++)
		push(&m, 0, 100 + i, i);
	/* The sender begins anew; the second leg is 20 ms behind and has not seen it. */
	for (unsigned i = 0; i < 3; i++)
		merge_push(&m, 0, make(9, 500 + i, i), (int64_t)(5 + i) * MS);
	for (unsigned i = 0; i < 7; i++)
		push(&m, 1, 100 + i, 20 + i);	/* and 105, 106 the first had lost */
	for (unsigned i = 0; i < 4; i++)
		merge_push(&m, 1, make(9, 500 + i, i), (int64_t)(27 + i) * MS);
	says(out(&m, 100), "100 101 102 103 104 105 106 500 501 502 503 ",
	    "a new stream follows the end of the old one, of each leg");
	is(m.lost, 0, "without loss");
	is(m.restarts, 1, "one beginning");
	is(m.leg[1].other_leg, 8, "copies are known across it");
	/* A third leg with another stream cannot take over while there is one ... */
	for (unsigned i = 0; i < 10; i++) {
		merge_push(&m, 2, make(66, i, i), (int64_t)(101 + i) * MS);
		merge_push(&m, 0, make(9, 504 + i, i), (int64_t)(101 + i) * MS);
	}
	is(m.restarts, 1, "a leg of another stream is not followed");
	is(m.leg[2].astray + m.leg[2].aside, 10, "its packets are astray");
	says(out(&m, 200), "504 505 506 507 508 509 510 511 512 513 ", "the others go on");
	for (unsigned i = 10; i < 13; i++)
		merge_push(&m, 2, make(66, i, i), (int64_t)(300 + i) * MS);
	says(out(&m, 400), "9 10 11 12 ", "... but when that is silent it does");
	ok(merge_ledger_ok(&m), "the ledger is whole");
	merge_free(&m);
}

static uint64_t
draw(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

/* Numbers, SSRCs and times by chance: bounded, and each packet in one count. */
/* Both legs silent while 5000 packets go by; of jump_ms the timestamps tell. */
static void
fall_silent(struct merge *m, int64_t silent_ms, unsigned jump, int64_t told_ms)
{
	merge_init(m, 50 * MS, false);
	m->nleg = 2;
	for (unsigned i = 0; i < 20; i++) {
		int64_t at = i < 10 ? i : silent_ms + i;
		struct packet *p;

		for (unsigned leg = 0; leg < 2; leg++) {
			p = make(7, 60000 + i + (i < 10 ? 0 : jump), i);
			p->timestamp = (uint32_t)(i + (i < 10 ? 0 : told_ms)) * 90;
			merge_push(m, leg, p, at * MS);
		}
		while ((p = merge_pop(m, at * MS)) != NULL)
			packet_unref(p);
	}
	merge_flush(m);
	for (struct packet *p; (p = merge_pop(m, INT64_MAX / 2)) != NULL;)
		packet_unref(p);
}

static void
test_silence(void)
{
	struct merge m;

	fall_silent(&m, 7000, 5000, 7000);
	is(m.restarts, 0, "7 s of silence in which 5000 went by: the same stream");
	is(m.lost, 5000, "which has lost them");
	is(m.delivered, 20, "and nothing else");
	ok(merge_ledger_ok(&m), "the ledger is whole");
	merge_free(&m);
	fall_silent(&m, 7000, 5000, 90000);
	is(m.restarts, 1, "when the timestamps do not agree it is another one");
	is(m.lost, 0, "of which nothing is lost");
	merge_free(&m);
}

/* Two senders to one port: streams that begin again and again within one window. */
static void
test_many_streams(void)
{
	struct packet *p;
	unsigned restarted = 0;
	struct merge m;

	merge_init(&m, 100 * MS, false);
	for (unsigned i = 0; i < 6; i++)
		for (unsigned n = 0; n < 3; n++)
			merge_push(&m, 0, make(i % 2 + 1, (i % 2 + 1) * 20000 + i * 10 + n, n),
			    (i * 3 + n) * MS);
	while ((p = merge_pop(&m, 200 * MS)) != NULL) {
		restarted += m.restarted;
		packet_unref(p);
	}
	is(m.delivered, 18, "six streams in a window");
	is(m.restarts, 5, "begin anew");
	is(restarted, 5, "which is told of each");
	is(m.lost, 0, "and nothing is lost between them");
	ok(merge_ledger_ok(&m), "the ledger is whole");
	merge_free(&m);
}

static void
test_enemy(void)
{
	struct merge m;
	uint64_t s = 5, wrong = 0, most = 0;

	merge_init(&m, 20 * MS, false);
	m.nleg = 3;
	for (int64_t i = 0; i < 300000; i++) {
		unsigned kind = (unsigned)draw(&s) % 4;
		static unsigned walk;
		struct packet *p;

		walk += kind == 0 ? 2999 : kind == 1 ? 1 : (unsigned)draw(&s) % 70000;
		merge_push(&m, (unsigned)draw(&s) % 3, make((unsigned)draw(&s) % 2,
		    walk, (unsigned)i), i * MS / 100);
		while ((p = merge_pop(&m, i * MS / 100)) != NULL)
			packet_unref(p);
		most = pool.bytes > most ? pool.bytes : most;
		wrong += i % 1000 == 0 && !merge_ledger_ok(&m);
	}
	is(wrong, 0, "numbers by chance leave the ledger whole");
	ok(most <= (uint64_t)MERGE_AHEAD * PACKET_ROOM, "and memory bounded");
	merge_free(&m);
	is(pool.bytes, 0, "all of it is given back");
}

/* ---- the property: what one leg at least brings within the window comes out */

#define LEGS	3
#define COUNT	400

struct event {
	int64_t	 at_ns;
	unsigned leg, n;
};

static int
by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

static bool
simulate(uint64_t seed)
{
	static struct event ev[LEGS * COUNT * 2];
	uint64_t s = seed * 7919 + 1;
	unsigned nleg = 1 + (unsigned)draw(&s) % LEGS, first = (unsigned)draw(&s) % 65536;
	int64_t window = 60 * MS, want = 0;
	size_t n = 0, i = 0;
	struct merge m;
	struct packet *p;
	bool good = true;

	for (unsigned k = 0; k < COUNT; k++) {
		bool arrived = false;

		for (unsigned leg = 0; leg < nleg; leg++) {
			bool last = leg == nleg - 1 && !arrived;

			if (k > 0 && !last && draw(&s) % 100 < 40)
				continue;
			arrived = true;
			/* Up to 58 ms after the first could have come. */
			for (unsigned twice = 0; twice < 1 + (draw(&s) % 10 == 0); twice++)
				ev[n++] = (struct event){ k * MS + (int64_t)(draw(&s) %
				    (uint64_t)(58 * MS)), leg, k };
		}
	}
	/* The first packet of all comes first, or those before it have no place. */
	for (size_t e = 0; e < n; e++)
		if (ev[e].n == 0)
			ev[e].at_ns = -1;
	qsort(ev, n, sizeof(ev[0]), by_time);
	merge_init(&m, window, draw(&s) % 2 == 0);
	m.nleg = nleg;
	for (i = 0; i <= n; i++) {
		int64_t now = i < n ? ev[i].at_ns : INT64_MAX / 2;

		if (i == n)
			merge_flush(&m);
		while ((p = merge_pop(&m, now)) != NULL) {
			uint32_t content;

			memcpy(&content, p->data, sizeof(content));
			good &= content == want++ && m.gap == 0;
			packet_unref(p);
		}
		if (i < n)
			merge_push(&m, ev[i].leg, make(1, first + ev[i].n, ev[i].n), now);
	}
	good &= want == COUNT && m.lost == 0 && merge_ledger_ok(&m);
	merge_free(&m);
	return good;
}

int
main(void)
{
	unsigned bad = 0;

	packet_pool_init(&pool, 512 << 20);
	test_window();
	test_at_once();
	test_restart();
	test_silence();
	test_many_streams();
	test_enemy();
	for (uint64_t seed = 0; seed < 1000; seed++)
		bad += !simulate(seed);
	is(bad, 0, "of 1000 networks at random, output that is not the input");
	is(pool.bytes, 0, "nothing is left in the pool");
	packet_pool_free(&pool);
	return done_testing();
}
