/* Segments where the source has IDR pictures: which picture begins one, and which number. */
#include "encode/lead.c"
#include "t/tap.h"

static const struct grid grid = { .rate = { 25, 1 }, .pictures = 50 };

/* Pictures from..to, an IDR picture each step from first on; the k of what begins. */
static unsigned
run(struct lead *d, int64_t from, int64_t to, int64_t first, int64_t step, int64_t at[8])
{
	unsigned n = 0;

	for (int64_t k = from; k <= to; k++) {
		bool idr = step > 0 && k >= first && (k - first) % step == 0;

		lead_picture(d, &grid, k, idr, false);
		if (d->begins && n < 8)
			at[n++] = k;
	}
	return n;
}

int
main(void)
{
	struct lead d, e;
	int64_t at[8];

	lead_init(&d, "copy");
	is(run(&d, 500, 710, 500, 50, at), 5, "on the grid: one a segment");
	is(at[4], 700, "where the grid has it");
	is(d.segment, 14, "with its number");
	is(d.end, 750, "and the end of it");
	is(lead_offset_ms(&d, &grid), 0, "on the dot");
	is(lead_distance_ms(&d, &grid), 2000, "2 s apart");

	lead_init(&d, "copy");
	is(run(&d, 507, 700, 507, 24, at), 4, "off the grid: the first at or after it");
	ok(at[1] == 555 && at[2] == 603 && at[3] == 651, "those");
	is(d.segment, 13, "the number is that of the grid");
	is(d.end, 651 + 3 * 24, "the next is expected to be one of the same distance");
	lead_init(&e, "copy");
	is(run(&e, 560, 700, 507, 24, at), 3, "begun later");
	ok(at[1] == 603 && at[2] == 651 && e.segment == d.segment && e.end == d.end,
	    "the same ones");

	lead_init(&d, "copy");
	is(run(&d, 500, 900, 500, 120, at), 4, "far apart: with each");
	is(d.segment, 17, "numbers are left out");

	lead_init(&d, "copy");
	is(run(&d, 500, 900, 500, 0, at), 4, "none any more: by the grid, after 12 s");
	ok(at[1] == 800 && at[2] == 850, "from then on");
	is(run(&d, 901, 1000, 925, 25, at), 2, "they come again");
	ok(at[0] == 950 && at[1] == 1000 && !d.filled, "and lead");

	lead_init(&d, "copy");
	run(&d, 500, 570, 500, 25, at);
	is(d.end, 600, "the end that is expected");
	for (int64_t k = 571; k < 600; k++)
		lead_picture(&d, &grid, k, false, false);
	is(d.more, 0, "is not longer before it is there");
	lead_picture(&d, &grid, 600, false, false);
	ok(!d.begins && d.more == 25 && d.end == 625, "without an IDR picture it goes on");
	lead_picture(&d, &grid, 800, false, true);
	ok(d.begins && d.segment == 16, "time jumps: a segment begins whatever it is");
	return done_testing();
}
