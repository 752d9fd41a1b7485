#include "lib/base/rational.h"
#include "t/tap.h"

int
main(void)
{
	static const struct { const char *in; bool good; int64_t num, den; } row[] = {
		{ "25", true, 25, 1 }, { "25.000", true, 25, 1 },
		{ "30000/1001", true, 30000, 1001 }, { "60000/1000", true, 60, 1 },
		{ "29.97", true, 30000, 1001 }, { "29.970", true, 30000, 1001 },
		{ "23.976", true, 24000, 1001 }, { "23.98", true, 24000, 1001 },
		{ "59.94", true, 60000, 1001 }, { "119.88", true, 120000, 1001 },
		{ "47.952", true, 48000, 1001 }, { "12.5", true, 25, 2 },
		{ "0.5", true, 1, 2 }, { "14.985", true, 2997, 200 },
		{ "", false, 0, 0 }, { "0", false, 0, 0 }, { "0.0", false, 0, 0 },
		{ "25/0", false, 0, 0 }, { "0/25", false, 0, 0 }, { "25/", false, 0, 0 },
		{ "/25", false, 0, 0 }, { "25.", false, 0, 0 }, { ".5", false, 0, 0 },
		{ "-25", false, 0, 0 }, { "+25", false, 0, 0 }, { " 25", false, 0, 0 },
		{ "25 ", false, 0, 0 }, { "25fps", false, 0, 0 },
		{ "29.9701", false, 0, 0 }, { "1000000001", false, 0, 0 },
		{ "99999999999999999999", false, 0, 0 }, { "1/2/3", false, 0, 0 },
		{ "1.5/2", false, 0, 0 },
	};
	const int64_t far = INT64_C(1) << 62;
	struct rational r;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		r = (struct rational){ 0, 0 };
		is(rational_parse(row[i].in, &r), row[i].good, "'%s'", row[i].in);
		ok(r.num == row[i].num && r.den == row[i].den,
		    "is %" PRId64 "/%" PRId64, r.num, r.den);
	}
	r = rational_reduce(-6, 4);
	ok(r.num == -3 && r.den == 2, "-6/4");
	r = rational_reduce(0, 7);
	ok(r.num == 0 && r.den == 1, "0/7");

	is(rescale_down(7, 1, 2), 3, "down");
	is(rescale_down(-7, 1, 2), -4, "down means towards minus infinity");
	is(rescale_down(-8, 1, 2), -4, "exact");
	is(rescale_near(7, 1, 2), 4, "near: a half goes up");
	is(rescale_near(-7, 1, 2), -3, "near: a half goes up below zero too");
	is(rescale_near(-5, 1, 3), -2, "near");
	is(rescale_near(4, 1, 3), 1, "near");
	is(rescale_down(far, 3, 4), far / 4 * 3, "a product of more than 64 bits");
	is(rescale_near(-far, 3, 4), -far / 4 * 3, "and below zero");
	is(rescale_down(INT64_MAX, 1001, 1001), INT64_MAX, "the largest");
	is(rescale_near(INT64_MIN, 1001, 1001), INT64_MIN, "the least");
	return done_testing();
}
