/*
 * sigv4auth.c - the signature that came with a request: read, and checked; see
 * sigv4.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/hex.h"
#include "lib/base/url.h"
#include "lib/net/sigv4priv.h"

struct sigv4_request
sigv4_received(const struct h1_request *r)
{
	return (struct sigv4_request){ .method = r->method_name, .path = r->path,
	    .query = r->query, .field = r->field, .nfield = r->nfield };
}

static int
copy(char *out, size_t size, struct h1_str s)
{
	if (s.len == 0 || s.len >= size || memchr(s.p, '\0', s.len) != NULL)
		return -EINVAL;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return 0;
}

/* ID/20150830/region/service/aws4_request; the ID may have slashes. */
static int
read_credential(struct sigv4_auth *a, struct h1_str text)
{
	struct h1_str part[5];
	const char *end = text.p + text.len, *p = end;
	char day[9];

	for (int i = 4; i > 0; i--) {
		while (p > text.p && p[-1] != '/')
			p--;
		if (p == text.p)
			return -EINVAL;
		part[i] = (struct h1_str){ p, (size_t)(end - p) };
		end = --p;
	}
	part[0] = (struct h1_str){ text.p, (size_t)(end - text.p) };
	if (!sigv4_same(part[4], sigv4_str("aws4_request")) ||
	    copy(a->id, sizeof(a->id), part[0]) != 0 ||
	    copy(day, sizeof(day), part[1]) != 0 ||
	    copy(a->scope.region, SIGV4_NAME, part[2]) != 0 ||
	    copy(a->scope.service, SIGV4_NAME, part[3]) != 0)
		return -EINVAL;
	return strncmp(day, a->scope.date, 8) == 0 && strlen(day) == 8 ? 0 : -EINVAL;
}

static int
read_signature(struct sigv4_auth *a, struct h1_str text)
{
	if (text.len != SIGV4_HEX - 1)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (hex_digit(text.p[i]) < 0)
			return -EINVAL;
	}
	return copy(a->signature, SIGV4_HEX, text);
}

static int
read_date(struct sigv4_auth *a, struct h1_str text)
{
	if (copy(a->scope.date, SIGV4_DATE, text) != 0)
		return -EINVAL;
	a->time_s = sigv4_time(a->scope.date);
	return a->time_s < 0 ? -EINVAL : 0;
}

/* A date that is given by Date alone. */
static int
read_http_date(struct sigv4_auth *a, struct h1_str text)
{
	char date[40];
	struct tm tm = { 0 };
	const char *end;

	if (copy(date, sizeof(date), text) != 0)
		return -EINVAL;
	end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (end == NULL || *end != '\0')
		return -EINVAL;
	a->time_s = timegm(&tm);
	sigv4_date(a->time_s, a->scope.date);
	return 0;
}

static int
parse_header(struct sigv4_auth *a, const struct sigv4_request *r, struct h1_str v)
{
	struct h1_str date = sigv4_find_field(r, "x-amz-date");
	struct h1_str credential = { 0 }, sig = { 0 };
	const char *p = v.p + strlen(SIGV4_ALGORITHM), *end = v.p + v.len, *next, *eq;

	for (; p < end; p = next + 1) {
		struct h1_str key, value;

		next = memchr(p, ',', (size_t)(end - p));
		if (next == NULL)
			next = end;
		while (p < next && *p == ' ')
			p++;
		eq = memchr(p, '=', (size_t)(next - p));
		if (eq == NULL)
			return -EINVAL;
		key = (struct h1_str){ p, (size_t)(eq - p) };
		value = (struct h1_str){ eq + 1, (size_t)(next - eq - 1) };
		while (value.len > 0 && value.p[value.len - 1] == ' ')
			value.len--;
		if (sigv4_same(key, sigv4_str("Credential")))
			credential = value;
		else if (sigv4_same(key, sigv4_str("SignedHeaders")))
			a->fields = value;
		else if (sigv4_same(key, sigv4_str("Signature")))
			sig = value;
	}
	if (credential.p == NULL || sig.p == NULL || a->fields.len == 0 ||
	    (date.p != NULL ? read_date(a, date) :
	    read_http_date(a, sigv4_find_field(r, "date"))) != 0 ||
	    read_credential(a, credential) != 0)
		return -EINVAL;
	return read_signature(a, sig);
}

/* Undo the escapes of a query value. */
static int
unescape(struct h1_str s, char *out, size_t size)
{
	return url_unescape(s.p, s.len, out, size) < 0 ? -EINVAL : 0;
}

static struct h1_str
find_pair(const struct sigv4_pair *pair, int n, const char *key)
{
	for (int i = 0; i < n; i++) {
		if (sigv4_same(pair[i].key, sigv4_str(key)))
			return pair[i].value;
	}
	return (struct h1_str){ NULL, 0 };
}

static int
parse_query(struct sigv4_auth *a, const struct sigv4_pair *pair, int n)
{
	char who[SIGV4_ID + SIGV4_SCOPE], life[16], *end;
	struct h1_str expires = find_pair(pair, n, "X-Amz-Expires");

	a->presigned = true;
	a->fields = find_pair(pair, n, "X-Amz-SignedHeaders");
	if (a->fields.len == 0 ||
	    unescape(find_pair(pair, n, "X-Amz-Credential"), who, sizeof(who)) != 0 ||
	    read_date(a, find_pair(pair, n, "X-Amz-Date")) != 0 ||
	    read_credential(a, sigv4_str(who)) != 0 ||
	    copy(life, sizeof(life), expires) != 0)
		return -EINVAL;
	errno = 0;
	a->expires_s = (unsigned)strtoul(life, &end, 10);
	if (*end != '\0' || life[0] < '0' || life[0] > '9' || errno != 0 ||
	    a->expires_s == 0 || a->expires_s > 604800)
		return -EINVAL;
	return read_signature(a, find_pair(pair, n, "X-Amz-Signature"));
}

int
sigv4_parse(struct sigv4_auth *a, const struct sigv4_request *r)
{
	struct h1_str v = sigv4_find_field(r, "authorization");
	struct sigv4_pair pair[SIGV4_FIELDS];
	int n;

	memset(a, 0, sizeof(*a));
	if (v.len > strlen(SIGV4_ALGORITHM) &&
	    memcmp(v.p, SIGV4_ALGORITHM " ", strlen(SIGV4_ALGORITHM) + 1) == 0)
		return parse_header(a, r, v);
	if (r->query.len < strlen("X-Amz-Algorithm"))
		return -ENOENT;
	n = sigv4_split_query(r->query, pair);
	if (n < 0 || find_pair(pair, n, "X-Amz-Algorithm").p == NULL)
		return -ENOENT;
	if (!sigv4_same(find_pair(pair, n, "X-Amz-Algorithm"),
	    sigv4_str(SIGV4_ALGORITHM)))
		return -EINVAL;
	return parse_query(a, pair, n);
}

int
sigv4_fresh(const struct sigv4_auth *a, int64_t now_s)
{
	int64_t life = a->presigned ? a->expires_s : SIGV4_SKEW_S;

	return now_s - a->time_s > life || a->time_s - now_s > SIGV4_SKEW_S ? -ETIME : 0;
}

/* Is a field among the signed ones?  In a query ; may be escaped. */
static bool
is_signed(struct h1_str fields, struct h1_str field)
{
	struct h1_str name;

	while (sigv4_next_name(&fields, &name)) {
		if (sigv4_name_is(field, name))
			return true;
	}
	return false;
}

int
sigv4_verify(const struct sigv4_auth *a, const struct sigv4_request *r,
    const char *secret)
{
	char names[1024], request[SIGV4_HEX], sig[SIGV4_HEX];
	struct h1_str list, payload;
	bool match = false;

	if (unescape(a->fields, names, sizeof(names)) != 0)
		return -EINVAL;
	list = sigv4_str(names);
	if (!is_signed(list, sigv4_str("host")))
		return -EACCES;
	for (unsigned i = 0; i < r->nfield; i++) {
		struct h1_str f = r->field[i].name;
		struct h1_str head = { f.p, f.len < 6 ? f.len : 6 };

		if (sigv4_name_is(head, sigv4_str("x-amz-")) && !is_signed(list, f))
			return -EACCES;
	}
	payload = sigv4_payload(r, a->presigned ? SIGV4_UNSIGNED : SIGV4_EMPTY);
	for (int twice = 0; twice < 2; twice++) {
		int err = sigv4_canonical(r, r->query, list, payload, twice != 0,
		    request);

		if (err != 0)
			return err;
		sigv4_signature(secret, &a->scope, request, sig);
		match |= sigv4_equal(sig, a->signature);
	}
	return match ? 0 : -EACCES;
}
