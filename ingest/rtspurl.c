#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest/rtspurl.h"

static const struct {
	const char *name, *av;
} transports[] = {
	{ "tcp", "tcp" }, { "udp", "udp" }, { "multicast", "udp_multicast" },
	{ "http", "http" }, { NULL, NULL },
};

static int
take_key(struct rtspurl *u, const char *p, size_t len, char why[static WHY_ROOM])
{
	const char *value = memchr(p, '=', len);
	size_t n = value != NULL ? (size_t)(value - p) : len;
	size_t room = value != NULL ? len - n - 1 : 0;

	if (n == 10 && memcmp(p, "login-file", n) == 0) {
		if (room == 0 || room >= sizeof(u->login_file) ||
		    url_unescape(value + 1, room, u->login_file, sizeof(u->login_file)) < 0)
			return why_wrong(why, "login-file is no file name");
		return 0;
	}
	if (n == 6 && memcmp(p, "verify", n) == 0) {
		if (room != 2 || memcmp(value + 1, "no", room) != 0)
			return why_wrong(why, "verify can be no only");
		u->unverified = true;
		return 0;
	}
	if (n != 9 || memcmp(p, "transport", n) != 0)
		return why_wrong(why, "there is no key '%.*s'", (int)(n < 64 ? n : 64), p);
	for (unsigned i = 0; value != NULL && transports[i].name != NULL; i++)
		if (room == strlen(transports[i].name) &&
		    memcmp(value + 1, transports[i].name, room) == 0) {
			u->transport = transports[i].av;
			return 0;
		}
	return why_wrong(why, "transport is not tcp, udp, multicast or http");
}

int
rtspurl_parse(struct rtspurl *u, const char *text, char why[static WHY_ROOM])
{
	const char *hash = strchr(text, '#'), *slashes = strstr(text, "://"), *at;
	size_t len = hash != NULL ? (size_t)(hash - text) : strlen(text), host;
	int r;

	*u = (struct rtspurl){ .transport = "tcp" };
	if (slashes == NULL || slashes + 3 > text + len || len >= URL_MAX)
		return why_wrong(why, "this is no address");
	host = strcspn(slashes + 3, "/?#");
	at = memchr(slashes + 3, '@', host);
	if (at != NULL)
		return why_wrong(why, "who we are stands in a file: #login-file=");
	if (host == 0 || slashes[3] == ':')
		return why_wrong(why, "it has no host");
	for (const char *p = hash; p != NULL && *p != '\0'; p += strcspn(p, "&")) {
		p++;
		if (*p != '\0' && *p != '&' && (r = take_key(u, p, strcspn(p, "&"), why)) < 0)
			return r;
	}
	/* libavformat does not check it, and has no way to be told to. */
	if (strncasecmp(text, "rtsps:", 6) == 0 && !u->unverified)
		return why_wrong(why, "the certificate of the server cannot be checked: say "
		    "#verify=no to do without that");
	memcpy(u->url, text, len);
	u->url[len] = '\0';
	return 0;
}

int
rtspurl_login(struct rtspurl *u, const char *line, char why[static WHY_ROOM])
{
	char who[3 * RTSPURL_SECRET + 2], *out = who, *host = strstr(u->url, "://");
	bool colon = false;
	size_t n;

	if (host == NULL || strchr(line, ':') == NULL || *line == ':' ||
	    strlen(line) >= RTSPURL_SECRET)
		return why_wrong(why, "its first line is not user:password");
	for (const unsigned char *p = (const unsigned char *)line; *p != '\0'; p++) {
		if (*p == ':' && !colon) {
			*out++ = ':';
			colon = true;
		} else if (isalnum(*p)) {
			*out++ = (char)*p;
		} else {
			out += snprintf(out, 4, "%%%02X", *p);
		}
	}
	*out++ = '@';
	n = (size_t)(out - who);
	host += 3;
	memmove(host + n, host, strlen(host) + 1);
	memcpy(host, who, n);
	explicit_bzero(who, sizeof(who));
	return 0;
}

void
rtspurl_clear(struct rtspurl *u)
{
	explicit_bzero(u, sizeof(*u));
}
