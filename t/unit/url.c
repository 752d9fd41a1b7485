#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/url.h"
#include "t/tap.h"

static void
test_parse(void)
{
	static const struct {
		const char *text;
		int status;
		const char *scheme, *user, *host, *path, *query;
		unsigned port;
		bool has_at;
	} row[] = {
		{ "-", 0, "-", "", "", "-", "", 0, false },
		{ "film.mp4", 0, "file", "", "", "film.mp4", "", 0, false },
		{ "a?b#c.ts", 0, "file", "", "", "a?b#c.ts", "", 0, false },
		{ "file:///tmp/x", 0, "file", "", "", "/tmp/x", "", 0, false },
		{ "file:///tmp/x?name=y", 0, "file", "", "", "/tmp/x", "name=y", 0, false },
		{ "file://x.ts?a", 0, "file", "", "", "x.ts", "a", 0, false },
		{ "file://?a", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "file://", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "udp://@239.1.1.1:5000?iface=eth1", 0, "udp", "", "239.1.1.1", "",
		  "iface=eth1", 5000, true },
		{ "udp://10.0.0.9@232.1.1.1:5000", 0, "udp", "10.0.0.9", "232.1.1.1",
		  "", "", 5000, true },
		{ "udp://:5000", 0, "udp", "", "", "", "", 5000, false },
		{ "udp://[ff15::1]:5000", 0, "udp", "", "ff15::1", "", "", 5000, false },
		{ "HTTP://Example.com/a/b?c=d&e", 0, "http", "", "Example.com", "/a/b",
		  "c=d&e", 0, false },
		{ "http://h?x", 0, "http", "", "h", "", "x", 0, false },
		{ "test:", 0, "test", "", "", "", "", 0, false },
		{ "test:?size=1x1", 0, "test", "", "", "", "size=1x1", 0, false },
		{ "test://?a=b", 0, "test", "", "", "", "a=b", 0, false },
		{ "TEST:?size=1x1", 0, "test", "", "", "", "size=1x1", 0, false },
		{ "test:x", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "://x", 0, "file", "", "", "://x", "", 0, false },
		{ "http://h:99999/", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "http://h:/", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "http://h:1x/", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "http://[::1/", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "http://[::1]x/", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "http://h/?a=%zz", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "http://h/?a=%00", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "http://h/?a=%4", -EINVAL, 0, 0, 0, 0, 0, 0, false },
		{ "a\nb", -EINVAL, 0, 0, 0, 0, 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		static struct url u;
		int r = url_parse(&u, row[i].text);

		is(r, row[i].status, "status of '%s'", row[i].text);
		if (r < 0 || row[i].scheme == NULL)
			continue;
		ok(strcmp(u.scheme, row[i].scheme) == 0 &&
		    strcmp(u.user, row[i].user) == 0 &&
		    strcmp(u.host, row[i].host) == 0 &&
		    strcmp(u.path, row[i].path) == 0 &&
		    strcmp(u.query, row[i].query) == 0 &&
		    u.port == row[i].port && u.has_at == row[i].has_at,
		    "parts of '%s': %s %s %s %u %s %s", row[i].text, u.scheme, u.user,
		    u.host, u.port, u.path, u.query);
	}
}

static void
test_query(void)
{
	static struct url u;
	char text[URL_MAX + 8];

	is(url_parse(&u, "x://h/?a=1&b=%41+%2b&&c&d=e=f"), 0, "a query");
	ok(strcmp(url_get(&u, "a"), "1") == 0, "a value");
	ok(strcmp(url_get(&u, "b"), "A +") == 0, "escapes");
	ok(strcmp(url_get(&u, "c"), "") == 0, "no value");
	ok(url_get(&u, "nil") == NULL, "not there");
	ok(strcmp(url_unused(&u), "d") == 0, "one that nobody asked for");
	ok(strcmp(url_get(&u, "d"), "e=f") == 0, "an equals sign in a value");
	ok(url_unused(&u) == NULL, "all were asked for");

	memset(text, 'a', sizeof(text));
	text[URL_MAX] = '\0';
	is(url_parse(&u, text), -ENAMETOOLONG, "too long");
	text[URL_MAX - 1] = '\0';
	is(url_parse(&u, text), 0, "as long as can be");
	memcpy(text, "x://h/?", 7);
	for (size_t i = 7; i < URL_MAX - 1; i++)
		text[i] = i % 2 ? 'k' : '&';
	is(url_parse(&u, text), -ENAMETOOLONG, "too many pairs");
	memset(text + 7, 'k', URL_MAX - 8);
	is(url_parse(&u, text), 0, "a query as long as can be");
}

static void
test_resolve(void)
{
	/* RFC 3986 5.4, and what playlists have. */
	static const char base[] = "http://a/b/c/d;p?q";
	static const struct { const char *base, *ref, *want; } row[] = {
		{ base, "g", "http://a/b/c/g" },
		{ base, "./g", "http://a/b/c/g" },
		{ base, "g/", "http://a/b/c/g/" },
		{ base, "/g", "http://a/g" },
		{ base, "//g", "http://g" },
		{ base, "?y", "http://a/b/c/d;p?y" },
		{ base, "g?y", "http://a/b/c/g?y" },
		{ base, "#s", "http://a/b/c/d;p?q" },
		{ base, "g?y#s", "http://a/b/c/g?y" },
		{ base, ";x", "http://a/b/c/;x" },
		{ base, "", "http://a/b/c/d;p?q" },
		{ base, ".", "http://a/b/c/" },
		{ base, "./", "http://a/b/c/" },
		{ base, "..", "http://a/b/" },
		{ base, "../g", "http://a/b/g" },
		{ base, "../..", "http://a/" },
		{ base, "../../g", "http://a/g" },
		{ base, "../../../g", "http://a/g" },
		{ base, "/./g", "http://a/g" },
		{ base, "/../g", "http://a/g" },
		{ base, "g.", "http://a/b/c/g." },
		{ base, "..g", "http://a/b/c/..g" },
		{ base, "./../g", "http://a/b/g" },
		{ base, "./g/.", "http://a/b/c/g/" },
		{ base, "g/./h", "http://a/b/c/g/h" },
		{ base, "g/../h", "http://a/b/c/h" },
		{ base, "g;x=1/../y", "http://a/b/c/y" },
		{ base, "g?y/../x", "http://a/b/c/g?y/../x" },
		{ base, "https://h/x/../y?a/../b", "https://h/y?a/../b" },
		{ base, "data:text/plain;base64,AA==", "data:text/plain;base64,AA==" },
		{ base, "skd://key", "skd://key" },
		{ base, "a_b:c.ts", "http://a/b/c/a_b:c.ts" },
		{ "http://a", "g", "http://a/g" },
		{ "http://a?x/y", "g", "http://a/g" },
		{ "http://a/b?u=/v/w", "g", "http://a/g" },
		{ "http://[::1]:80/live/i.m3u8", "../v/1.ts", "http://[::1]:80/v/1.ts" },
		{ "http://a/b?x", "?", "http://a/b?" },
		{ "vod/i.m3u8", "v/1.ts", "vod/v/1.ts" },
		{ "vod/i.m3u8", "../1.ts", "vod/../1.ts" },
		{ "i.m3u8", "1.ts", "1.ts" },
		{ "/x/i.m3u8", "/y/1.ts", "/y/1.ts" },
		{ "/x/i.m3u8", "http://h/1.ts", "http://h/1.ts" },
		{ "file:///x/i.m3u8", "1.ts", "file:///x/1.ts" },
	};
	char out[64];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		is(url_resolve(row[i].base, row[i].ref, out, sizeof(out)), 0,
		    "'%s' in '%s'", row[i].ref, row[i].base);
		if (!ok(strcmp(out, row[i].want) == 0, "is '%s'", row[i].want))
			printf("# got '%s'\n", out);
	}
	is(url_resolve(base, "a\rb", out, sizeof(out)), -EINVAL, "a control character");
	is(url_resolve(base, "g", out, 15), 0, "as long as there is room");
	is(url_resolve(base, "g", out, 14), -ENAMETOOLONG, "longer than the room");
	is(url_resolve("http://a", "g", out, 10), -ENAMETOOLONG,
	    "longer by the slash that was missing");
}

static void
test_listen(void)
{
	static const struct {
		const char *text;
		int status;
		const char *host;
		unsigned port;
	} row[] = {
		{ "8080", 0, "", 8080 }, { ":8080", 0, "", 8080 },
		{ "127.0.0.1:80", 0, "127.0.0.1", 80 }, { "[::1]:80", 0, "::1", 80 },
		{ "[]:80", 0, "", 80 },
		{ "::1:80", -EINVAL, NULL, 0 }, { "[::1]", -EINVAL, NULL, 0 },
		{ "[:80", -EINVAL, NULL, 0 }, { "h:", -EINVAL, NULL, 0 },
		{ "h", -EINVAL, NULL, 0 }, { "", -EINVAL, NULL, 0 },
		{ "h:65536", -EINVAL, NULL, 0 }, { "h:-1", -EINVAL, NULL, 0 },
		{ "a-host-name-that-is-too-long:1", -EINVAL, NULL, 0 },
		{ "[::1]]:80", -EINVAL, NULL, 0 }, { "[a:80", -EINVAL, NULL, 0 },
		{ "]:80", -EINVAL, NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char host[24] = "";
		uint16_t port = 0;

		is(url_parse_listen(row[i].text, host, sizeof(host), &port),
		    row[i].status, "to listen on '%s'", row[i].text);
		if (row[i].host == NULL)
			continue;
		ok(strcmp(host, row[i].host) == 0, "host '%s'", host);
		is(port, row[i].port, "port");
	}
}

static void
test_unescape(void)
{
	static const struct { const char *text, *want; int status; } row[] = {
		{ "a%20b+c", "a b+c", 0 }, { "%C3%a9", "\xc3\xa9", 0 }, { "", "", 0 },
		{ "%25%32%35", "%25", 0 }, { "1234567", "1234567", 0 },
		{ "12345678", NULL, -ENAMETOOLONG }, { "%00", NULL, -EINVAL },
		{ "a%", NULL, -EINVAL }, { "a%4", NULL, -EINVAL }, { "%4g", NULL, -EINVAL },
	};
	char out[8];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		is(url_unescape(row[i].text, strlen(row[i].text), out, sizeof(out)),
		    row[i].status, "escapes of '%s'", row[i].text);
		if (row[i].want != NULL)
			ok(strcmp(out, row[i].want) == 0, "are '%s'", out);
	}
	is(url_unescape("%414", 3, out, sizeof(out)), 0, "no more than is given");
	ok(strcmp(out, "A") == 0, "is read");
	is(url_unescape("", 0, out, 0), -ENAMETOOLONG, "no room at all");
}

static void
test_from_path(void)
{
	char out[64], here[PATH_MAX], want[PATH_MAX + 16];

	is(url_from_path("/a/50% #1?.m3u8", out, sizeof(out)), 0, "a path");
	ok(strcmp(out, "file:///a/50%25%20%231%3F.m3u8") == 0, "is '%s'", out);
	is(url_from_path("/\xc3\xa9", out, sizeof(out)), 0, "a path that is not ASCII");
	ok(strcmp(out, "file:///%C3%A9") == 0, "is '%s'", out);
	is(url_from_path("/abc", out, 12 + 3), 0, "as long as there is room");
	is(url_from_path("/abc", out, 9), -ENAMETOOLONG, "longer than the room");
	is(url_from_path("/abc", out, 3), -ENAMETOOLONG, "no room at all");
	if (chdir("/tmp") == 0 && getcwd(here, sizeof(here)) != NULL) {
		snprintf(want, sizeof(want), "file://%s/x/y", here);
		is(url_from_path("x/y", out, sizeof(out)), 0, "a relative path");
		ok(strcmp(out, want) == 0, "is '%s'", out);
	}
}

int
main(void)
{
	test_parse();
	test_query();
	test_resolve();
	test_unescape();
	test_from_path();
	test_listen();
	return done_testing();
}
