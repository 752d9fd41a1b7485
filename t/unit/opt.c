#include <errno.h>

#include "lib/base/opt.h"
#include "t/tap.h"

int
main(void)
{
	static const struct { const char *in; int status; uint64_t out; } row[] = {
		{ "6s", 0, 6000000000 }, { "3.84s", 0, 3840000000 },
		{ "500ms", 0, 500000000 }, { "10m", 0, UINT64_C(600000000000) },
		{ "10min", 0, UINT64_C(600000000000) }, { "1M", -EINVAL, 0 }, { "0s", 0, 0 },
		{ "6", -EINVAL, 0 }, { "", -EINVAL, 0 }, { "s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 }, { " 1s", -EINVAL, 0 }, { "1 s", -EINVAL, 0 },
		{ "1.s", -EINVAL, 0 }, { ".5s", -EINVAL, 0 }, { "0x1s", -EINVAL, 0 },
		{ "1.0000000001s", -EINVAL, 0 },	/* finer than a nanosecond */
		{ "99999999h", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "5124095.9999999999h", -ERANGE, 0 },
		{ "18446744073.709551615s", 0, UINT64_MAX },
		{ "18446744073.709551616s", -ERANGE, 0 },	/* carries over */
		{ "0.25h", 0, UINT64_C(900000000000) },
		{ "1.000000000s", 0, 1000000000 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t v = 0;

		is(opt_scaled(row[i].in, opt_durations, &v), row[i].status, "status of '%s'",
		    row[i].in);
		is(v, row[i].out, "value of '%s'", row[i].in);
	}
	return done_testing();
}
