/* Scaled numbers against 128-bit arithmetic; frame rates in lowest terms. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/opt.h"
#include "lib/base/rational.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct opt_unit units[] = {
	{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "Ki", 1 << 10 },
	{ "us", 1000 }, { "s", 1000000000 }, { "h", UINT64_C(3600000000000) },
	{ NULL, 0 },
};

/* value * base is what text says, with all of its decimals. */
static void
compare(const char *text, uint64_t value)
{
	unsigned __int128 sum = 0, base = 1;
	const struct opt_unit *unit = units;
	const char *s = text;

	for (; *s >= '0' && *s <= '9'; s++)
		sum = sum * 10 + (unsigned)(*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, base *= 10)
			sum = sum * 10 + (unsigned)(*s - '0');
	while (unit->suffix != NULL && strcmp(unit->suffix, s) != 0)
		unit++;
	if (unit->suffix == NULL || sum * unit->scale != value * base)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint64_t untouched = UINT64_C(0x123456789abcdef1);
	uint64_t value = untouched;
	struct rational rate = { -1, -1 };
	char text[64];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	if (opt_scaled(text, units, &value) == 0)
		compare(text, value);
	else if (value != untouched)
		abort();
	if (rational_parse(text, &rate)) {
		struct rational low = rational_reduce(rate.num, rate.den);

		if (rate.num <= 0 || rate.den <= 0 || low.num != rate.num ||
		    low.den != rate.den)
			abort();
	} else if (rate.num != -1) {
		abort();
	}
	return 0;
}
