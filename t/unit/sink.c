/* sink.h: order, bounds and what becomes of failures, in a directory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/sink.h"
#include "t/tap.h"

static char *
copy(const char *s)
{
	char *p = malloc(strlen(s) + 1);

	memcpy(p, s, strlen(s) + 1);
	return p;
}

static int
put(struct sink *s, const char *name, enum sink_level level, const char *text)
{
	return sink_put_text(s, name, "text/plain", level, copy(text), strlen(text));
}

static void
test_directory(const char *dir)
{
	struct sink_config c = { .max_bytes = 100 };
	char path[512], name[SINK_NAME_MAX], *data = NULL;
	struct sink *s = NULL;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/one/two", dir);
	is(sink_new(&s, path, &c), 0, "a directory is made with its parents");
	is(put(s, "v1/1.m4s", SINK_MEDIA, "media"), 0, "an object in a folder");
	is(put(s, "v1/1.m4s", SINK_MEDIA, "other"), 0, "it may be replaced");
	is(sink_get(s, "v1/1.m4s", &data, &len), 0, "it can be read back");
	ok(len == 5 && memcmp(data, "other", 5) == 0, "and is the last one");
	free(data);
	is(sink_get(s, "v1/none", &data, &len), -ENOENT, "what is not there");
	is(sink_stats(s)->delivered, 2, "two were delivered");
	is(sink_stats(s)->bytes, 10, "with their bytes");
	is(sink_delete(s, "v1/1.m4s"), 0, "deleted");
	is(sink_delete(s, "v1/1.m4s"), 0, "what is gone already is no failure");
	is(sink_stats(s)->deleted, 2, "both count");
	ok(!sink_busy(s), "nothing waits");
	ok(!sink_dropped(s, name), "nothing was dropped");
	sink_free(s);
}

/* A file where a folder should be: nothing below it can be written. */
static void
test_failure(const char *dir)
{
	struct sink_config c = { .max_bytes = 12 };
	char path[512], name[SINK_NAME_MAX], *data = NULL;
	struct sink *s = NULL;
	size_t len;

	is(sink_new(&s, dir, &c), 0, "a directory that exists");
	is(put(s, "v2", SINK_MEDIA, "x"), 0, "a file");
	is(put(s, "v2/1.m4s", SINK_MEDIA, "12345"), 0, "cannot be delivered, and waits");
	is(put(s, "index.m3u8", SINK_PLAYLIST, "1"), 0, "its playlist waits for it");
	is(sink_stats(s)->queued, 2, "both are in the queue");
	ok(sink_stats(s)->failing_ns != 0, "and it is said to fail");
	is(sink_get(s, "index.m3u8", &data, &len), -ENOENT, "the playlist is not there");
	is(put(s, "v2/2.m4s", SINK_MEDIA, "12345"), 0, "another");
	is(put(s, "v2/3.m4s", SINK_MEDIA, "12345"), 0, "one too many");
	ok(sink_dropped(s, name), "one was dropped");
	ok(strcmp(name, "v2/1.m4s") == 0, "the oldest");
	ok(!sink_dropped(s, name), "and only that");
	is(sink_stats(s)->queued, 2, "with the playlist, which may name it");
	is(put(s, "v2/init.mp4", SINK_HEADER, "a header longer than all"), 0, "a header");
	is(put(s, "index.m3u8", SINK_PLAYLIST, "2"), 0, "the playlist anew");
	ok(!sink_dropped(s, name) || strcmp(name, "v2/init.mp4") != 0,
	    "a header is never dropped");
	snprintf(path, sizeof(path), "%s/v2", dir);
	unlink(path);
	for (int i = 0; i < 100 && sink_busy(s); i++)
		sink_run(s, -1, clk_mono_ns() + CLK_SECOND / 10);
	ok(!sink_busy(s), "when the cause is gone everything goes out");
	is(sink_get(s, "v2/init.mp4", &data, &len), 0, "the header");
	free(data);
	ok(sink_stats(s)->failing_ns == 0, "nothing fails any more");
	ok(sink_stats(s)->retried > 0, "it was tried more than once");
	sink_free(s);
}

static void
test_versions(const char *dir)
{
	struct sink_config c = { .max_bytes = 1000 };
	char path[512], *data = NULL;
	struct sink *s = NULL;
	size_t len;

	snprintf(path, sizeof(path), "%s/v3", dir);
	is(sink_new(&s, dir, &c), 0, "again");
	put(s, "v3", SINK_MEDIA, "x");
	put(s, "v3/1.m4s", SINK_MEDIA, "a");
	put(s, "list", SINK_PLAYLIST, "first");
	sink_batch(s);
	put(s, "list", SINK_PLAYLIST, "second");
	is(sink_stats(s)->queued, 3, "two versions of a playlist wait");
	put(s, "list", SINK_PLAYLIST, "the third");
	is(sink_stats(s)->queued, 3, "not more: the one between is left out");
	unlink(path);
	for (int i = 0; i < 100 && sink_busy(s); i++)
		sink_run(s, -1, clk_mono_ns() + CLK_SECOND / 10);
	is(sink_get(s, "list", &data, &len), 0, "one is there");
	ok(len == 9, "the newest one");
	is(sink_stats(s)->delivered, 3, "the older one was not sent at all");
	free(data);
	sink_free(s);
}

static int
append(struct sink *s, struct sink_item *i, const char *text)
{
	return sink_append(s, i, (uint8_t *)copy(text), strlen(text), clk_mono_ns());
}

static bool
holds(struct sink *s, const char *name, const char *text)
{
	char *data = NULL;
	size_t len = 0;
	bool same = sink_get(s, name, &data, &len) == 0 && len == strlen(text) &&
	    memcmp(data, text, len) == 0;

	free(data);
	return same;
}

static void
test_growing(const char *dir)
{
	struct sink_config c = { .max_bytes = 20 };
	char path[512], name[SINK_NAME_MAX];
	struct sink *s = NULL;
	struct sink_item *i, *k;

	is(sink_new(&s, dir, &c), 0, "a sink for what grows");
	put(s, "v4/1.m4s", SINK_MEDIA, "an older one");
	is(sink_open(s, "v4/1.m4s", "video/mp4", &i), 0, "opened");
	is(append(s, i, "one"), 0, "a piece");
	ok(holds(s, "v4/1.m4s", "one"), "it can be read, and nothing of the older one");
	put(s, "list", SINK_PLAYLIST, "one");
	ok(holds(s, "list", "one"), "a playlist does not wait for the end");
	put(s, "record", SINK_RECORD, "r");
	ok(holds(s, "record", "r"), "nor does a record of what was before");
	append(s, i, "two");
	ok(holds(s, "v4/1.m4s", "onetwo"), "it grows");
	is(sink_stats(s)->appended, 2, "two pieces are counted");
	sink_close(s, i);
	ok(!sink_busy(s), "and ends");

	snprintf(path, sizeof(path), "%s/v5", dir);
	put(s, "v5", SINK_MEDIA, "x");
	sink_open(s, "v5/1.m4s", "video/mp4", &i);
	append(s, i, "12345");
	sink_open(s, "v5/2.m4s", "video/mp4", &k);
	append(s, k, "abc");
	put(s, "list", SINK_PLAYLIST, "two");
	ok(holds(s, "list", "one"), "a playlist waits for what cannot be written");
	append(s, i, "67890");
	ok(!sink_dropped(s, name), "so much may wait");
	append(s, k, "defghijk");
	ok(sink_dropped(s, name) && strcmp(name, "v5/1.m4s") == 0,
	    "not more: the older one is dropped, though it grows");
	is(append(s, i, "more"), 0, "which its writer need not know");
	sink_close(s, i);
	unlink(path);
	for (int n = 0; n < 100 && !holds(s, "v5/2.m4s", "abcdefghijk"); n++)
		sink_run(s, -1, clk_mono_ns() + CLK_SECOND / 10);
	ok(holds(s, "v5/2.m4s", "abcdefghijk"), "the other one is written from its beginning");
	append(s, k, "l");
	sink_close(s, k);
	ok(holds(s, "v5/2.m4s", "abcdefghijkl"), "and goes on");
	ok(!sink_busy(s), "nothing is left");
	sink_open(s, "v5/3.m4s", "video/mp4", &k);
	append(s, k, "left open");
	sink_free(s);
}

int
main(void)
{
	char dir[] = "/tmp/sink.XXXXXX", command[64];
	struct sink_config c = { .max_bytes = 0 };
	struct sink *s;

	if (mkdtemp(dir) == NULL)
		return 1;
	test_directory(dir);
	test_failure(dir);
	test_versions(dir);
	test_growing(dir);
	is(sink_new(&s, "http://127.0.0.1:1/a?b=c", &c), -EINVAL, "no query in a URL");
	is(sink_new(&s, "/dev/null/x", &c), -ENOTDIR, "a file is no directory");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return done_testing();
}
