#include "lib/net/s3addr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/base/url.h"

#define FILE_MAX	65536		/* of credentials */

/* ---- escapes */

int
s3_escape(const char *text, bool slash, char *out, size_t size)
{
	static const char digit[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || strchr("-._~", c) != NULL ||
		    (c == '/' && slash);

		if (n + 4 > size)
			return -ENAMETOOLONG;
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = digit[c >> 4];
		out[n++] = digit[c & 15];
	}
	if (n >= size)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}

static int
set(char *to, size_t size, const char *value)
{
	size_t len = strlen(value);

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(to, value, len + 1);
	return 0;
}

__attribute__((format(printf, 2, 3))) static int
refuse(char reason[static 160], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, 160, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- keys */

static void
trim(const char **p, size_t *len)
{
	while (*len > 0 && strchr(" \t\r", **p) != NULL)
		(*p)++, (*len)--;
	while (*len > 0 && strchr(" \t\r", (*p)[*len - 1]) != NULL)
		(*len)--;
}

static bool
is(const char *p, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(p, text, len) == 0;
}

static int
keep(char *to, size_t size, const char *p, size_t len)
{
	/* Nothing that could end a line of a header. */
	if (len >= size || memchr(p, '\0', len) != NULL)
		return -EINVAL;
	memcpy(to, p, len);
	to[len] = '\0';
	return 0;
}

int
s3_keys_parse(struct s3_keys *k, const char *text, size_t len, const char *profile)
{
	const char *end = text + len, *line, *next, *eq;
	struct s3_keys found = { .id = "" };
	bool ours = false;

	for (line = text; line < end; line = next) {
		const char *nl = memchr(line, '\n', (size_t)(end - line)), *p = line;
		size_t n = (size_t)((nl == NULL ? end : nl) - line), name;
		int r = 0;

		next = nl == NULL ? end : nl + 1;
		trim(&p, &n);
		if (n == 0 || *p == '#' || *p == ';')
			continue;
		if (*p == '[') {
			const char *close = memchr(p, ']', n);

			p++;
			n = close == NULL ? 0 : (size_t)(close - p);
			trim(&p, &n);
			ours = is(p, n, profile);
			continue;
		}
		if (!ours || (eq = memchr(p, '=', n)) == NULL)
			continue;
		name = (size_t)(eq - p);
		n -= name + 1;
		eq++;
		trim(&eq, &n);
		trim(&p, &name);
		if (is(p, name, "aws_access_key_id"))
			r = keep(found.id, sizeof(found.id), eq, n);
		else if (is(p, name, "aws_secret_access_key"))
			r = keep(found.secret, sizeof(found.secret), eq, n);
		else if (is(p, name, "aws_session_token"))
			r = keep(found.token, sizeof(found.token), eq, n);
		if (r < 0)
			return r;
	}
	if (*found.id == '\0' || *found.secret == '\0')
		return -ENOENT;
	*k = found;
	return 0;
}

static int
keys_of_file(struct s3_keys *k, const char *path, const char *profile, bool must,
    char reason[static 160])
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t len;
	int r;

	if (f == NULL) {
		r = -errno;
		if (!must && (r == -ENOENT || r == -ENOTDIR))
			return 0;
		snprintf(reason, 160, "cannot open '%.100s': %s", path, strerror(-r));
		return r;
	}
	text = malloc(FILE_MAX);
	len = text == NULL ? 0 : fread(text, 1, FILE_MAX, f);
	r = text == NULL ? -ENOMEM : ferror(f) ? -EIO :
	    s3_keys_parse(k, text, len, profile);
	fclose(f);
	if (text != NULL)
		explicit_bzero(text, FILE_MAX);
	free(text);
	if (r == -ENOENT && !must)
		return 0;
	if (r < 0)
		snprintf(reason, 160, "no keys of profile '%.40s' in '%.80s'", profile, path);
	return r < 0 ? -EINVAL : 0;
}

static const char *
variable(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

/* 1 when they are in the environment. */
static int
keys_of_environment(struct s3_keys *k, const char *prefix, char reason[static 160])
{
	char name[64];
	const char *id, *secret, *token;

	snprintf(name, sizeof(name), "%s_ACCESS_KEY_ID", prefix);
	id = variable(name);
	snprintf(name, sizeof(name), "%s_SECRET_ACCESS_KEY", prefix);
	secret = variable(name);
	snprintf(name, sizeof(name), "%s_SESSION_TOKEN", prefix);
	token = variable(name);
	if (id == NULL || secret == NULL)
		return 0;
	if (set(k->id, sizeof(k->id), id) == 0 &&
	    set(k->secret, sizeof(k->secret), secret) == 0 &&
	    set(k->token, sizeof(k->token), token == NULL ? "" : token) == 0)
		return 1;
	snprintf(reason, 160, "a key in %s_... is too long", prefix);
	return -EINVAL;
}

static int
find_keys(struct s3_keys *k, const char *file, const char *profile,
    char reason[static 160])
{
	const char *home = variable("HOME");
	char path[4096];
	bool must;
	int r;

	/* What the address names comes before what the environment has. */
	if (file == NULL && profile == NULL &&
	    (r = keys_of_environment(k, "AWS", reason)) != 0)
		return r < 0 ? r : 0;
	must = file != NULL || profile != NULL;
	if (profile == NULL)
		profile = variable("AWS_PROFILE");
	if (file == NULL && (file = variable("AWS_SHARED_CREDENTIALS_FILE")) != NULL)
		must = true;
	if (file == NULL && home == NULL)
		return must ? refuse(reason, "there is no file with profiles") : 0;
	if (file == NULL)
		snprintf(path, sizeof(path), "%s/.aws/credentials", home);
	return keys_of_file(k, file == NULL ? path : file,
	    profile == NULL ? "default" : profile, must, reason);
}

/* ---- the address */

int
s3_address_region(struct s3_address *a, const char *region)
{
	if (*region == '\0' || strlen(region) >= sizeof(a->region) ||
	    region[strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_.")] != '\0')
		return -EINVAL;
	memcpy(a->region, region, strlen(region) + 1);
	if (a->amazon)
		snprintf(a->endpoint, sizeof(a->endpoint), "s3.%s.amazonaws.com", region);
	return 0;
}

static int
set_host(struct s3_address *a, const struct url *u)
{
	bool v6 = strchr(u->host, ':') != NULL;
	int n = snprintf(a->endpoint, sizeof(a->endpoint), "%s%s%s", v6 ? "[" : "",
	    u->host, v6 ? "]" : "");

	if (u->port != 0 && n > 0 && (size_t)n < sizeof(a->endpoint))
		n += snprintf(a->endpoint + n, sizeof(a->endpoint) - (size_t)n, ":%u",
		    u->port);
	a->tls = strcmp(u->scheme, "https") == 0;
	return n < 0 || (size_t)n >= sizeof(a->endpoint) ? -EINVAL : 0;
}

static int
set_endpoint(struct s3_address *a, const char *endpoint, char reason[static 160])
{
	struct url *u;
	int r;

	a->amazon = endpoint == NULL;
	a->tls = true;
	if (endpoint == NULL)
		return 0;
	if ((u = malloc(sizeof(*u))) == NULL)
		return -ENOMEM;
	r = url_parse(u, endpoint);
	if (r < 0 || (strcmp(u->scheme, "http") != 0 && strcmp(u->scheme, "https") != 0) ||
	    *u->host == '\0' || u->has_at || u->npair > 0 ||
	    (*u->path != '\0' && strcmp(u->path, "/") != 0) || set_host(a, u) < 0)
		r = refuse(reason, "the endpoint '%.100s' is not http(s)://host[:port]",
		    endpoint);
	free(u);
	return r < 0 ? r : 0;
}

static int
parse_s3(struct s3_address *a, struct url *u, char reason[static 160])
{
	const char *endpoint = url_get(u, "endpoint"), *region = url_get(u, "region");
	const char *style = url_get(u, "style"), *profile = url_get(u, "profile");
	const char *file = url_get(u, "credentials-file"), *acl = url_get(u, "acl");
	const char *class = url_get(u, "storage-class");
	const char *bad = url_unused(u);
	int r;

	if (bad != NULL)
		return refuse(reason, "an s3:// address has no option '%.80s'", bad);
	if (*u->host == '\0' || u->has_at || u->port != 0)
		return refuse(reason, "an address is s3://bucket/key");
	if (set(a->bucket, sizeof(a->bucket), u->host) < 0 || strspn(u->host,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
	    strlen(u->host))
		return refuse(reason, "no bucket has the name '%.80s'", u->host);
	if (acl != NULL && (set(a->acl, sizeof(a->acl), acl) < 0 ||
	    acl[strspn(acl, "abcdefghijklmnopqrstuvwxyz-")] != '\0'))
		return refuse(reason, "'%.40s' is no canned ACL", acl);
	if (class != NULL && (set(a->storage_class, sizeof(a->storage_class), class) < 0 ||
	    class[strspn(class, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] != '\0'))
		return refuse(reason, "'%.40s' is no storage class", class);
	if (endpoint == NULL)
		endpoint = variable("AWS_ENDPOINT_URL_S3");
	if (endpoint == NULL)
		endpoint = variable("AWS_ENDPOINT_URL");
	if ((r = set_endpoint(a, endpoint, reason)) < 0)
		return r;
	if (region == NULL)
		region = variable("AWS_REGION");
	if (region == NULL)
		region = variable("AWS_DEFAULT_REGION");
	if (region == NULL)
		region = "us-east-1";
	if (s3_address_region(a, region) < 0)
		return refuse(reason, "'%.80s' is no region", region);
	/* A certificate of *.s3.amazonaws.com holds for one label only. */
	a->path_style = style != NULL ? strcmp(style, "path") == 0 :
	    !a->amazon || strchr(a->bucket, '.') != NULL;
	if (style != NULL && !a->path_style && strcmp(style, "virtual") != 0)
		return refuse(reason, "the style '%.80s' is neither path nor virtual", style);
	return find_keys(&a->keys, file, profile, reason);
}

static int
parse_http(struct s3_address *a, const struct url *u, char reason[static 160])
{
	const char *region = variable("MSTORE_REGION");
	int r;

	if (u->npair > 0 || *u->query != '\0' || u->has_at || *u->host == '\0')
		return refuse(reason, "the address of a store has no %s",
		    u->has_at ? "user in it" : *u->host == '\0' ? "empty host" : "query");
	if (region == NULL)
		region = variable("AWS_REGION");
	if (set_host(a, u) < 0 ||
	    s3_address_region(a, region == NULL ? "us-east-1" : region) < 0)
		return refuse(reason, "'%.80s' is no host, or the region is none", u->host);
	r = keys_of_environment(&a->keys, "MSTORE", reason);
	if (r == 0)
		r = keys_of_environment(&a->keys, "AWS", reason);
	return r < 0 ? r : 0;
}

int
s3_address_parse(struct s3_address *a, const char *url, char reason[static 160])
{
	struct url *u = malloc(sizeof(*u));
	const char *path;
	int r;

	memset(a, 0, sizeof(*a));
	snprintf(reason, 160, "%s", strerror(ENOMEM));
	if (u == NULL)
		return -ENOMEM;
	r = url_parse(u, url);
	if (r < 0) {
		snprintf(reason, 160, "%s", strerror(-r));
		goto out;
	}
	a->s3 = strcmp(u->scheme, "s3") == 0;
	if (a->s3)
		r = parse_s3(a, u, reason);
	else if (strcmp(u->scheme, "http") == 0 || strcmp(u->scheme, "https") == 0)
		r = parse_http(a, u, reason);
	else
		r = refuse(reason, "neither s3://, http:// nor https://");
	path = *u->path == '/' ? u->path + 1 : u->path;
	if (r == 0 && (r = url_unescape(path, strlen(path), a->key,
	    sizeof(a->key))) < 0)
		snprintf(reason, 160, r == -EINVAL ? "a %% is not an escape" :
		    "the key is longer than %d bytes", S3_KEY_MAX);
out:
	free(u);
	if (r < 0)
		s3_address_clear(a);
	return r;
}

void
s3_address_clear(struct s3_address *a)
{
	explicit_bzero(&a->keys, sizeof(a->keys));
}

int
s3_address_host(const struct s3_address *a, char *out, size_t size)
{
	bool front = *a->bucket != '\0' && !a->path_style;
	int n = snprintf(out, size, "%s%s%s", front ? a->bucket : "", front ? "." : "",
	    a->endpoint);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int
s3_address_path(const struct s3_address *a, const char *key, char *out, size_t size)
{
	bool front = *a->bucket != '\0' && a->path_style;
	int n = snprintf(out, size, "/%s%s", front ? a->bucket : "",
	    front && *key != '\0' ? "/" : "");

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return s3_escape(key, true, out + n, size - (size_t)n);
}
