#include <string.h>

#include "lib/base/mask.h"
#include "t/tap.h"

static void
test_texts(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "srt://h:1?mode=caller&passphrase=abc&x=1", "srt://h:1?mode=caller&passphrase=***&x=1" },
		{ "srt://h:1?passphrase=a=b", "srt://h:1?passphrase=***" },
		{ "srt://h:1?passphrase-file=abc", "srt://h:1?passphrase-file=abc" },
		{ "srt://h:1?passphrase", "srt://h:1?passphrase" },
		{ "x?&&secret=a&", "x?&&secret=***&" }, { "x?secret=&a=b", "x?secret=&a=b" },
		{ "'s3://b/k?secret=a' has gone", "'s3://b/k?secret=***' has gone" },
		{ "'s3://b/k?secret=it's a' has", "'s3://b/k?secret=***' has" },
		{ "'s3://b/k?secret=a'", "'s3://b/k?secret=***'" },
		{ "film.mp4", "film.mp4" }, { "", "" },
		{ "rtsp://me:pw@h:554/x", "rtsp://me:***@h:554/x" },
		{ "rtsp://:p@h", "rtsp://:***@h" }, { "rtsp://me:@h", "rtsp://me:@h" },
		{ "http://me:p:w@w@h/a@b", "http://me:***@h/a@b" },
		{ "s3://KEY:a/b+c@bucket/x", "s3://KEY:***@bucket/x" },
		{ "'s3://KEY:a?b@c': one", "'s3://KEY:***@c': one" },
		{ "'a://me:it's@h': two, 'b://u:pw@h' x@y", "'a://me:***@h': two, 'b://u:***@h' x@y" },
		{ "from http://a:b@c to http://d:e@f", "from http://a:***@c to http://d:***@f" },
		{ "http://h:80/?at=x@y", "http://h:80/?at=x@y" },
		{ "udp://10.0.0.9@232.1.1.1:5000", "udp://10.0.0.9@232.1.1.1:5000" },
		{ "udp://[fe80::1]@[ff02::1]:5000", "udp://[fe80::1]@[ff02::1]:5000" },
		{ "rtmp://:1935 or rtmp://@h:1935", "rtmp://:1935 or rtmp://@h:1935" },
		{ "rtmp://[@address]:port/app", "rtmp://[@address]:port/app" },
		{ "rtmp://:port or rtmp://@address:port", "rtmp://:port or rtmp://@address:port" },
	};
	char out[200];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ok(strcmp(mask_secrets(row[i].text, out, sizeof(out)), row[i].want) == 0,
		    "'%s' is shown as '%s'", row[i].text, out);
}

static void
test_room(void)
{
	static const char secret[] = "u?secret=", shown[] = "u?secret=***&aaa";
	char out[300], text[1000];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	is((int)strlen(mask_secrets(text, out, sizeof(out))), sizeof(out) - 1,
	    "as much as there is room for");
	memcpy(text, secret, strlen(secret));
	ok(strcmp(mask_secrets(text, out, sizeof(out)), "u?secret=***") == 0,
	    "and no secret, however long");
	text[500] = '&';
	mask_secrets(text, out, sizeof(out));
	ok(strncmp(out, shown, strlen(shown)) == 0, "what is behind it is there");
	for (size_t size = 1; size < sizeof(shown); size++) {
		memset(out, 'x', sizeof(out));
		mask_secrets(text, out, size);
		ok(memcmp(out, shown, size - 1) == 0 && out[size - 1] == '\0' && out[size] == 'x',
		    "room for %u", (unsigned)size);
	}
}

int
main(void)
{
	test_texts();
	test_room();
	return done_testing();
}
