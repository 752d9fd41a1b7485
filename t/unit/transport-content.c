/*
 * Legs that carry the same packets without numbers: aligned, filled from one another,
 * taken over when one dies; a leg with something else; then networks at random.
 */
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"
#include "transport/content.c"
#include "transport/contentapart.c"
#include "transport/contentlist.c"
#include "transport/contentput.c"

#define MS	INT64_C(1000000)
#define COUNT	3000

static uint64_t
draw(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

/* Packet n of a stream: each seventh a null packet, each fiftieth the same table. */
static void
fill(uint8_t p[static TS_PACKET], unsigned stream, unsigned n)
{
	memset(p, 0xff, TS_PACKET);
	p[0] = TS_SYNC;
	if (n % 7 == 6) {
		p[1] = 0x1f;
		p[2] = 0xff;
		p[3] = 0x10;
		return;
	}
	p[1] = 0x01;
	p[2] = (uint8_t)stream;
	p[3] = (uint8_t)(0x10 | n % 16);
	if (n % 50 == 1)
		p[1] = p[2] = 0;
	else
		memcpy(p + 4, &n, sizeof(n));
}

struct event {
	int64_t	 at_ns;
	unsigned leg, n;
};

static int
by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->at_ns != y->at_ns ? (x->at_ns < y->at_ns ? -1 : 1) :
	    x->n < y->n ? -1 : x->n > y->n;
}

/* Is what is in the list where the index says, and all of it? */
static bool
is_sound(const struct content *c)
{
	uint32_t n = c->head, in_list = 0, in_buckets = 0;
	bool sound = true;

	for (; n != 0; n = c->node[n].next, in_list++) {
		sound &= c->node[n].prev == 0 ? n == c->head :
		    c->node[n].order > c->node[c->node[n].prev].order;
		sound &= c->node[n].mute || content_find(c, n, c->node[n].hash) == n;
		in_buckets += c->node[n].mute;
	}
	for (unsigned i = 0; i < CONTENT_BUCKETS; i++)
		for (n = c->bucket[i].first; n != 0; n = c->node[n].next_like)
			in_buckets++;
	return sound && in_list == c->in_list && in_buckets == in_list;
}

struct result {
	unsigned wrong, missing, extra;	/* list; packets but nulls */
};

/* The output is the packets of the stream, which may lack nulls. */
static struct result
play(struct content *c, struct event *ev, size_t n, unsigned count)
{
	struct result r = { 0 };
	unsigned next = 0;
	uint8_t p[TS_PACKET];
	const uint8_t *out;

	qsort(ev, n, sizeof(*ev), by_time);
	for (size_t i = 0; i <= n; i++) {
		int64_t now = i < n ? ev[i].at_ns : INT64_MAX / 2;

		if (i % 1000 == 0 && !is_sound(c))
			r.wrong++;
		if (i == n)
			content_flush(c);
		while ((out = content_pop(c, now)) != NULL) {
			unsigned at = next;

			if (out[1] == 0x1f)
				continue;
			for (; at < count; at++) {
				fill(p, 5, at);
				if (memcmp(p, out, TS_PACKET) == 0)
					break;
				if (at % 7 != 6 && at > next + 400)
					break;
			}
			if (at == count || memcmp(p, out, TS_PACKET) != 0) {
				r.extra++;
				continue;
			}
			for (; next < at; next++)
				r.missing += next % 7 != 6;
			next = at + 1;
		}
		if (i < n) {
			fill(p, ev[i].leg == 9 ? 77 : 5, ev[i].n);
			content_push(c, ev[i].leg, p, now);
		}
	}
	for (; next < count; next++)
		r.missing += next % 7 != 6;
	return r;
}

/* Two legs, the second later by skew; gone(leg, n) says what is lost. */
static struct result
two(struct content *c, int64_t skew_ms, bool (*gone)(unsigned leg, unsigned n))
{
	static struct event ev[2 * COUNT];
	size_t k = 0;

	content_init(c, 100 * MS);
	for (unsigned n = 0; n < COUNT; n++)
		for (unsigned leg = 0; leg < 2; leg++)
			if (!gone(leg, n))
				ev[k++] = (struct event){ n * MS / 4 + (leg > 0 ? skew_ms * MS : 0),
				    leg, n };
	return play(c, ev, k, COUNT);
}

static bool
none(unsigned leg, unsigned n)
{
	(void)leg;
	(void)n;
	return false;
}

static bool
in_turn(unsigned leg, unsigned n)
{
	return n > 100 && n / 40 % 4 == (leg == 0 ? 1 : 3);
}

static bool
single(unsigned leg, unsigned n)
{
	return n > 100 && n % 23 == (leg == 0 ? 3 : 11);
}

/* The second dies, the first has been ahead; then the first, for good. */
static bool
dies(unsigned leg, unsigned n)
{
	return leg == 0 ? (n > 800 && n < 1200) || n > 2400 : n > 1500 && n < 2000;
}

static void
check(const char *what, int64_t skew_ms, bool (*gone)(unsigned leg, unsigned n))
{
	struct content c;
	struct result r = two(&c, skew_ms, gone);

	if (!ok(r.missing + r.extra + r.wrong == 0 && content_ledger_ok(&c), "%s", what))
		printf("# %u missing, %u extra, ledger %d, late %d %d, astray %d %d\n", r.missing,
		    r.extra, content_ledger_ok(&c), (int)c.leg[0].late, (int)c.leg[1].late,
		    (int)c.leg[0].astray, (int)c.leg[1].astray);
	content_free(&c);
}

/* Legs at random: runs that are lost on one while another has them. */
static bool
simulate(uint64_t seed, bool say)
{
	static struct event ev[3 * COUNT];
	static unsigned char lost[3][COUNT];
	uint64_t s = seed * 7919 + 1;
	unsigned nleg = 2 + (unsigned)draw(&s) % 2;
	struct content c;
	struct result r;
	size_t k = 0;

	memset(lost, 0, sizeof(lost));
	for (unsigned n = 60; n < COUNT - 60;) {
		unsigned run = 1 + (unsigned)draw(&s) % 60, leg = (unsigned)draw(&s) % nleg;

		for (unsigned i = 0; i < run && n + i < COUNT - 60; i++)
			for (unsigned l = 0; l < nleg; l++)
				lost[l][n + i] = (nleg == 2 ? l == leg : l != leg);
		n += run + 12 + (unsigned)draw(&s) % 200;
	}
	for (unsigned l = 0; l < nleg; l++) {
		int64_t skew = (int64_t)(draw(&s) % 30) * MS;

		for (unsigned n = 0; n < COUNT; n++)
			if (!lost[l][n])
				ev[k++] = (struct event){ n * MS / 4 + skew, l, n };
	}
	content_init(&c, 120 * MS);
	r = play(&c, ev, k, COUNT);
	if (say)
		printf("# seed %d: %u missing, %u extra\n", (int)seed, r.missing, r.extra);
	k = r.missing + r.extra + r.wrong == 0 && content_ledger_ok(&c);
	content_free(&c);
	return k > 0;
}

/* 100 Mb/s: 20000 packets are in the window.  A leg that comes later is found there. */
static void
test_long(void)
{
	enum { PACE_NS = 15000, SKEW = 670, FROM = 25000, UPTO = FROM + 1000 };
	struct content c;
	uint8_t p[TS_PACKET];
	uint64_t seed = 1;

	content_init(&c, 300 * MS);
	for (unsigned n = 0; n < UPTO; n++) {
		int64_t now = (int64_t)n * PACE_NS;

		fill(p, 5, n);
		content_push(&c, 0, p, now);
		if (n > FROM) {
			fill(p, 5, n - SKEW);
			content_push(&c, 1, p, now);
		}
		while (content_pop(&c, now) != NULL)
			;
	}
	ok(c.in_list > 16384 && is_sound(&c), "%u packets are in the window", c.in_list);
	ok(c.leg[1].locked, "a leg is found in the last of them");
	ok(c.leg[1].other_leg > 700, "and what it brings: %d", (int)c.leg[1].other_leg);

	/* Between two there is room for thousands. */
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t n;

		memcpy(p + 8, &i, sizeof(i));
		n = content_node_new(&c, 0, p, draw(&seed), false);
		content_link(&c, n, i % 3 == 0 ? c.head : c.node[c.head].next);
	}
	ok(is_sound(&c), "20000 are put in between");
	content_free(&c);
}

int
main(void)
{
	struct content c;
	struct event ev[COUNT + 400];
	struct result r;
	unsigned bad = 0;
	size_t k = 0;

	check("two that are the same", 0, none);
	check("the second is 40 ms behind", 40, none);
	check("runs of 40 are lost on each in turn", 0, in_turn);
	check("and 30 ms behind", 30, in_turn);
	check("single packets are lost on each", 20, single);
	check("legs die and come back, the one ahead too", 25, dies);

	content_init(&c, 100 * MS);
	for (unsigned n = 0; n < COUNT; n++)
		ev[k++] = (struct event){ n * MS / 4, 0, n };
	for (unsigned n = 0; n < 400; n++)
		ev[k++] = (struct event){ n * MS, 9, n };
	r = play(&c, ev, k, COUNT);
	is(r.missing + r.extra, 0, "a leg with another stream adds nothing");
	is(c.leg[9].astray + c.leg[9].nulls, 400, "it is astray");
	ok(content_ledger_ok(&c), "the ledger is whole");
	content_free(&c);
	test_long();
	for (uint64_t seed = 0; seed < 300; seed++)
		if (!simulate(seed, false) && bad++ < 3)
			simulate(seed, true);
	is(bad, 0, "of 300 networks at random, output that is not the input");
	return done_testing();
}
