/*
 * A template, a zero byte, and a name.  One that is taken makes names that it fits, with
 * the same counter, of no folder above; any name is looked at; and an address that is
 * split comes to pieces no longer than itself.
 */
#include <stdlib.h>
#include <string.h>

#include "encode/naming.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_name(const struct naming *n, uint64_t counter)
{
	struct naming_values v = {
		.utc_ns = INT64_C(1764442001500000000) + (int64_t)counter, .counter = counter,
		.slot = 352888400, .show = "news",
	};
	uint64_t found = counter;
	char name[64];
	int r = naming_put(n, &v, name, sizeof(name));

	if (r < 0)
		return;
	if (strlen(name) != (size_t)r || name[0] == '/' || strncmp(name, "../", 3) == 0 ||
	    strstr(name, "/../") != NULL || strstr(name, "//") != NULL)
		abort();
	/* Numbers that touch each other may be split in another way. */
	if (!naming_fits(n, name, v.show, &found) && strlen(n->text) < 16)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char text[4096], copy[4096], place[NAMING_BASE];
	const char *reason, *name;
	struct naming n;
	bool url;
	size_t end;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	end = strlen(text);
	memcpy(copy, text, end + 1);
	if (naming_split(copy, place, &name, &url) == 0 && (strlen(place) > end + 1 ||
	    strlen(name) > end))
		abort();
	for (int i = 0; i < 2; i++)
		if (naming_parse(&n, text, i != 0, &reason) == 0) {
			check_name(&n, 7);
			check_name(&n, 123456);
			if (end < len)
				naming_fits(&n, text + end + 1, "news", NULL);
		} else if (reason == NULL) {
			abort();
		}
	return 0;
}
