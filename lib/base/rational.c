#include <stddef.h>

#include "lib/base/rational.h"

struct rational
rational_reduce(int64_t num, int64_t den)
{
	int64_t a = num < 0 ? -num : num, b = den;

	while (b != 0) {
		int64_t r = a % b;

		a = b;
		b = r;
	}
	return a > 0 ? (struct rational){ num / a, den / a } :
	    (struct rational){ 0, 1 };
}

static bool
parse_whole(const char **s, int64_t *out)
{
	const char *start = *s;

	for (*out = 0; **s >= '0' && **s <= '9'; ++*s) {
		*out = *out * 10 + (**s - '0');
		if (*out > 1000000000)
			return false;
	}
	return *s != start;
}

/* 29.97 is how people write 30000/1001. */
static bool
ntsc_rate(int64_t milli, struct rational *out)
{
	static const int64_t nominal[] = { 24, 30, 48, 60, 90, 120 };

	for (size_t i = 0; i < sizeof(nominal) / sizeof(nominal[0]); i++) {
		int64_t exact = nominal[i] * 1000000 / 1001;

		if (milli == exact || milli == exact / 10 * 10 ||
		    milli == (exact + 5) / 10 * 10) {
			*out = (struct rational){ nominal[i] * 1000, 1001 };
			return true;
		}
	}
	return false;
}

bool
rational_parse(const char *s, struct rational *out)
{
	int64_t num, den = 1, milli;

	if (!parse_whole(&s, &num))
		return false;
	if (*s == '/') {
		s++;
		if (!parse_whole(&s, &den))
			return false;
	} else if (*s == '.') {
		const char *digits = ++s;
		int64_t part;

		if (!parse_whole(&s, &part) || s - digits > 3)
			return false;
		for (; s - digits < 3; digits--)
			part *= 10;
		milli = num * 1000 + part;
		if (*s == '\0' && ntsc_rate(milli, out))
			return true;
		num = milli;
		den = 1000;
	}
	if (*s != '\0' || num == 0 || den == 0)
		return false;
	*out = rational_reduce(num, den);
	return true;
}
