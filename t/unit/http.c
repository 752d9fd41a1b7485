#include <errno.h>
#include <string.h>

#include "lib/net/http.h"
#include "lib/net/mime.h"
#include "t/tap.h"

static struct h1_str
str(const char *s)
{
	return (struct h1_str){ s, strlen(s) };
}

static void
test_dates(void)
{
	static const char *const bad[] = {
		"", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET",
		"Sun, 32 Nov 1994 08:49:37 GMT", "Xxx, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nxv 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
	};
	char buf[HTTP_DATE];
	int64_t s = 0;

	http_date(784111777, buf);
	ok(strcmp(buf, "Sun, 06 Nov 1994 08:49:37 GMT") == 0, "the date of RFC 9110");
	is(http_parse_date(str(buf), &s), 0, "and back");
	is(s, 784111777, "to the same second");
	http_date(INT64_MAX, buf);
	is(strlen(buf), HTTP_DATE - 1, "an impossible date has the same form");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is(http_parse_date(str(bad[i]), &s), -EINVAL, "'%s' is none", bad[i]);
}

static void
test_etags(void)
{
	static const struct { const char *value; bool strong, weak; } row[] = {
		{ "\"a\"", true, true }, { "*", true, true },
		{ "\"b\", \"a\"", true, true }, { "\"b\",\"a\"", true, true },
		{ "W/\"a\"", false, true }, { "\"b\"", false, false },
		{ "a", false, false }, { "\"a", false, false }, { "", false, false },
		{ "\"b\", W/\"a\"", false, true }, { "\"x,\"a\"\"", false, false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		is(http_etag_match(str(row[i].value), str("\"a\""), false), row[i].strong,
		    "strong: %s", row[i].value);
		is(http_etag_match(str(row[i].value), str("\"a\""), true), row[i].weak,
		    "weak: %s", row[i].value);
	}
}

static void
test_gzip(void)
{
	static const struct { const char *value; bool yes; } row[] = {
		{ "gzip", true }, { "gzip, deflate, br", true }, { "br;q=1, GZIP;q=0.5", true },
		{ "gzip;q=0", false }, { "gzip; q=0.000", false }, { "gzip;q=0.001", true },
		{ "*", true }, { "*;q=0", false }, { "gzip;q=0, *", false },
		{ "identity", false }, { "", false }, { "xgzip", false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		is(http_accepts_gzip(str(row[i].value)), row[i].yes, "coding '%s'",
		    row[i].value);
}

static void
test_ranges(void)
{
	static const struct { const char *value; int parsed; bool fits; uint64_t a, b; }
	row[] = {		/* of 100 bytes */
		{ "bytes=0-0", 1, true, 0, 0 }, { "bytes=10-19", 1, true, 10, 19 },
		{ "bytes=90-", 1, true, 90, 99 }, { "bytes=90-1000", 1, true, 90, 99 },
		{ "bytes=-10", 1, true, 90, 99 }, { "bytes=-1000", 1, true, 0, 99 },
		{ "BYTES=5-6", 1, true, 5, 6 }, { "bytes= 5-6", 1, true, 5, 6 },
		{ "bytes=100-", 1, false, 0, 0 }, { "bytes=-0", 1, false, 0, 0 },
		{ "bytes=100-200", 1, false, 0, 0 },
		{ "bytes=6-5", 0, false, 0, 0 }, { "bytes=1-2,4-5", 0, false, 0, 0 },
		{ "lines=1-2", 0, false, 0, 0 }, { "bytes=", 0, false, 0, 0 },
		{ "bytes=a-b", 0, false, 0, 0 }, { "bytes=1", 0, false, 0, 0 },
		{ "bytes=1-2x", 0, false, 0, 0 }, { "bytes=--1", 0, false, 0, 0 },
		{ "bytes=99999999999999999999-", 0, false, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct http_range r;

		is(http_parse_range(str(row[i].value), &r), row[i].parsed, "range '%s'",
		    row[i].value);
		if (row[i].parsed == 0)
			continue;
		is(http_fit_range(&r, 100), row[i].fits, "fits");
		if (row[i].fits) {
			is(r.first, row[i].a, "first");
			is(r.last, row[i].b, "last");
		}
	}
	ok(!http_fit_range(&(struct http_range){ .last = UINT64_MAX }, 0),
	    "nothing has no first byte");
}

static void
test_paths(void)
{
	static const struct { const char *in, *out; int status; } row[] = {
		{ "/a", "a", 0 }, { "/a/b.m4s", "a/b.m4s", 0 }, { "/", "index.html", 0 },
		{ "/a/", "a/index.html", 0 }, { "//a///b", "a/b", 0 }, { "/./a/./b", "a/b", 0 },
		{ "/a/.", "a/index.html", 0 }, { "/%61%2E%62", "a.b", 0 },
		{ "/%C3%A4", "\xc3\xa4", 0 }, { "/a%20b", "a b", 0 },
		{ "/..", NULL, -EINVAL }, { "/a/../b", NULL, -EINVAL },
		{ "/%2e%2E/x", NULL, -EINVAL }, { "/a%2fb", NULL, -EINVAL },
		{ "/a%5Cb", NULL, -EINVAL }, { "/a\\b", NULL, -EINVAL },
		{ "/%00", NULL, -EINVAL }, { "/%0a", NULL, -EINVAL }, { "/%", NULL, -EINVAL },
		{ "/%4", NULL, -EINVAL }, { "/%zz", NULL, -EINVAL }, { "a", NULL, -EINVAL },
		{ "*", NULL, -EINVAL }, { "", NULL, -EINVAL },
		{ "/.mstore/lock", NULL, -EACCES }, { "/a/.b", NULL, -EACCES },
		{ "/%2emstore/lock", NULL, -EACCES }, { "/...", NULL, -EACCES },
	};
	char out[HTTP_PATH_MAX], text[2 * HTTP_PATH_MAX];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		is(http_parse_path(str(row[i].in), out), row[i].status, "path '%s'", row[i].in);
		if (row[i].status == 0 && !ok(strcmp(out, row[i].out) == 0, "is plain"))
			printf("# got '%s'\n", out);
	}
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	is(http_parse_path((struct h1_str){ text, 256 }, out), 0, "a name of 255 bytes");
	is(http_parse_path((struct h1_str){ text, 257 }, out), -ENAMETOOLONG, "one more");
	for (size_t i = 0; i < sizeof(text); i += 2)
		text[i] = '/';
	for (size_t n = HTTP_PATH_MAX - 20; n < sizeof(text); n++) {
		int k = http_parse_path((struct h1_str){ text, n }, out);

		if (k == 0 ? strlen(out) >= HTTP_PATH_MAX : k != -ENAMETOOLONG)
			ok(false, "a path of %zu bytes: %d", n, k);
	}
	ok(true, "long paths stay within the buffer");
}

int
main(void)
{
	test_dates();
	test_etags();
	test_gzip();
	test_ranges();
	test_paths();
	is(mime_of("a/init.mp4").kind, MIME_INIT, "an init segment");
	is(mime_of("a/x.MPD").kind, MIME_PLAYLIST, "a manifest");
	ok(strcmp(mime_of("a.m4s/x").type, "application/octet-stream") == 0, "no ending");
	ok(strcmp(mime_of(".m4s").type, "video/iso.segment") == 0, "only an ending");
	return done_testing();
}
