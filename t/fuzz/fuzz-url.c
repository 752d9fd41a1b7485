/* Any address: its parts are parts of it; a reference resolved is resolved. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[2 * URL_MAX], out[URL_MAX], again[URL_MAX], host[64];
	const char *ref;
	static struct url u;
	uint16_t port;

	if (len > sizeof(text) - 2)
		return 0;
	memcpy(text, data, len);
	text[len] = text[len + 1] = '\0';
	if (url_parse(&u, text) == 0) {
		size_t size = strlen(u.user) + strlen(u.host) + strlen(u.path) +
		    strlen(u.query);

		must(*u.scheme != '\0' && size <= strlen(text));
		must(u.npair <= URL_QUERY_MAX);
		for (unsigned i = 0; i < u.npair; i++)
			must(url_get(&u, u.pair[i].key) != NULL);
	}
	if (url_parse_listen(text, host, sizeof(host), &port) == 0)
		must(strlen(host) < sizeof(host) && strpbrk(host, "[]\r\n") == NULL);

	/* Two lines: a base and a reference. */
	ref = text + strcspn(text, "\n");
	text[strcspn(text, "\n")] = '\0';
	ref += ref < text + len;
	if (url_resolve(text, ref, out, sizeof(out)) == 0) {
		must(strlen(out) < sizeof(out));
		must(strlen(out) <= strlen(text) + strlen(ref) + 1);
		if (strstr(out, "://") != NULL && strncmp(out, "data:", 5) != 0 &&
		    url_resolve(out, "", again, sizeof(again)) == 0)
			must(strncmp(out, again, strlen(again)) == 0);
	}
	return 0;
}
