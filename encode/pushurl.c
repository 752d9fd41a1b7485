#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "encode/pushurl.h"
#include "lib/base/clk.h"
#include "lib/base/opt.h"
#include "lib/base/url.h"

#define TIMEOUT_MIN	CLK_SECOND
#define TIMEOUT_MAX	(600 * CLK_SECOND)
#define CUT		4		/* so much of a key at the end of a text is one */

static const struct opt_unit plain[] = { { "", 1 }, { NULL, 0 } };

int
pushurl_duration(const char *text, int64_t lo_ns, int64_t hi_ns, int64_t *out)
{
	uint64_t v;

	if (opt_scaled(text, opt_durations, &v) < 0 || v < (uint64_t)lo_ns || v > (uint64_t)hi_ns)
		return -EINVAL;
	*out = (int64_t)v;
	return 0;
}

static int
set_number(const char *text, uint64_t lo, uint64_t hi, uint64_t *out)
{
	uint64_t v;

	if (opt_scaled(text, plain, &v) < 0 || v < lo || v > hi)
		return -EINVAL;
	*out = v;
	return 0;
}

/* ---- the file of a stream key */

static int
read_key(struct pushurl *u, const char *path, char why[static WHY_ROOM])
{
	char text[RTMP_NAME + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int err = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return why_failed(why, -EINVAL, "cannot read '%s': %s", path, strerror(err));
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] == '\0' || strlen(text) >= sizeof(u->stream))
		return why_wrong(why, "'%s' has no stream key in its first line", path);
	snprintf(u->stream, sizeof(u->stream), "%s", text);
	explicit_bzero(text, sizeof(text));
	return 0;
}

/* ---- keys */

struct key {
	const char *name;
	int (*set)(struct pushurl *u, const char *value);
};

static int
set_audio(struct pushurl *u, const char *v)
{
	return pushaudio_parse(&u->audio, v);
}

static int
set_cache(struct pushurl *u, const char *v)
{
	return pushurl_duration(v, PUSHURL_CACHE_MIN, PUSHURL_CACHE_MAX, &u->cache_ns);
}

static int
set_program(struct pushurl *u, const char *v)
{
	uint64_t n;
	int r = set_number(v, 1, 65535, &n);

	if (r == 0)
		u->program = (uint16_t)n;
	return r;
}

static int
set_retry(struct pushurl *u, const char *v)
{
	return set_number(v, 0, 1000000, &u->retry);
}

static int
set_timeout(struct pushurl *u, const char *v)
{
	return pushurl_duration(v, TIMEOUT_MIN, TIMEOUT_MAX, &u->timeout_ns);
}

static const struct key keys[] = {
	{ "audio", set_audio }, { "cache", set_cache }, { "key-file", NULL },
	{ "program", set_program }, { "retry", set_retry }, { "timeout", set_timeout },
};

static const struct key *
find_key(const char *p, size_t len)
{
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strlen(keys[i].name) == len && strncmp(keys[i].name, p, len) == 0)
			return &keys[i];
	return NULL;
}

static int
set_keys(struct pushurl *u, struct url *url, char why[static WHY_ROOM])
{
	for (unsigned i = 0; i < url->npair; i++) {
		const struct url_pair *p = &url->pair[i];
		const struct key *k = find_key(p->key, strlen(p->key));

		if (k != NULL && k->set != NULL && k->set(u, p->value) < 0)
			return why_wrong(why, "the key %s cannot be '%s'", p->key, p->value);
	}
	return 0;
}

/* What of the query is for the server, to the end of the stream. */
static int
add_rest(struct pushurl *u, const char *query)
{
	char sep = strchr(u->stream, '?') != NULL ? '&' : '?';

	while (*query != '\0') {
		size_t len = strcspn(query, "&"), used = strlen(u->stream);

		if (len > 0 && find_key(query, strcspn(query, "=&")) == NULL) {
			if (used + len + 2 > sizeof(u->stream))
				return -ENAMETOOLONG;
			u->stream[used++] = sep;
			memcpy(u->stream + used, query, len);
			u->stream[used + len] = '\0';
			sep = '&';
		}
		query += len + (query[len] == '&');
	}
	return 0;
}

/* ---- the address */

static int
name_target(struct pushurl *u)
{
	const char *scheme = u->tls ? "rtmps" : "rtmp";
	bool usual = u->port == (u->tls ? RTMPS_PORT : RTMP_PORT);
	bool v6 = strchr(u->host, ':') != NULL;
	char port[8] = "";
	int n;

	if (!usual)
		snprintf(port, sizeof(port), ":%u", u->port);
	n = snprintf(u->tc_url, sizeof(u->tc_url), v6 ? "%s://[%s]%s/%s" : "%s://%s%s/%s",
	    scheme, u->host, port, u->app);
	if (n < 0 || (size_t)n >= sizeof(u->tc_url))
		return -ENAMETOOLONG;
	memcpy(u->name, u->tc_url, sizeof(u->name));
	return 0;
}

/* Of a path the app, and if last the part behind it. */
static int
split_path(struct pushurl *u, const char *path, bool last, char why[static WHY_ROOM])
{
	const char *slash;
	size_t len;

	while (*path == '/')
		path++;
	len = strlen(path);
	slash = memrchr(path, '/', len);
	if (last && (slash == NULL || slash[1] == '\0'))
		return why_wrong(why, "it needs an app and a stream key, rtmp://host/app/key, "
		    "or the key key-file");
	if (last) {
		if (strlen(slash + 1) >= sizeof(u->stream))
			return why_wrong(why, "its stream key is too long");
		snprintf(u->stream, sizeof(u->stream), "%s", slash + 1);
		len = (size_t)(slash - path);
	}
	while (len > 0 && path[len - 1] == '/')
		len--;
	if (len == 0)
		return why_wrong(why, "it has no app");
	if (len >= sizeof(u->app))
		return why_wrong(why, "its app is too long");
	memcpy(u->app, path, len);
	u->app[len] = '\0';
	return 0;
}

/* Scheme, host and port. */
static int
set_server(struct pushurl *u, const struct url *url, char why[static WHY_ROOM])
{
	u->tls = strcmp(url->scheme, "rtmps") == 0;
	if (!u->tls && strcmp(url->scheme, "rtmp") != 0)
		return why_wrong(why, "it is no rtmp:// or rtmps:// address");
	if (url->has_at)
		return why_wrong(why, "a user and password in it are not supported");
	if (*url->host == '\0' || strlen(url->host) >= sizeof(u->host))
		return why_wrong(why, "it has no host");
	snprintf(u->host, sizeof(u->host), "%s", url->host);
	u->port = url->port != 0 ? url->port : u->tls ? RTMPS_PORT : RTMP_PORT;
	return 0;
}

int
pushurl_parse(struct pushurl *u, const char *text, char why[static WHY_ROOM])
{
	struct url url;
	const char *file;
	int r;

	if (url_parse(&url, text) < 0)
		return why_wrong(why, "it is no address");
	file = url_get(&url, "key-file");
	if ((r = set_server(u, &url, why)) < 0 ||
	    (r = split_path(u, url.path, file == NULL, why)) < 0 ||
	    (r = set_keys(u, &url, why)) < 0 ||
	    (file != NULL && (r = read_key(u, file, why)) < 0))
		return r;
	if (add_rest(u, url.query) < 0 || name_target(u) < 0)
		return why_wrong(why, "it is too long");
	return 0;
}

int
pushurl_redirect(struct pushurl *u, const char *tc_url, char why[static WHY_ROOM])
{
	struct pushurl to = *u;
	char absolute[URL_MAX];
	struct url url;
	int r;

	if (url_resolve(u->tc_url, tc_url, absolute, sizeof(absolute)) < 0 ||
	    url_parse(&url, absolute) < 0)
		return why_wrong(why, "it is no address");
	if ((r = set_server(&to, &url, why)) < 0 ||
	    (r = split_path(&to, url.path, false, why)) < 0)
		return r;
	if (u->tls && !to.tls)
		return why_wrong(why, "it is not encrypted, as this one is");
	if (name_target(&to) < 0)
		return why_wrong(why, "it is too long");
	*u = to;
	return 0;
}

/* Of text each place that begins with len bytes of p, or is cut within them. */
static void
hide(char *text, const char *p, size_t len)
{
	for (; len > 0 && *text != '\0'; text++) {
		size_t left = strlen(text), n = left < len ? left : len;

		if ((n == len || n >= CUT) && memcmp(text, p, n) == 0)
			memset(text, '*', n);
	}
}

void
pushurl_hide(const struct pushurl *u, char *text)
{
	size_t key = strcspn(u->stream, "?");

	hide(text, u->stream, strlen(u->stream));
	hide(text, u->stream, key);
	if (u->stream[key] == '?')
		hide(text, u->stream + key + 1, strlen(u->stream + key + 1));
}
