/* Templates of names: what they make, what they refuse, what is one of theirs. */
#include <string.h>

#include "encode/naming.c"
#include "t/tap.h"

static const struct naming_values values = {
	.utc_ns = INT64_C(1767323045678) * 1000000,	/* 2026-01-02T03:04:05.678Z */
	.counter = 42, .slot = -7, .show = "one",
};

static void
makes(const char *template, const char *want)
{
	const char *reason = NULL;
	struct naming n;
	char name[256];

	if (!ok(naming_parse(&n, template, false, &reason) == 0, "'%s' is a template", template)) {
		printf("# %s\n", reason);
		return;
	}
	ok(naming_put(&n, &values, name, sizeof(name)) == (int)strlen(want) &&
	    strcmp(name, want) == 0, "it makes '%s'", want);
	ok(naming_fits(&n, want, values.show, NULL) || strstr(template, "%i") != NULL,
	    "which is one of its names");
}

static void
refuses(const char *template, bool url)
{
	const char *reason = NULL;
	struct naming n;

	ok(naming_parse(&n, template, url, &reason) == -EINVAL && reason != NULL,
	    "'%s' is refused%s", template, url ? " in a URL" : "");
}

int
main(void)
{
	const char *reason, *name;
	struct naming n;
	uint64_t counter = 0;
	char place[NAMING_BASE], text[64], out[8];
	bool url;

	makes("%Y%m%d-%H%M%S.ts", "20260102-030405.ts");
	makes("%F/%H%M%S.%L.jpg", "2026-01-02/030405.678.jpg");
	makes("%n-%05d.mp4", "one-00042.mp4");
	makes("%Y-%m-%d/%j/%s%%.ts", "2026-01-02/002/1767323045%.ts");
	makes("a%03d", "a042");
	makes("%01d", "42");
	refuses("", false);
	refuses("%", false);
	refuses("%q.ts", false);
	refuses("../%05d", false);
	refuses("a//%05d", false);
	refuses("/%05d", false);
	refuses("%d.ts", false);
	refuses("a?%05d", true);
	refuses("%019d", false);

	naming_parse(&n, "t-%05d.jpg", false, &reason);
	ok(n.counter && !n.time && !n.slot, "a template with a counter");
	ok(naming_fits(&n, "t-00017.jpg", NULL, &counter) && counter == 17, "its number is found");
	ok(naming_fits(&n, "t-123456.jpg", NULL, &counter) && counter == 123456,
	    "also one that is longer");
	ok(!naming_fits(&n, "t-0017.jpg", NULL, NULL), "not one that is shorter");
	ok(!naming_fits(&n, "t-00017.png", NULL, NULL), "nor another ending");
	ok(naming_put(&n, &values, out, sizeof(out)) == -ENAMETOOLONG, "what has no room is said");

	snprintf(text, sizeof(text), "s3://b/one/%%F/%%H.ts");
	ok(naming_split(text, place, &name, &url) == 0 && url, "an address");
	ok(strcmp(place, "s3://b/one/") == 0 || strcmp(place, "s3://b/one") == 0, "has a place");
	ok(strcmp(name, "%F/%H.ts") == 0, "and names below it");
	return done_testing();
}
