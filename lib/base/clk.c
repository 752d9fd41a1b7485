#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"

#define NTP_1970	INT64_C(2208988800)	/* seconds from 1900 to 1970 */

static int64_t
now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * CLK_SECOND + ts.tv_nsec;
}

int64_t
clk_mono_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

int64_t
clk_utc_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

uint64_t
clk_ns_to_ntp(int64_t utc_ns)
{
	uint64_t s = (uint64_t)(utc_ns / CLK_SECOND + NTP_1970);
	uint64_t ns = (uint64_t)(utc_ns % CLK_SECOND);

	return s << 32 | ((ns << 32) + CLK_SECOND / 2) / (uint64_t)CLK_SECOND;
}

int64_t
clk_ntp_to_ns(uint64_t ntp)
{
	int64_t s = (int64_t)(ntp >> 32) - NTP_1970;
	uint64_t frac = ntp & 0xffffffff;

	return s * CLK_SECOND +
	    (int64_t)((frac * (uint64_t)CLK_SECOND + (UINT64_C(1) << 31)) >> 32);
}

int
clk_sleep_until(int64_t deadline_ns)
{
	for (;;) {
		int64_t left = deadline_ns - clk_mono_ns();

		if (io_stopping())
			return -EINTR;
		if (left <= 0)
			return 0;
		io_wait(NULL, 0, left);
	}
}

void
clk_iso(int64_t utc_ns, char buf[static CLK_ISO])
{
	int64_t ns = utc_ns % CLK_SECOND;
	time_t s = (time_t)(utc_ns / CLK_SECOND);
	struct tm tm;
	size_t len;

	if (ns < 0) {			/* before 1970: round down */
		ns += CLK_SECOND;
		s--;
	}
	gmtime_r(&s, &tm);
	len = strftime(buf, CLK_ISO, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, CLK_ISO - len, ".%03uZ",
	    (unsigned)(ns / 1000000) % 1000);
}

static int
digits(const char **s, int count, int lo, int hi, int *out)
{
	for (*out = 0; count > 0; count--, ++*s) {
		if (**s < '0' || **s > '9')
			return -EINVAL;
		*out = *out * 10 + (**s - '0');
	}
	return *out < lo || *out > hi ? -EINVAL : 0;
}

static int
expect(const char **s, char c)
{
	return *(*s)++ == c ? 0 : -EINVAL;
}

/* What follows the seconds: decimals, then Z or +hh:mm or -hhmm or +hh. */
static int
parse_tail(const char *s, int64_t *ns, int64_t *offset_s)
{
	int64_t unit = CLK_SECOND / 10;
	int h, m, sign;

	*ns = *offset_s = 0;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			*ns += (*s - '0') * unit;
	if (strcmp(s, "Z") == 0 || *s == '\0')
		return 0;
	if (*s != '+' && *s != '-')
		return -EINVAL;
	sign = *s++ == '-' ? -1 : 1;
	if (digits(&s, 2, 0, 23, &h) < 0)
		return -EINVAL;
	m = 0;
	if (*s != '\0') {
		s += *s == ':';
		if (digits(&s, 2, 0, 59, &m) < 0 || *s != '\0')
			return -EINVAL;
	}
	*offset_s = sign * ((int64_t)h * 3600 + (int64_t)m * 60);
	return 0;
}

static int
days(int year, int month)
{
	static const int of[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return of[month - 1] + (month == 2 && leap);
}

int
clk_parse_iso(const char *s, int64_t *utc_ns)
{
	int64_t ns, offset_s;
	struct tm tm = { 0 };

	if (digits(&s, 4, 1970, 9999, &tm.tm_year) < 0 || expect(&s, '-') < 0 ||
	    digits(&s, 2, 1, 12, &tm.tm_mon) < 0 || expect(&s, '-') < 0 ||
	    digits(&s, 2, 1, 31, &tm.tm_mday) < 0 || expect(&s, 'T') < 0 ||
	    digits(&s, 2, 0, 23, &tm.tm_hour) < 0 || expect(&s, ':') < 0 ||
	    digits(&s, 2, 0, 59, &tm.tm_min) < 0 || expect(&s, ':') < 0 ||
	    digits(&s, 2, 0, 60, &tm.tm_sec) < 0 ||
	    parse_tail(s, &ns, &offset_s) < 0)
		return -EINVAL;
	if (tm.tm_mday > days(tm.tm_year, tm.tm_mon) ||
	    tm.tm_year > 2200)		/* does not fit in ns */
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*utc_ns = ((int64_t)timegm(&tm) - offset_s) * CLK_SECOND + ns;
	return 0;
}
