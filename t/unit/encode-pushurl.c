/* Addresses of targets: app and key, what of a query is the server's, what is hidden. */
#include <stdlib.h>

#include "encode/pushurl.c"
#include "t/tap.h"

/* Of pushfeed.c, which is not under test. */
int
pushaudio_parse(struct pushaudio *a, const char *text)
{
	a->none = strcmp(text, "none") == 0;
	return a->none ? 0 : -EINVAL;
}

static char key_file[] = "/tmp/pushurl.XXXXXX";

static void
write_key(const char *text)
{
	FILE *f = fopen(key_file, "w");

	if (f == NULL)
		abort();
	fputs(text, f);
	fclose(f);
}

static void
gives(const char *text, const char *tc_url, const char *stream)
{
	struct pushurl u = { .cache_ns = 5, .retry = 6 };
	char why[WHY_ROOM] = "";

	if (ok(pushurl_parse(&u, text, why) == 0, "'%s' is an address", text))
		ok(strcmp(u.tc_url, tc_url) == 0 && strcmp(u.stream, stream) == 0,
		    "to '%s' as '%s'", u.tc_url, u.stream);
	else
		printf("# %s\n", why);
}

static void
refuses(const char *text)
{
	char why[WHY_ROOM] = "";
	struct pushurl u = { .retry = 0 };

	ok(pushurl_parse(&u, text, why) == -EINVAL && *why != '\0' && strstr(why, "s3cret") == NULL,
	    "'%s' is refused: %s", text, why);
}

static void
with_file(const char *line, const char *query, const char *stream)
{
	char text[256];

	write_key(line);
	snprintf(text, sizeof(text), "rtmps://h/live/2?%skey-file=%s", query, key_file);
	if (stream != NULL)
		gives(text, "rtmps://h/live/2", stream);
	else
		refuses(text);
}

static void
goes(const char *from, const char *to, const char *tc_url)
{
	char why[WHY_ROOM] = "";
	struct pushurl u = { .retry = 7 };
	int r;

	if (pushurl_parse(&u, from, why) < 0)
		abort();
	r = pushurl_redirect(&u, to, why);
	if (tc_url == NULL)
		ok(r == -EINVAL && *why != '\0', "from '%s' not to '%s': %s", from, to, why);
	else
		ok(r == 0 && strcmp(u.tc_url, tc_url) == 0 && strcmp(u.stream, "key") == 0 &&
		    u.retry == 7, "from '%s' by '%s' to '%s'", from, to, u.tc_url);
}

static void
hides(const char *stream, const char *said, const char *want)
{
	struct pushurl u = { .retry = 0 };
	char text[128];

	snprintf(u.stream, sizeof(u.stream), "%s", stream);
	snprintf(text, sizeof(text), "%s", said);
	pushurl_hide(&u, text);
	ok(strcmp(text, want) == 0, "of '%s' by '%s': '%s'", said, stream, text);
}

int
main(void)
{
	int fd = mkstemp(key_file);
	char why[WHY_ROOM], longer[2 * RTMP_NAME + 32];
	struct pushurl u = { .cache_ns = 5 };

	if (fd < 0)
		abort();
	close(fd);
	gives("rtmp://h/app/key", "rtmp://h/app", "key");
	gives("rtmp://h:1935/app/inst/key", "rtmp://h/app/inst", "key");
	gives("rtmps://h:444//app//key", "rtmps://h:444/app", "key");
	gives("rtmp://[::1]:2/app/key", "rtmp://[::1]:2/app", "key");
	gives("rtmp://h/app/key?a=b&cache=2s&c=d%20e&retry=3", "rtmp://h/app", "key?a=b&c=d%20e");
	gives("rtmp://h/app/key?cached=1&x", "rtmp://h/app", "key?cached=1&x");
	ok(pushurl_parse(&u, "rtmp://h/a/k?cache=2s&audio=none&program=9&retry=3&timeout=1s", why) == 0 &&
	    u.cache_ns == 2 * CLK_SECOND && u.audio.none && u.program == 9 && u.retry == 3 &&
	    u.timeout_ns == CLK_SECOND, "the keys do what they say");
	with_file("s3cret\nmore\n", "", "s3cret");
	with_file("s3cret\r\n", "x=y&", "s3cret?x=y");
	with_file("FB-1?s_bl=1&a=2\n", "x=y&", "FB-1?s_bl=1&a=2&x=y");
	with_file("\ns3cret\n", "", NULL);
	memset(longer, 'k', RTMP_NAME);
	longer[RTMP_NAME] = '\0';
	with_file(longer, "", NULL);
	longer[RTMP_NAME - 1] = '\0';
	with_file(longer, "", longer);
	with_file(longer, "x=y&", NULL);
	unlink(key_file);
	refuses("rtmp://h/app/s3cret/");
	refuses("rtmp://h/s3cret");
	refuses("rtmp://h//s3cret");
	refuses("rtmp:///app/s3cret");
	refuses("http://h/app/s3cret");
	refuses("rtmp://me:s3cret@h/app/key");
	refuses("rtmp://h/app/s3cret?cache=1ms");
	refuses("rtmp://h/app/s3cret?retry=-1");
	refuses("rtmp://h/app/s3cret?timeout=0s");
	refuses("rtmp://h/app/s3cret?program=65536");
	refuses("rtmp://h/app?key-file=/nowhere/at/all");
	goes("rtmp://h/app/key", "rtmp://i:5/b/c", "rtmp://i:5/b/c");
	goes("rtmp://h/app/key", "rtmps://i/b", "rtmps://i/b");
	goes("rtmps://h/app/key", "rtmp://i/b", NULL);
	goes("rtmp://h/app/key", "http://i/b", NULL);
	goes("rtmp://h/app/key", "rtmp://i/", NULL);
	goes("rtmp://h/app/key", "rtmp://me@i/b", NULL);
	goes("rtmp://h:7/app/key", "/other", "rtmp://h:7/other");
	hides("s3cret", "stream live/s3cret is there: s3cret", "stream live/****** is there: ******");
	hides("s3cret?pw=x1", "s3cret?pw=x1 s3cret pw=x1", "************ ****** *****");
	hides("s3cret", "cut within s3cr", "cut within ****");
	hides("s3cret", "no such stream s3", "no such stream s3");
	hides("", "nothing", "nothing");
	hides("k?", "ok?", "o**");
	return done_testing();
}
