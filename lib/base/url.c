#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/hex.h"
#include "lib/base/url.h"

/* Append len bytes to the store as a string. */
static char *
keep(struct url *u, size_t *fill, const char *s, size_t len)
{
	char *to = u->store + *fill;

	if (*fill + len + 1 > sizeof(u->store))
		return NULL;
	memcpy(to, s, len);
	to[len] = '\0';
	*fill += len + 1;
	return to;
}

int
url_unescape(const char *p, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (c == '%') {
			int hi = len - i > 2 ? hex_digit(p[i + 1]) : -1;
			int lo = hi < 0 ? -1 : hex_digit(p[i + 2]);

			if (lo < 0)
				return -EINVAL;
			c = (char)(hi * 16 + lo);
			i += 2;
		}
		if (c == '\0')
			return -EINVAL;
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		out[n++] = c;
	}
	if (size > 0)
		out[n] = '\0';
	return size > 0 ? 0 : -ENAMETOOLONG;
}

/* Of a query, in place: + is a blank there. */
static int
decode(char *s)
{
	for (char *p = s; *p != '\0'; p++)
		if (*p == '+')
			*p = ' ';
	return url_unescape(s, strlen(s), s, strlen(s) + 1);
}

static int
parse_query(struct url *u, size_t *fill, const char *s)
{
	while (*s != '\0') {
		size_t len = strcspn(s, "&"), key = strcspn(s, "=&");
		struct url_pair *pair = &u->pair[u->npair];
		char *k, *v;

		if (len > 0) {
			if (u->npair == URL_QUERY_MAX)
				return -ENAMETOOLONG;
			k = keep(u, fill, s, key);
			v = k == NULL ? NULL : keep(u, fill, s + key + (key < len),
			    len - key - (key < len));
			if (v == NULL)
				return -ENAMETOOLONG;
			if (decode(k) < 0 || decode(v) < 0)
				return -EINVAL;
			*pair = (struct url_pair){ .key = k, .value = v };
			u->npair++;
		}
		s += len + (s[len] == '&');
	}
	return 0;
}

static int
parse_port(const char *s, size_t len, uint16_t *port)
{
	unsigned v = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (v > 65535)
		return -EINVAL;
	*port = (uint16_t)v;
	return 0;
}

/* [user@]host[:port], len bytes. */
static int
parse_authority(struct url *u, size_t *fill, const char *s, size_t len)
{
	const char *at = memrchr(s, '@', len), *end = s + len, *colon;

	if (at != NULL) {
		u->has_at = true;
		u->user = keep(u, fill, s, (size_t)(at - s));
		s = at + 1;
	}
	if (s < end && *s == '[') {
		const char *close = memchr(s, ']', (size_t)(end - s));

		if (close == NULL || (close + 1 < end && close[1] != ':'))
			return -EINVAL;
		u->host = keep(u, fill, s + 1, (size_t)(close - s - 1));
		colon = close + 1 < end ? close + 1 : NULL;
	} else {
		colon = memchr(s, ':', (size_t)(end - s));
		u->host = keep(u, fill, s, (size_t)((colon ? colon : end) - s));
	}
	if (u->host == NULL || u->user == NULL)
		return -ENAMETOOLONG;
	if (colon == NULL)
		return 0;
	return parse_port(colon + 1, (size_t)(end - colon - 1), &u->port);
}

int
url_parse(struct url *u, const char *text)
{
	const char *sep = strstr(text, "://"), *rest;
	size_t fill = 0, len;

	memset(u, 0, offsetof(struct url, store));
	u->user = u->host = u->path = u->query = "";
	if (*text == '\0')
		return -EINVAL;
	if (strlen(text) >= URL_MAX)
		return -ENAMETOOLONG;
	for (const char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return -EINVAL;
	len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789+.-");
	if (strncasecmp(text, "test:", 5) == 0) {	/* needs no authority */
		u->scheme = "test";
		rest = text + 5;
		if (*rest != '\0' && *rest != '?' && strcmp(rest, "//") != 0 &&
		    strncmp(rest, "//?", 3) != 0)
			return -EINVAL;
		rest += strcspn(rest, "?");
	} else if (sep == NULL || sep == text || len != (size_t)(sep - text)) {
		u->scheme = strcmp(text, "-") == 0 ? "-" : "file";
		u->path = keep(u, &fill, text, strlen(text));
		return 0;
	} else {
		char *scheme = keep(u, &fill, text, len);
		int r;

		for (char *p = scheme; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		u->scheme = scheme;
		rest = sep + 3;
		len = strcmp(scheme, "file") == 0 ? 0 : strcspn(rest, "/?");
		if (len > 0 && (r = parse_authority(u, &fill, rest, len)) < 0)
			return r;
		rest += len;
		len = strcspn(rest, "?");
		if (strcmp(scheme, "file") == 0 && len == 0)
			return -EINVAL;
		u->path = keep(u, &fill, rest, len);
		rest += len;
	}
	if (*rest == '?') {
		u->query = keep(u, &fill, rest + 1, strlen(rest + 1));
		return u->query == NULL ? -ENAMETOOLONG :
		    parse_query(u, &fill, rest + 1);
	}
	return u->path == NULL ? -ENAMETOOLONG : 0;
}

const char *
url_get(struct url *u, const char *key)
{
	for (unsigned i = 0; i < u->npair; i++)
		if (strcmp(u->pair[i].key, key) == 0) {
			u->pair[i].used = true;
			return u->pair[i].value;
		}
	return NULL;
}

const char *
url_unused(const struct url *u)
{
	for (unsigned i = 0; i < u->npair; i++)
		if (!u->pair[i].used)
			return u->pair[i].key;
	return NULL;
}

int
url_parse_listen(const char *text, char *host, size_t host_size, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	const char *start = text, *end = colon;

	if (colon == NULL) {
		if (host_size < 1)
			return -EINVAL;
		host[0] = '\0';
		return parse_port(text, strlen(text), port);
	}
	if (*text == '[') {
		if (colon == text || colon[-1] != ']')
			return -EINVAL;
		start++;
		end--;
	} else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
		return -EINVAL;		/* IPv6 needs its brackets */
	}
	if ((size_t)(end - start) >= host_size)
		return -EINVAL;
	for (const char *p = start; p < end; p++)
		if (*p == '[' || *p == ']' || iscntrl((unsigned char)*p))
			return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return parse_port(colon + 1, strlen(colon + 1), port);
}

/* Add text with what is special in a URL escaped; the place after it, or size. */
static size_t
escape(const char *text, char *out, size_t pos, size_t size)
{
	static const char digit[] = "0123456789ABCDEF", plain[] = "-._~/";

	for (const char *p = text; *p != '\0' && pos + 3 < size; p++) {
		unsigned char c = (unsigned char)*p;

		if (isalnum(c) || strchr(plain, c) != NULL) {
			out[pos++] = (char)c;
		} else {
			out[pos++] = '%';
			out[pos++] = digit[c >> 4];
			out[pos++] = digit[c & 15];
		}
	}
	out[pos] = '\0';
	return pos;
}

int
url_from_path(const char *path, char *out, size_t size)
{
	static const char scheme[] = "file://";
	char here[PATH_MAX] = "";
	size_t pos = sizeof(scheme) - 1;

	if (*path != '/' && getcwd(here, sizeof(here)) == NULL)
		return -errno;
	if (size < sizeof(scheme))
		return -ENAMETOOLONG;
	memcpy(out, scheme, sizeof(scheme));
	pos = escape(here, out, pos, size);
	pos = escape(*path == '/' ? "" : "/", out, pos, size);
	pos = escape(path, out, pos, size);
	return pos + 4 > size ? -ENAMETOOLONG : 0;
}

/* ---- references (RFC 3986 5.2) */

/* [0, path) is scheme and authority; then path, query, fragment. */
struct cut {
	size_t	path, query, fragment;
	bool	file;			/* a path of the file system is all there is */
};

/* The length of "scheme:" at the front of s, or 0. */
static size_t
scheme_len(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789+.-");

	return isalpha((unsigned char)*s) && s[len] == ':' ? len + 1 : 0;
}

static struct cut
cut_url(const char *s)
{
	size_t scheme = scheme_len(s);
	struct cut c = { .file = scheme == 0 || strncmp(s + scheme, "//", 2) != 0 };

	if (c.file) {
		c.query = c.fragment = strlen(s);
	} else {
		c.path = scheme + 2 + strcspn(s + scheme + 2, "/?#");
		c.query = c.path + strcspn(s + c.path, "?#");
		c.fragment = c.query + strcspn(s + c.query, "#");
	}
	return c;
}

/* Take "." and ".." out of path[0..len), which begins with "/".  The new length. */
static size_t
remove_dots(char *path, size_t len)
{
	size_t fill = 0, n;

	for (size_t pos = 0; pos < len; pos += n) {	/* path[pos] is a "/" */
		const char *slash = memchr(path + pos + 1, '/', len - pos - 1);
		bool up;

		n = slash == NULL ? len - pos : (size_t)(slash - path) - pos;
		up = n == 3 && memcmp(path + pos, "/..", 3) == 0;
		if (up) {
			while (fill > 0 && path[--fill] != '/')
				;
		} else if (n != 2 || path[pos + 1] != '.') {
			memmove(path + fill, path + pos, n);
			fill += n;
			continue;
		}
		if (slash == NULL)		/* "a/.." is "/", "a/." is "a/" */
			path[fill++] = '/';
	}
	return fill;
}

int
url_resolve(const char *base, const char *ref, char *out, size_t size)
{
	struct cut b = cut_url(base), c;
	bool absolute = scheme_len(ref) > 0, data = strncmp(ref, "data:", 5) == 0;
	size_t len = data ? strlen(ref) : strcspn(ref, "#");
	size_t keep_len = b.fragment;		/* what stays of base */
	const char *root = "";

	for (const char *p = ref; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return -EINVAL;
	if (absolute)
		keep_len = 0;
	else if (strncmp(ref, "//", 2) == 0 && !b.file)
		keep_len = scheme_len(base);
	else if (*ref == '/')
		keep_len = b.path;
	else if (*ref == '?' && !b.file)
		keep_len = b.query;
	else if (len > 0) {
		const char *slash = memrchr(base + b.path, '/', b.query - b.path);

		keep_len = slash == NULL ? b.path : (size_t)(slash + 1 - base);
		root = slash == NULL && !b.file ? "/" : "";
	}
	if (keep_len + strlen(root) + len >= size)
		return -ENAMETOOLONG;
	snprintf(out, size, "%.*s%s%.*s", (int)keep_len, base, root, (int)len, ref);
	c = cut_url(out);
	if (!c.file && out[c.path] == '/') {
		len = remove_dots(out + c.path, c.query - c.path);
		memmove(out + c.path + len, out + c.query, strlen(out + c.query) + 1);
	}
	return 0;
}
