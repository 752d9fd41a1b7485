/*
 * Who calls at which port: by example, and at random with what librist does as the
 * measure; it looks at a port for one it knows there, and if there are others only, at
 * the other port's as well.
 */
#include <stdlib.h>

#include "t/tap.h"
#include "lib/leg/ristcallers.h"
#include "lib/leg/ristcallers.c"

#define SOURCES	6
#define TURNS	200000

static const struct ristfilter_source a = { 0x7f000001, 5000 }, b = { 0x7f000001, 5001 },
    c = { 0x7f000002, 5000 };

static void
test_pair(void)
{
	static struct ristcallers s;
	struct ristfilter_source list[RISTFILTER_SOURCES];

	ok(ristcallers_add(&s, "a", &a, true), "reports from one port");
	is(ristcallers_apart(&s, false, list), 0, "which is alone, and may send media too");
	ok(ristcallers_add(&s, "b", &b, false), "media from another");
	is(ristcallers_apart(&s, false, list), 1, "now one may send no media");
	ok(same(&list[0], &a), "that of the reports");
	is(ristcallers_apart(&s, true, list), 1, "and one no reports");
	ok(same(&list[0], &b), "that of the media");
	ok(!ristcallers_add(&s, "b1", &b, true), "and is not let in as such");
	ok(ristcallers_add(&s, "c", &c, true), "the same port of another address is another");
	ok(ristcallers_remove(&s, "a") && ristcallers_remove(&s, "c"), "two go");
	ok(!ristcallers_remove(&s, "c"), "who has gone is not there");
	is(ristcallers_apart(&s, true, list), 0, "and the one left is alone");
}

static void
test_one_port(void)
{
	static struct ristcallers s;
	struct ristfilter_source list[RISTFILTER_SOURCES];

	ok(ristcallers_add(&s, "a", &a, false), "media");
	ok(ristcallers_add(&s, "a1", &a, true), "and reports from one port");
	is(ristcallers_apart(&s, false, list) + ristcallers_apart(&s, true, list), 0,
	    "are heard");
	ok(ristcallers_add(&s, "b", &b, true), "then another comes");
	is(ristcallers_apart(&s, true, list), 1, "one of them is kept from one port");
	ok(same(&list[0], &a), "which is the first");
	is(ristcallers_apart(&s, false, list), 2, "and two from the other");
	ok(ristcallers_remove(&s, "b"), "until the other goes");
	is(ristcallers_apart(&s, false, list) + ristcallers_apart(&s, true, list), 0,
	    "then it is heard again");
}

static void
test_room(void)
{
	static struct ristcallers s;
	static char name[RISTFILTER_SOURCES + 1];
	struct ristfilter_source who = a, list[RISTFILTER_SOURCES];
	unsigned n = 0;

	for (; n <= RISTFILTER_SOURCES && ristcallers_add(&s, &name[n], &who, false); n++)
		who.port++;
	is(n, RISTFILTER_SOURCES, "there is room for so many");
	is(ristcallers_apart(&s, true, list), RISTFILTER_SOURCES, "all of them apart");
	is(ristcallers_apart(&s, false, list), 0, "from one port");
}

/* May it call at that port, with what is there, and be taken for the other's? */
static bool
mistaken(const struct ristcallers *s, const struct ristfilter_source *who, bool odd)
{
	struct ristfilter_source list[RISTFILTER_SOURCES];
	unsigned n = ristcallers_apart(s, odd, list);
	bool others = false;

	for (unsigned i = 0; i < n; i++)
		if (same(&list[i], who))
			return false;
	for (unsigned i = 0; i < RISTFILTER_SOURCES; i++)
		others |= s->slot[i].peer != NULL && s->slot[i].odd == odd &&
		    !same(&s->slot[i].source, who);
	return others && known(s, who, !odd);
}

static void
test_random(void)
{
	static struct ristcallers s;
	static char name[2 * SOURCES];
	unsigned wrong = 0, in = 0, refused = 0;

	srandom(3);
	for (int i = 0; i < TURNS; i++) {
		unsigned k = (unsigned)random() % (2 * SOURCES);
		struct ristfilter_source who = { 7, (uint16_t)(k / 2) };

		if (random() % 3 == 0)
			ristcallers_remove(&s, &name[k]);
		else if (!known(&s, &who, k % 2) && ristcallers_add(&s, &name[k], &who, k % 2))
			in++;
		else
			refused++;
		for (k = 0; k < 2 * SOURCES; k++) {
			who.port = (uint16_t)(k / 2);
			wrong += mistaken(&s, &who, k % 2);
		}
	}
	is(wrong, 0, "%u come in and %u do not: none is taken for another", in, refused);
	ok(in > 1000 && refused > 1000, "of both there are many");
}

int
main(void)
{
	test_pair();
	test_one_port();
	test_room();
	test_random();
	return done_testing();
}
