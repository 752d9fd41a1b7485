/*
 * Legs of one stream that are far apart, by as much as the window allows and more, with
 * many null packets or other ones, that swap and begin again: what comes out is the
 * stream, byte for byte where one leg or another has all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"
#include "transport/content.c"
#include "transport/contentapart.c"
#include "transport/contentlist.c"
#include "transport/contentput.c"

#define MS	INT64_C(1000000)
#define PACE_20M	INT64_C(75200)	/* ns of a packet at 20 Mb/s */
#define PACE_100M	INT64_C(15040)
#define NONE	(-1)
#define OTHER	1000000000		/* and more: of another stream */

/* What a packet is: this many of ten are null packets; runs of so many are alike. */
static unsigned nulls_of_10, alike;

static bool
a_null(int n)
{
	return (unsigned)n * UINT32_C(2654435761) % 1000003 % 10 < nulls_of_10;
}

static bool
a_table(int n)
{
	return n % 500 == 1;
}

static void
fill(uint8_t p[static TS_PACKET], int n)
{
	memset(p, 0xff, TS_PACKET);
	p[0] = TS_SYNC;
	p[1] = a_table(n) ? 0 : a_null(n) ? 0x1f : 0x01;
	p[2] = a_table(n) ? 0 : a_null(n) ? 0xff : 5;
	p[3] = 0x10;
	if (a_table(n)) {
		p[3] = (uint8_t)(0x10 | n / 500 % 16);
	} else if (!a_null(n)) {
		/* Half of the time runs of the same packet, else each is another. */
		int say = alike > 0 && n / (int)alike % 2 == 1 ? n / (int)alike * (int)alike : n;

		p[3] = (uint8_t)(0x10 | say % 16);
		memcpy(p + 4, &say, sizeof(say));
	}
}

struct way {
	int64_t	 delay_ns;
	int	 (*send)(int n);	/* what is sent in place of n, or NONE */
	int	 (*more)(int n);	/* null packets behind it; or NULL */
	int64_t	 (*moves)(int n);	/* delay besides; or NULL */
	int	 n;
	int64_t	 found_ns;		/* when it was locked last */
	bool	 locked;
};

struct result {
	unsigned out, missing, wrong, hurried, longest_ms;
	bool	 exact;
};

/* Is what came out of the stream, behind what came out before? */
static void
judge(struct result *r, const uint8_t *out, int *next, int *from)
{
	uint8_t p[TS_PACKET];
	int n;

	if (*from < 0 && out[1] == 0x01) {
		memcpy(&n, out + 4, sizeof(n));
		*next = n;
		*from = n - (int)r->out;
	}
	if (*from >= 0) {
		fill(p, *from + (int)r->out);
		r->exact &= memcmp(p, out, TS_PACKET) == 0;
	}
	r->out++;
	if (out[1] != 0x01)
		return;
	memcpy(&n, out + 4, sizeof(n));
	if (alike > 0 && n < *next && *next - n < (int)alike)
		return;
	if (n < *next) {
		r->wrong++;
		return;
	}
	for (; *next < n; (*next)++)
		r->missing += !a_null(*next) && !a_table(*next) && alike == 0;
	*next = n + 1;
}

static struct result
play(struct content *c, struct way *way, unsigned nway, int count, int64_t pace_ns,
    int64_t window_ns)
{
	struct result r = { .exact = true };
	int next = 0, from = -1;
	uint8_t p[TS_PACKET];
	const uint8_t *out;

	content_init(c, window_ns);
	for (;;) {
		unsigned which = nway;
		int64_t now = INT64_MAX / 2, at;
		struct way *w;
		int n;

		for (unsigned i = 0; i < nway; i++) {
			w = &way[i];
			at = (w->n * pace_ns) + w->delay_ns + (w->moves ? w->moves(w->n) : 0);
			if (w->n < count && at < now) {
				which = i;
				now = at;
			}
		}
		if (which == nway)
			content_flush(c);
		while ((out = content_pop(c, now)) != NULL)
			judge(&r, out, &next, &from);
		if (which == nway)
			break;
		w = &way[which];
		if ((n = w->send(w->n)) != NONE) {
			fill(p, n);
			content_push(c, which, p, now);
			memcpy(p, (uint8_t[]){ TS_SYNC, 0x1f, 0xff, 0x10 }, 4);
			memset(p + 4, 0xff, TS_PACKET - 4);
			for (int k = w->more != NULL ? w->more(w->n) : 0; k > 0; k--)
				content_push(c, which, p, now);
		}
		w->n++;
		if (c->leg[which].locked && !w->locked)
			w->found_ns = now;
		w->locked = c->leg[which].locked;
	}
	return r;
}

static int
all(int n)
{
	return n;
}

/* What is sure: each packet of a leg in one count, nothing twice, in order. */
static bool
sound(const struct content *c, const struct result *r)
{
	bool sound = content_ledger_ok(c) && r->wrong == 0;

	if (!sound)
		printf("# ledger %d, %u wrong\n", content_ledger_ok(c), r->wrong);
	return sound;
}

static void
say(const struct content *c, const struct result *r, unsigned nway)
{
	printf("# out %u, missing %u, wrong %u, exact %d\n", r->out, r->missing, r->wrong,
	    r->exact);
	for (unsigned i = 0; i < nway; i++)
		printf("# leg %u: first %d filled %d other %d nulls %d astray %d late %d overflow "
		    "%d locked %d\n", i, (int)c->leg[i].first, (int)c->leg[i].filled,
		    (int)c->leg[i].other_leg, (int)c->leg[i].nulls, (int)c->leg[i].astray,
		    (int)c->leg[i].late, (int)c->leg[i].overflow, c->leg[i].locked);
}

/* ---- a leg that comes back far ahead of the other */

static int joins;

static int
back_later(int n)
{
	return n > joins / 2 && n < joins ? NONE : n;
}

static void
ahead(const char *what, int64_t by_ns, int64_t pace_ns, int64_t window_ns)
{
	struct content c;
	int second = (int)(1000 * MS / pace_ns);
	struct way way[2] = { { .delay_ns = by_ns, .send = all }, { .send = back_later } };
	struct result r;
	int64_t took;

	joins = 3 * second;
	r = play(&c, way, 2, 5 * second, pace_ns, window_ns);
	took = way[1].found_ns - joins * pace_ns - by_ns;
	if (!ok(sound(&c, &r) && r.missing == 0 && r.exact && way[1].locked,
	    "%s: nothing is lost", what))
		say(&c, &r, 2);
	if (!ok(c.leg[1].locked && took < 20 * MS, "and it is found at once"))
		printf("# %d ms later than it can be\n", (int)(took / MS));
	content_free(&c);
}

/* ---- null packets in a hole */

static int
holes(int n)
{
	return n > 2000 && n % 1000 < 230 ? NONE : n;
}

static int
other_holes(int n)
{
	return n > 2000 && n % 1000 > 500 && n % 1000 < 700 ? NONE : n;
}

static void
nulls(const char *what, int64_t by_ns, unsigned of_10)
{
	struct content c;
	struct way way[2] = { { .send = holes }, { .delay_ns = by_ns, .send = other_holes } };
	struct result r;

	nulls_of_10 = of_10;
	r = play(&c, way, 2, 40000, PACE_20M, 200 * MS);
	nulls_of_10 = 0;
	if (!ok(sound(&c, &r) && r.missing == 0 && r.exact, "%s: byte for byte", what))
		say(&c, &r, 2);
	content_free(&c);
}

/* Datagrams of seven, at random: percent of them on each leg, never the same on both. */
static unsigned percent;

static bool
strikes(int n, unsigned leg)
{
	uint64_t x = (uint64_t)(n / 7 + 1) * UINT64_C(0x9e3779b97f4a7c15) * (leg + 3);

	x ^= x >> 31;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 29;
	return n > 200 && x % 1000003 % 100 < percent;
}

static int
loses_0(int n)
{
	return strikes(n, 0) ? NONE : n;
}

static int
loses_1(int n)
{
	return strikes(n, 1) && !strikes(n, 0) ? NONE : n;
}

static void
losses(unsigned of_100, int64_t by_ns, unsigned of_10)
{
	struct content c;
	struct way way[2] = { { .send = loses_0 }, { .delay_ns = by_ns, .send = loses_1 } };
	struct result r;

	percent = of_100;
	nulls_of_10 = of_10;
	r = play(&c, way, 2, 200000, PACE_20M, 200 * MS);
	nulls_of_10 = 0;
	/* What each has lost beside what the other has may lack a few null packets. */
	if (!ok(sound(&c, &r) && r.missing == 0 && r.out > 199900 && (of_10 > 0 || r.out == 200000),
	    "%u %% of datagrams lost on each, of one %d ms behind, %u %% null", of_100,
	    (int)(by_ns / MS), of_10 * 10))
		say(&c, &r, 2);
	content_free(&c);
}

static int
some(int n)
{
	return n % 5 == 0;
}

static int
no_nulls(int n)
{
	return a_null(n) ? NONE : n;
}

static void
restuffed(const char *what, int (*send)(int), int (*more)(int))
{
	struct content c;
	struct way way[2] = { { .send = all }, { .delay_ns = 20 * MS, .send = send, .more = more } };
	struct result r;

	nulls_of_10 = 3;
	r = play(&c, way, 2, 40000, PACE_20M, 200 * MS);
	/* Its own null packets must not be put to those of the first. */
	if (!ok(sound(&c, &r) && r.missing == 0 && r.out < 40000 + 40000 / 50 &&
	    c.leg[1].other_leg > 27000, "%s: what is not null is merged", what))
		say(&c, &r, 2);
	content_free(&c);
	way[0] = (struct way){ .send = send, .more = more };
	way[1] = (struct way){ .delay_ns = 20 * MS, .send = holes };
	r = play(&c, way, 2, 40000, PACE_20M, 200 * MS);
	if (!ok(sound(&c, &r) && r.missing == 0, "and so it is when it is ahead"))
		say(&c, &r, 2);
	nulls_of_10 = 0;
	content_free(&c);
}

/* ---- other streams */

static int
swaps_0(int n)
{
	return n < 20000 ? n : OTHER + n;
}

static int
swaps_1(int n)
{
	return n < 20000 ? OTHER + n : n;
}

static int
restarts(int n)
{
	return n < 20000 ? n : n - 20000;
}

static int
other(int n)
{
	return OTHER + n;
}

static int
dies_early(int n)
{
	return n < 40000 ? n : NONE;
}

static int
joins_late(int n)
{
	return n < joins ? NONE : n;
}

/* A leg that is further behind than the window: said, and nothing comes out twice. */
static void
test_apart(void)
{
	struct content c;
	struct way way[2] = { { .send = dies_early }, { .delay_ns = 1000 * MS, .send = all } };
	struct result r = play(&c, way, 2, 39000, PACE_20M, 200 * MS);

	is(c.leg[1].apart_ns / MS, 1000, "ms that a leg is behind, more than the window");
	ok(content_apart(&c, 1) && !content_apart(&c, 1), "it is said once");
	ok(!content_apart(&c, 0), "of that one alone");
	is(c.leg[1].astray, 39000, "all of it is astray");
	content_free(&c);
	way[0].n = way[1].n = 0;
	r = play(&c, way, 2, 80000, PACE_20M, 200 * MS);
	if (!ok(sound(&c, &r) && r.missing == 0 && r.exact && r.out == 80000,
	    "when the other dies, it goes on from there"))
		say(&c, &r, 2);
	content_free(&c);
	way[0] = (struct way){ .delay_ns = 900 * MS, .send = all };
	way[1] = (struct way){ .send = joins_late };
	joins = 20000;
	r = play(&c, way, 2, 40000, PACE_20M, 200 * MS);
	is(c.leg[1].apart_ns / -MS, 900, "ms that one is ahead, that comes later");
	if (!ok(content_apart(&c, 1) && sound(&c, &r) && r.missing == 0 && r.exact,
	    "and by that nothing is lost"))
		say(&c, &r, 2);
	content_free(&c);
}

/* More packets in the window than there is room for: they go out early. */
static void
test_room(void)
{
	struct content c;
	struct way way[2] = { { .send = holes }, { .delay_ns = 50 * MS, .send = other_holes } };
	struct result r = play(&c, way, 2, 600000, PACE_100M, 15000 * MS);

	if (!ok(sound(&c, &r) && r.missing == 0 && r.exact && c.hurried > 100000,
	    "without room for the window packets go out before it is over"))
		say(&c, &r, 2);
	content_free(&c);
}

int
main(void)
{
	test_apart();
	test_room();
	struct content c;
	struct result r;

	ahead("140 ms ahead at 20 Mb/s", 140 * MS, PACE_20M, 600 * MS);
	ahead("500 ms ahead at 20 Mb/s", 500 * MS, PACE_20M, 600 * MS);
	ahead("500 ms ahead at 100 Mb/s", 500 * MS, PACE_100M, 600 * MS);
	ahead("1500 ms ahead at 20 Mb/s", 1500 * MS, PACE_20M, 1600 * MS);
	nulls("null packets in a hole", 0, 3);
	nulls("many, and the other is 30 ms behind", 30 * MS, 8);
	nulls("and ahead", -30 * MS, 8);
	losses(1, 0, 0);
	losses(5, 20 * MS, 0);
	losses(6, -30 * MS, 0);
	losses(2, 20 * MS, 3);
	losses(5, -20 * MS, 3);
	restuffed("no null packets", no_nulls, NULL);
	restuffed("more of them", all, some);
	restuffed("others", no_nulls, some);

	/* Nobody knows which one is right: it must be one of them. */
	struct way swap[2] = { { .send = swaps_0 }, { .delay_ns = 10 * MS, .send = swaps_1 } };

	r = play(&c, swap, 2, 40000, PACE_20M, 200 * MS);
	if (!ok(sound(&c, &r) && r.out >= 39000 && r.out <= 40000, "legs that swap their streams"))
		say(&c, &r, 2);
	content_free(&c);

	struct way again[2] = { { .send = all }, { .delay_ns = 10 * MS, .send = restarts } };

	r = play(&c, again, 2, 40000, PACE_20M, 200 * MS);
	if (!ok(sound(&c, &r) && r.missing == 0 && r.exact, "a leg that begins again is left alone"))
		say(&c, &r, 2);
	content_free(&c);

	struct way three[3] = { { .send = all }, { .delay_ns = 10 * MS, .send = other },
		{ .delay_ns = 11 * MS, .send = other } };

	r = play(&c, three, 3, 40000, PACE_20M, 200 * MS);
	if (!ok(sound(&c, &r) && r.missing == 0 && r.exact, "two legs of another stream are left alone"))
		say(&c, &r, 3);
	content_free(&c);

	struct way many[16];

	for (unsigned i = 0; i < 16; i++)
		many[i] = (struct way){ .delay_ns = i * 25 * MS, .send = i % 4 == 0 ? holes :
		    i % 4 == 1 ? other_holes : i % 4 == 2 ? back_later : all };
	joins = 20000;
	r = play(&c, many, 16, 40000, PACE_20M, 500 * MS);
	if (!ok(sound(&c, &r) && r.missing == 0 && r.exact, "16 legs"))
		say(&c, &r, 16);
	content_free(&c);

	alike = 3000;
	struct way run[2] = { { .send = holes }, { .delay_ns = 30 * MS, .send = other_holes } };

	r = play(&c, run, 2, 40000, PACE_20M, 400 * MS);
	if (!ok(sound(&c, &r) && r.missing == 0, "runs of the same packet"))
		say(&c, &r, 2);
	content_free(&c);
	alike = 0;
	return done_testing();
}
