/*
 * The decoder against a second one that knows only which packets there are, packet by
 * packet, and against the bounds of the code; several legs; anything at once.
 */
#include <math.h>

#include "t/tap.h"
#include "t/unit/fec2022run.h"

/* ---- bounds */

/* Missing packets of each matrix: their mean, and how far off the mean of so many is. */
static void
spread(const bool *have, unsigned packets, unsigned area, double *mean, double *error)
{
	double sum = 0, square = 0;
	unsigned n = packets / area;

	for (unsigned m = 0; m < n; m++) {
		unsigned missing = 0;

		for (unsigned i = 0; i < area; i++)
			missing += !have[m * area + i];
		sum += missing;
		square += (double)missing * missing;
	}
	*mean = sum / n / area;
	*error = sqrt((square / n - sum / n * (sum / n)) / n) / area;
}

/* want: what a simulation of the code alone gave, to two digits, or a formula. */
static void
bound(const struct link *k, unsigned legs, unsigned packets, double want)
{
	unsigned area = k->l * k->d;
	struct outcome o;
	bool *have = malloc(packets);
	double mean, error;

	begin(packets, 1000 * k->l + 10 * k->d + (uint64_t)(k->loss * 100) + k->rows);
	for (unsigned leg = 0; leg < legs; leg++) {
		struct link other = *k;

		other.leg = leg;
		other.delay = leg * 7.25;
		over(&other, 0, packets);
	}
	memcpy(have, known, packets);
	fixpoint(have);
	spread(have, packets, area, &mean, &error);
	o = run(k->kind, packets, 1024, 0);
	ok(o.wrong == 0 && o.differ == 0, "%u x %u%s, %g %% lost%s: %u recovered, %u wrong, "
	    "%u not as the code allows", k->l, k->d, k->rows ? "" : ", columns only",
	    k->loss * 100, legs > 1 ? " on both legs" : "", o.recovered, o.wrong, o.differ);
	ok(fabs(mean - want) <= 4 * error + want * 0.05 + 1e-6,
	    "and %.2e remain, of %.2e +- %.1e", mean, want, error);
	free(have);
	end();
}

static void
test_bounds(void)
{
	static const struct {
		unsigned l, d;
		double loss, want;
	} both[] = {
		{ 5, 5, 0.01, 0 }, { 5, 5, 0.05, 1.2e-4 }, { 5, 5, 0.1, 1.8e-3 },
		{ 5, 5, 0.2, 2.6e-2 },
		{ 10, 10, 0.01, 0 }, { 10, 10, 0.05, 4.7e-4 }, { 10, 10, 0.1, 1.0e-2 },
		{ 10, 10, 0.2, 1.2e-1 },
		{ 20, 5, 0.01, 0 }, { 20, 5, 0.05, 5.6e-4 }, { 20, 5, 0.1, 9.1e-3 },
		{ 20, 5, 0.2, 9.8e-2 },
	};

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		bound(&(struct link){ .l = both[i].l, .d = both[i].d, .rows = true,
		    .loss = both[i].loss }, 1, both[i].loss < 0.1 ? 400000 : 100000,
		    both[i].want);
	/* A lost packet stays so unless it is the only one of its column. */
	for (unsigned d = 5; d <= 20; d *= 2)
		for (double p = 0.05; p < 0.25; p *= 2)
			bound(&(struct link){ .l = 5, .d = d, .loss = p }, 1, 100000,
			    p * (1 - pow(1 - p, d - 1)));
	/* Two legs lose p^2, and the FEC of both is for what both lose. */
	bound(&(struct link){ .l = 5, .d = 5, .rows = true, .loss = 0.2 }, 2, 400000, 6.4e-5);
	bound(&(struct link){ .l = 5, .d = 5, .rows = true, .loss = 0.3 }, 2, 400000, 1.1e-3);
}

/* Without FEC two legs lose what both lose. */
static void
test_legs(void)
{
	for (double p = 0.01; p < 0.3; p *= 2) {
		unsigned packets = 200000;
		struct outcome o;
		double limit = 4 * sqrt(p * p * (1 - p * p) / packets);

		begin(packets, (uint64_t)(p * 1000));
		over(&(struct link){ .loss = p }, 0, packets);
		over(&(struct link){ .loss = p, .leg = 1, .delay = 30, .reorder = 0.1 }, 0,
		    packets);
		o = run(SMALL, packets, 512, 32);
		ok(o.wrong == 0 && fabs((double)o.missing / packets - p * p) < limit,
		    "two legs, each without %g: %.2e missing, of %.2e +- %.0e", p,
		    (double)o.missing / packets, p * p, limit);
		is(dec->received + dec->duplicates + dec->late, nitem, "all counted");
		end();
	}
}

/* ---- anything at once, with fixed seeds */

static void
test_random(void)
{
	unsigned bad = 0, recovered = 0, missing = 0, unneeded = 0, leaks = 0, changes = 0;
	const unsigned runs = 300, packets = 3000;

	for (unsigned r = 0; r < runs; r++) {
		struct outcome o;
		enum kind kind = r % 3;

		begin(packets, r);
		for (unsigned leg = 0; leg < 1 + r % 3; leg++) {
			struct link k = { .leg = leg, .kind = kind, .rows = below(3) != 0,
			    .loss = chance() * 0.2, .fec_loss = chance() * 0.3,
			    .reorder = chance() * 0.3, .duplicate = chance() * 0.1,
			    .delay = leg * chance() * 100, .staircase = below(2) };
			unsigned from = 0;

			while (from < packets) {
				unsigned to = from + 300 + below(2000);

				/* The matrix changes on the way. */
				do {
					k.l = 4 + below(17);
					k.d = 4 + below(17);
				} while (k.l * k.d > 100);
				k.skip = below(30);
				over(&k, from, to < packets ? to : packets);
				from = to;
				if (below(3) == 0)
					k.staircase = !k.staircase;
			}
		}
		o = run(kind, packets, 1024, r % 2 ? 0 : below(130));
		if (o.wrong > 0 || o.differ > 0) {
			bad++;
			printf("# run %u: %u wrong, %u differ, %u missing\n", r, o.wrong, o.differ,
			    o.missing);
		}
		if (dec->mismatches + dec->implausible + dec->leg[0].bad > 0) {
			bad++;
			printf("# run %u: suspicions without a reason\n", r);
		}
		recovered += o.recovered;
		missing += o.missing;
		unneeded += (unsigned)dec->unneeded;
		changes += (unsigned)dec->leg[0].changes;
		end();
		leaks += outstanding != 0;
	}
	is(bad, 0, "%u runs of 1 to 3 legs: all that can be recovered is, and nothing else",
	    runs);
	ok(recovered > 50000 && missing > 100 && unneeded > 1000 && changes > 500,
	    "%u recovered, %u missing, %u came later, %u changes of the matrix", recovered,
	    missing, unneeded, changes);
	is(leaks, 0, "all packets are given back");
}

int
main(void)
{
	test_legs();
	test_bounds();
	test_random();
	run_free();
	return done_testing();
}
