/*
 * An address of RTSP, a line end, and the line of a file with a user and his password: what is
 * taken has no user of its own, a transport that libavformat knows, and nothing in it that
 * the line could say beside a user.
 */
#include <stdint.h>
#include <stdlib.h>

#include "ingest/rtspurl.c"

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
	char *text = strndup((const char *)data, len), *line, why[WHY_ROOM] = "";
	static struct rtspurl u;
	int r;

	must(text != NULL);
	line = strchr(text, '\n');
	if (line != NULL)
		*line++ = '\0';
	r = rtspurl_parse(&u, text, why);
	must(r == 0 || (r == -EINVAL && *why != '\0'));
	if (r == 0) {
		const char *host = strstr(u.url, "://") + 3;
		size_t before = strlen(u.url), n = strcspn(host, "/?");

		must(u.transport != NULL && strchr(u.url, '#') == NULL);
		must(n > 0 && memchr(host, '@', n) == NULL);
		if (line != NULL && rtspurl_login(&u, line, why) == 0) {
			n = strcspn(host, "@");
			must(host[n] == '@' && n + 1 + before == strlen(u.url));
			must(strcspn(host, "/?#") > n);
		}
	}
	rtspurl_clear(&u);
	free(text);
	return 0;
}
