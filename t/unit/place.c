/* Where objects go: each kind of place, as people write it. */
#include <string.h>

#include "lib/net/place.h"
#include "t/tap.h"

static const struct {
	const char *text, *path;
	enum place_kind kind;
} places[] = {
	{ "", "", PLACE_FOLDER },
	{ "thumbs", "thumbs", PLACE_FOLDER },
	{ "/var/www/live", "/var/www/live", PLACE_FOLDER },
	{ "a:b/c", "a:b/c", PLACE_FOLDER },
	{ "./http://x", "./http://x", PLACE_FOLDER },
	{ "file:///srv/x", "/srv/x", PLACE_FOLDER },
	{ "FILE:///srv/x", "/srv/x", PLACE_FOLDER },
	{ "s3://bucket/key", NULL, PLACE_S3 },
	{ "S3://bucket/key", NULL, PLACE_S3 },
	{ "http://[::1]:80/x", NULL, PLACE_HTTP },
	{ "HTTPS://host/x", NULL, PLACE_HTTP },
	{ "ftp://host/x", NULL, PLACE_OTHER },
	{ "httpss://host/x", NULL, PLACE_OTHER },
	{ "://", NULL, PLACE_OTHER },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *text = places[i].text;

		is(place_kind(text), places[i].kind, "the kind of '%s'", text);
		if (places[i].path != NULL)
			ok(strcmp(place_path(text), places[i].path) == 0, "its path");
	}
	return done_testing();
}
