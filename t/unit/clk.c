#include <errno.h>
#include <string.h>

#include "lib/base/clk.h"
#include "t/tap.h"

int
main(void)
{
	static const struct { const char *in; int status; int64_t ns; } row[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-11-22T17:00:00.123Z", 0, 1795366800123000000 },
		{ "2026-11-22T17:00:00", 0, 1795366800000000000 },
		{ "2026-11-22T18:00:00+01:00", 0, 1795366800000000000 },
		{ "2026-11-22T18:00:00+0100", 0, 1795366800000000000 },
		{ "2026-11-22T18:00:00+01", 0, 1795366800000000000 },
		{ "2026-11-22T11:30:00.5-05:30", 0, 1795366800500000000 },
		{ "2026-11-22T17:00:00.1234567891Z", 0, 1795366800123456789 },
		{ "2016-12-31T23:59:60Z", 0, 1483228800000000000 },	/* leap second */
		{ "2024-02-29T00:00:00Z", 0, 1709164800000000000 },
		{ "2000-02-29T00:00:00Z", 0, 951782400000000000 },
		{ "2100-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2023-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2026-04-31T00:00:00Z", -EINVAL, 0 },
		{ "2026-13-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-00-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-01-00T00:00:00Z", -EINVAL, 0 },
		{ "2026-01-01T24:00:00Z", -EINVAL, 0 },
		{ "2026-01-01T00:60:00Z", -EINVAL, 0 },
		{ "2026-01-01T00:00:61Z", -EINVAL, 0 },
		{ "1969-12-31T23:59:59Z", -EINVAL, 0 },
		{ "9999-01-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-01-01 00:00:00Z", -EINVAL, 0 },
		{ "2026-01-01T00:00:00Zx", -EINVAL, 0 },
		{ "2026-01-01T00:00:00+1", -EINVAL, 0 },
		{ "2026-01-01T00:00:00+01:0", -EINVAL, 0 },
		{ "2026-01-01T00:00:00+01:000", -EINVAL, 0 },
		{ "2026-01-01T00:00", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};
	int64_t a = clk_mono_ns(), now;
	char buf[CLK_ISO];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int64_t ns = 0;

		is(clk_parse_iso(row[i].in, &ns), row[i].status, "status of '%s'",
		    row[i].in);
		is(ns, row[i].ns, "value of '%s'", row[i].in);
	}

	clk_iso(1795366800123999999, buf);
	ok(strcmp(buf, "2026-11-22T17:00:00.123Z") == 0, "%s is rounded down", buf);
	clk_iso(0, buf);
	ok(strcmp(buf, "1970-01-01T00:00:00.000Z") == 0, "%s", buf);
	clk_iso(-1, buf);
	ok(strcmp(buf, "1969-12-31T23:59:59.999Z") == 0, "%s", buf);

	is(clk_ns_to_ntp(0), UINT64_C(2208988800) << 32, "1970 in NTP");
	is(clk_ns_to_ntp(CLK_SECOND / 2), UINT64_C(2208988800) << 32 | 1U << 31,
	    "half a second in NTP");
	for (int64_t ns = 1795366800000000000, i = 0; i < 1000; i++, ns += 1000003)
		if (clk_ntp_to_ns(clk_ns_to_ntp(ns)) != ns)
			is(clk_ntp_to_ns(clk_ns_to_ntp(ns)), ns, "there and back");
	is(clk_ntp_to_ns(clk_ns_to_ntp(1795366800999999999)), 1795366800999999999,
	    "there and back, at the end of a second");

	now = clk_utc_ns();
	ok(now > 1700000000 * CLK_SECOND, "it is after 2023");
	is(clk_sleep_until(a), 0, "a deadline that has passed");
	a = clk_mono_ns() + 3000000;
	is(clk_sleep_until(a), 0, "a deadline to come");
	ok(clk_mono_ns() >= a, "has been waited for");
	return done_testing();
}
