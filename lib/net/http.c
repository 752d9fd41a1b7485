#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/hex.h"
#include "lib/net/http.h"

static const char *const day_name[] = {
	"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat",
};
static const char *const month_name[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

const char *
http_reason(int status)
{
	static const struct { int status; const char *reason; } row[] = {
		{ 100, "Continue" }, { 200, "OK" }, { 201, "Created" },
		{ 204, "No Content" }, { 206, "Partial Content" },
		{ 304, "Not Modified" }, { 400, "Bad Request" },
		{ 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 409, "Conflict" }, { 411, "Length Required" },
		{ 412, "Precondition Failed" }, { 413, "Content Too Large" },
		{ 414, "URI Too Long" }, { 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (row[i].status == status)
			return row[i].reason;
	return "Unknown";
}

void
http_date(int64_t s, char buf[static HTTP_DATE])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 8099) {
		t = 0;
		gmtime_r(&t, &tm);
	}
	snprintf(buf, HTTP_DATE, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	    day_name[tm.tm_wday % 7], (unsigned)tm.tm_mday % 100,
	    month_name[tm.tm_mon % 12], (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	    (unsigned)tm.tm_sec % 100);
}

/* count digits at *p; false if there are none. */
static bool
digits(const char *p, int count, int lo, int hi, int *out)
{
	for (*out = 0; count > 0; count--, p++) {
		if (*p < '0' || *p > '9')
			return false;
		*out = *out * 10 + (*p - '0');
	}
	return *out >= lo && *out <= hi;
}

static int
name_index(const char *p, const char *const *name, int count)
{
	for (int i = 0; i < count; i++)
		if (memcmp(p, name[i], 3) == 0)
			return i;
	return -1;
}

int
http_parse_date(struct h1_str text, int64_t *s)
{
	const char *p = text.p;
	struct tm tm = { 0 };

	if (text.len != HTTP_DATE - 1 || name_index(p, day_name, 7) < 0 ||
	    memcmp(p + 3, ", ", 2) != 0 || p[7] != ' ' || p[11] != ' ' ||
	    p[16] != ' ' || p[19] != ':' || p[22] != ':' ||
	    memcmp(p + 25, " GMT", 4) != 0)
		return -EINVAL;
	tm.tm_mon = name_index(p + 8, month_name, 12);
	if (tm.tm_mon < 0 || !digits(p + 5, 2, 1, 31, &tm.tm_mday) ||
	    !digits(p + 12, 4, 1970, 9999, &tm.tm_year) ||
	    !digits(p + 17, 2, 0, 23, &tm.tm_hour) ||
	    !digits(p + 20, 2, 0, 59, &tm.tm_min) ||
	    !digits(p + 23, 2, 0, 60, &tm.tm_sec))
		return -EINVAL;
	tm.tm_year -= 1900;
	*s = (int64_t)timegm(&tm);
	return 0;
}

bool
http_etag_match(struct h1_str value, struct h1_str etag, bool weak)
{
	const char *p = value.p, *end = p + value.len;

	if (value.len == 1 && *p == '*')
		return true;
	while (p < end) {
		bool is_weak = false;
		const char *close;

		while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
			p++;
		if (end - p >= 2 && p[0] == 'W' && p[1] == '/') {
			is_weak = true;
			p += 2;
		}
		if (p == end || *p != '"')
			return false;
		close = memchr(p + 1, '"', (size_t)(end - p - 1));
		if (close == NULL)
			return false;
		close++;
		if ((weak || !is_weak) && (size_t)(close - p) == etag.len &&
		    memcmp(p, etag.p, etag.len) == 0)
			return true;
		p = close;
	}
	return false;
}

/* Is the weight in the parameters of a coding 0?  q=0, q=0.0 and so on. */
static bool
is_zero_weight(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == ';'))
		p++;
	if (end - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=' || p[2] != '0')
		return false;
	for (p += 3; p < end && *p != ' ' && *p != '\t'; p++)
		if (*p != '.' && *p != '0')
			return false;
	return true;
}

bool
http_accepts_gzip(struct h1_str value)
{
	const char *p = value.p, *end = p + value.len;
	bool any = false;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop;
		struct h1_str name;

		if (comma == NULL)
			comma = end;
		while (p < comma && (*p == ' ' || *p == '\t'))
			p++;
		for (stop = p; stop < comma && *stop != ';' && *stop != ' '; stop++)
			;
		name = (struct h1_str){ p, (size_t)(stop - p) };
		if (h1_is(name, "gzip") || h1_is(name, "x-gzip"))
			return !is_zero_weight(stop, comma);
		if (h1_is(name, "*"))
			any = !is_zero_weight(stop, comma);
		p = comma + (comma < end);
	}
	return any;
}

static bool
number(const char **p, const char *end, uint64_t *out)
{
	const char *start = *p;

	for (*out = 0; *p < end && **p >= '0' && **p <= '9'; ++*p)
		if (__builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(**p - '0'), out))
			return false;
	return *p > start;
}

int
http_parse_range(struct h1_str value, struct http_range *r)
{
	const char *p = value.p, *end = p + value.len;

	*r = (struct http_range){ .last = UINT64_MAX };
	if (value.len < 7 || !h1_is((struct h1_str){ p, 6 }, "bytes="))
		return 0;
	p += 6;
	while (p < end && *p == ' ')
		p++;
	if (p < end && *p == '-') {
		p++;
		if (!number(&p, end, &r->suffix) || p != end)
			return 0;
		if (r->suffix == 0) {		/* none such: 416 */
			r->first = UINT64_MAX;
			r->last = 0;
		}
		return 1;
	}
	if (!number(&p, end, &r->first) || p == end || *p++ != '-')
		return 0;
	if (p == end)
		return 1;
	if (!number(&p, end, &r->last) || p != end || r->last < r->first)
		return 0;
	return 1;
}

bool
http_fit_range(struct http_range *r, uint64_t len)
{
	if (r->suffix > 0) {
		r->first = r->suffix < len ? len - r->suffix : 0;
		r->last = UINT64_MAX;
	}
	if (r->first >= len)
		return false;
	if (r->last >= len)
		r->last = len - 1;
	return true;
}

/* One segment, decoded, to out.  Returns its length. */
static int
parse_segment(const char *p, const char *end, char *out, size_t room)
{
	size_t n = 0;

	for (; p < end; p++) {
		int c = (unsigned char)*p;

		if (c == '%') {
			int hi = end - p > 2 ? hex_digit(p[1]) : -1;
			int lo = hi < 0 ? -1 : hex_digit(p[2]);

			if (lo < 0)
				return -EINVAL;
			c = hi * 16 + lo;
			p += 2;
		}
		if (c < ' ' || c == 0x7f || c == '/' || c == '\\')
			return -EINVAL;
		if (n + 1 >= room || n >= HTTP_NAME_MAX)
			return -ENAMETOOLONG;
		out[n++] = (char)c;
	}
	return (int)n;
}

int
http_parse_path(struct h1_str path, char out[static HTTP_PATH_MAX])
{
	static const char index[] = "index.html";
	const char *p = path.p, *end = p + path.len;
	bool folder = path.len > 0 && end[-1] == '/', hidden = false;
	size_t fill = 0;

	if (path.len == 0 || *p != '/')
		return -EINVAL;
	while (p < end) {
		const char *slash;
		size_t at = fill + (fill > 0);	/* after the slash before it */
		int n;

		p++;
		slash = memchr(p, '/', (size_t)(end - p));
		if (slash == NULL)
			slash = end;
		if (at + 1 >= HTTP_PATH_MAX)
			return -ENAMETOOLONG;
		n = parse_segment(p, slash, out + at, HTTP_PATH_MAX - at);
		p = slash;
		if (n < 0)
			return n;
		if (n == 0 || (n == 1 && out[at] == '.')) {
			folder |= p == end;
			continue;
		}
		if (n == 2 && memcmp(out + at, "..", 2) == 0)
			return -EINVAL;
		hidden |= out[at] == '.';
		if (at > 0)
			out[at - 1] = '/';
		fill = at + (size_t)n;
	}
	if (hidden)
		return -EACCES;
	if (folder) {
		if (fill + 1 + sizeof(index) > HTTP_PATH_MAX)
			return -ENAMETOOLONG;
		if (fill > 0)
			out[fill++] = '/';
		memcpy(out + fill, index, sizeof(index) - 1);
		fill += sizeof(index) - 1;
	}
	out[fill] = '\0';
	return 0;
}
