/* Conditions: what holds, what is no condition, and where it goes wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"
#include "transport/expr.h"
#include "transport/expr.c"

static int
find(const char *name)
{
	static const char *const names[] = { "zero", "one", "many", "part", "none" };

	for (int i = 0; i < 5; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static struct expr_value
value(void *arg, int id)
{
	static const int64_t v[] = { 0, 1000, 5000000000, 500, 0 };

	(void)arg;
	return (struct expr_value){ id != 4, v[id] };
}

static void
test_holds(void)
{
	static const struct {
		const char *text;
		bool want;
	} list[] = {
		{ "one", true }, { "zero", false }, { "none", false }, { "!none", true },
		{ "one > 0", true }, { "one>1", false }, { "one >= 1", true },
		{ "one<2", true }, { "one <= .5", false }, { "part == 0.5", true },
		{ "part != 0.5", false }, { "many > 4.9M", true }, { "many == 5M", true },
		{ "many < 1G", true }, { "many > 5000k", false }, { "-1 < zero", true },
		{ "none > 0", false }, { "none == 0", false }, { "!(none > 0)", true },
		{ "one && zero", false }, { "one || zero", true },
		{ "zero && zero || one", true }, { "zero && (zero || one)", false },
		{ "!zero && !!one", true }, { "! one > 0", false },
		{ "one > 0 && many > 1M || zero > 5", true }, { "((((one))))", true },
		{ "(one > 0) == (many > 0)", true },
	};
	struct expr e;
	const char *wrong;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		is(expr_parse(&e, list[i].text, find, &wrong), 0, "'%s'", list[i].text);
		is(expr_holds(&e, value, NULL), list[i].want, "'%s' is %s", list[i].text,
		    list[i].want ? "so" : "not so");
	}
}

static void
test_wrong(void)
{
	static const struct {
		const char *text;
		int err;
		size_t at;
	} list[] = {
		{ "", -EINVAL, 0 }, { "one >", -EINVAL, 5 }, { "one > two", -ENOENT, 6 },
		{ "one one", -EINVAL, 4 }, { "(one", -EINVAL, 4 }, { "one)", -EINVAL, 3 },
		{ "one & one", -EINVAL, 4 }, { "one > 5x", -EINVAL, 6 },
		{ "one > 0.0001", -EINVAL, 6 }, { "one = 1", -EINVAL, 4 },
		{ "one > 99999999999999999", -EINVAL, 6 }, { "one > -", -EINVAL, 6 },
		{ "one > 999999999999G", -EINVAL, 6 }, { "zero < one < many", -EINVAL, 11 },
		{ "|| one", -EINVAL, 0 }, { "one > 1.2.3", -EINVAL, 9 },
	};
	struct expr e;
	const char *wrong;
	char deep[4 * EXPR_NODES + 8];

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		is(expr_parse(&e, list[i].text, find, &wrong), list[i].err, "'%s' is wrong",
		    list[i].text);
		is(wrong - list[i].text, list[i].at, "there");
	}
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	is(expr_parse(&e, deep, find, &wrong), -E2BIG, "too deep");
	for (size_t i = 0; i + 3 < sizeof(deep); i += 3)
		memcpy(deep + i, i % 2 == 0 ? "1||" : "0||", 3);
	deep[sizeof(deep) / 3 * 3 - 2] = '\0';
	is(expr_parse(&e, deep, find, &wrong), -E2BIG, "too long");
}

int
main(void)
{
	test_holds();
	test_wrong();
	is(expr_distance("cc_errors", "cc_error"), 1, "a letter less");
	is(expr_distance("pcr", "pts"), 2, "two other ones");
	is(expr_distance("", "abc"), 3, "all of them");
	return done_testing();
}
