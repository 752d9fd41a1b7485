/*
 * sigv4.c - canonical requests, keys and signatures; see sigv4.h.
 */
#include "lib/net/sigv4.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/base/hex.h"

#define ALGORITHM	"AWS4-HMAC-SHA256"
#define EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct h1_str
str(const char *text)
{
	return (struct h1_str){ text, strlen(text) };
}

static bool
same(struct h1_str a, struct h1_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static void
to_hex(const uint8_t d[static 32], char hex[static SIGV4_HEX])
{
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", d[i]);
}

void
sigv4_sha256(const void *data, size_t len, char hex[static SIGV4_HEX])
{
	uint8_t d[32];

	EVP_Digest(data, len, d, NULL, EVP_sha256(), NULL);
	to_hex(d, hex);
}

bool
sigv4_equal(const char *a, const char *b)
{
	return CRYPTO_memcmp(a, b, SIGV4_HEX - 1) == 0;
}

/* ---- time */

void
sigv4_date(int64_t s, char date[static SIGV4_DATE])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(date, SIGV4_DATE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		date[0] = '\0';
}

int64_t
sigv4_time(const char *date)
{
	char again[SIGV4_DATE];
	struct tm tm = { 0 };
	const char *end = strptime(date, "%Y%m%dT%H%M%SZ", &tm);
	int64_t s;

	if (end == NULL || *end != '\0')
		return -EINVAL;
	s = timegm(&tm);
	sigv4_date(s, again);
	return strcmp(again, date) == 0 ? s : -EINVAL;
}

/* ---- escapes: text read byte by byte in its canonical form */

struct escape {
	const char *p, *end;
	bool	 decode;		/* first undo the escapes that are there */
	bool	 keep_slash;
	unsigned nleft;
	char	 left[2];
};

static bool
unreserved(int c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static int
escape_next(struct escape *e)
{
	static const char digit[] = "0123456789ABCDEF";
	int c;

	if (e->nleft > 0)
		return (unsigned char)e->left[--e->nleft];
	if (e->p == e->end)
		return -1;
	c = (unsigned char)*e->p++;
	if (e->decode && c == '%' && e->end - e->p >= 2 &&
	    hex_digit(e->p[0]) >= 0 && hex_digit(e->p[1]) >= 0) {
		c = hex_digit(e->p[0]) << 4 | hex_digit(e->p[1]);
		e->p += 2;
	}
	if (unreserved(c) || (c == '/' && e->keep_slash))
		return c;
	e->left[1] = digit[c >> 4];
	e->left[0] = digit[c & 15];
	e->nleft = 2;
	return '%';
}

static struct escape
escape(struct h1_str s)
{
	return (struct escape){ .p = s.p, .end = s.p + s.len, .decode = true };
}

static int
escape_compare(struct h1_str a, struct h1_str b)
{
	struct escape x = escape(a), y = escape(b);
	int c, d;

	do {
		c = escape_next(&x);
		d = escape_next(&y);
	} while (c == d && c >= 0);
	return c - d;
}

/* ---- the canonical request, into a hash */

struct hash {
	EVP_MD_CTX *md;
	size_t n;
	char buf[256];
};

static void
hash_flush(struct hash *h)
{
	EVP_DigestUpdate(h->md, h->buf, h->n);
	h->n = 0;
}

static void
hash_byte(struct hash *h, char c)
{
	if (h->n == sizeof(h->buf))
		hash_flush(h);
	h->buf[h->n++] = c;
}

static void
hash_str(struct hash *h, struct h1_str s)
{
	for (size_t i = 0; i < s.len; i++)
		hash_byte(h, s.p[i]);
}

static void
hash_escaped(struct hash *h, struct escape e)
{
	int c;

	while ((c = escape_next(&e)) >= 0)
		hash_byte(h, (char)c);
}

struct pair {
	struct h1_str key, value;
};

static int
by_key(const void *a, const void *b)
{
	const struct pair *p = a, *q = b;
	int d = escape_compare(p->key, q->key);

	return d != 0 ? d : escape_compare(p->value, q->value);
}

/* The parameters of a query, or -EINVAL. */
static int
split_query(struct h1_str q, struct pair pair[static SIGV4_FIELDS])
{
	const char *p = q.p, *end = q.p + q.len, *next, *eq;
	int n = 0;

	for (; p < end; p = next + 1) {
		next = memchr(p, '&', (size_t)(end - p));
		if (next == NULL)
			next = end;
		if (next == p)
			continue;
		if (n == SIGV4_FIELDS)
			return -EINVAL;
		eq = memchr(p, '=', (size_t)(next - p));
		pair[n].key = (struct h1_str){ p, (size_t)((eq ? eq : next) - p) };
		pair[n].value = eq == NULL ? str("") :
		    (struct h1_str){ eq + 1, (size_t)(next - eq - 1) };
		n++;
	}
	return n;
}

static int
hash_query(struct hash *h, struct h1_str query)
{
	struct pair pair[SIGV4_FIELDS];
	int n = split_query(query, pair);
	bool first = true;

	if (n < 0)
		return n;
	qsort(pair, (size_t)n, sizeof(pair[0]), by_key);
	for (int i = 0; i < n; i++) {
		if (same(pair[i].key, str("X-Amz-Signature")))
			continue;
		if (!first)
			hash_byte(h, '&');
		first = false;
		hash_escaped(h, escape(pair[i].key));
		hash_byte(h, '=');
		hash_escaped(h, escape(pair[i].value));
	}
	return 0;
}

/* Runs of space count as one. */
static void
hash_value(struct hash *h, struct h1_str v)
{
	bool space = false;

	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] == ' ' || v.p[i] == '\t') {
			space = true;
			continue;
		}
		if (space)
			hash_byte(h, ' ');
		space = false;
		hash_byte(h, v.p[i]);
	}
}

static bool
name_is(struct h1_str field, struct h1_str lower)
{
	if (field.len != lower.len)
		return false;
	for (size_t i = 0; i < field.len; i++) {
		char c = field.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (c != lower.p[i])
			return false;
	}
	return true;
}

/* The next of the names with ; between them. */
static bool
next_name(struct h1_str *list, struct h1_str *name)
{
	const char *semicolon;

	if (list->len == 0)
		return false;
	semicolon = memchr(list->p, ';', list->len);
	name->p = list->p;
	name->len = semicolon ? (size_t)(semicolon - list->p) : list->len;
	list->p += name->len;
	list->len -= name->len;
	if (list->len > 0) {
		list->p++;
		list->len--;
	}
	return true;
}

static struct h1_str
find_field(const struct sigv4_request *r, const char *name)
{
	for (unsigned i = 0; i < r->nfield; i++) {
		if (name_is(r->field[i].name, str(name)))
			return r->field[i].value;
	}
	return (struct h1_str){ NULL, 0 };
}

static void
hash_fields(struct hash *h, const struct sigv4_request *r, struct h1_str names)
{
	struct h1_str name, list = names;

	while (next_name(&list, &name)) {
		bool first = true;

		hash_str(h, name);
		hash_byte(h, ':');
		for (unsigned i = 0; i < r->nfield; i++) {
			if (!name_is(r->field[i].name, name))
				continue;
			if (!first)
				hash_byte(h, ',');
			first = false;
			hash_value(h, r->field[i].value);
		}
		hash_byte(h, '\n');
	}
	hash_byte(h, '\n');
	hash_str(h, names);
	hash_byte(h, '\n');
}

static int
canonical(const struct sigv4_request *r, struct h1_str query, struct h1_str names,
    struct h1_str payload, bool twice, char hex[static SIGV4_HEX])
{
	struct hash h = { .md = EVP_MD_CTX_new() };
	struct escape path = escape(r->path);
	uint8_t d[32];
	int err = -ENOMEM;

	if (h.md == NULL || EVP_DigestInit_ex(h.md, EVP_sha256(), NULL) != 1)
		goto out;
	path.keep_slash = true;
	path.decode = !twice;
	hash_str(&h, r->method);
	hash_byte(&h, '\n');
	hash_escaped(&h, path);
	hash_byte(&h, '\n');
	err = hash_query(&h, query);
	if (err != 0)
		goto out;
	hash_byte(&h, '\n');
	hash_fields(&h, r, names);
	hash_str(&h, payload);
	hash_flush(&h);
	EVP_DigestFinal_ex(h.md, d, NULL);
	to_hex(d, hex);
out:
	EVP_MD_CTX_free(h.md);
	return err;
}

/* ---- keys and signatures */

static void
hmac(const void *key, size_t key_len, const char *text, uint8_t out[static 32])
{
	HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)text, strlen(text), out,
	    NULL);
}

static void
signing_key(const char *secret, const struct sigv4_scope *s, uint8_t key[static 32])
{
	char first[4 + 256], day[9];

	snprintf(first, sizeof(first), "AWS4%s", secret);
	snprintf(day, sizeof(day), "%.8s", s->date);
	hmac(first, strlen(first), day, key);
	hmac(key, 32, s->region, key);
	hmac(key, 32, s->service, key);
	hmac(key, 32, "aws4_request", key);
	OPENSSL_cleanse(first, sizeof(first));
}

#define SCOPE_TEXT	(8 + 2 * SIGV4_NAME + 16)

static void
scope_text(const struct sigv4_scope *s, char out[static SCOPE_TEXT])
{
	snprintf(out, SCOPE_TEXT, "%.8s/%s/%s/aws4_request", s->date, s->region,
	    s->service);
}

static void
signature(const char *secret, const struct sigv4_scope *s,
    const char request[static SIGV4_HEX], char hex[static SIGV4_HEX])
{
	char scope[SCOPE_TEXT], text[SCOPE_TEXT + 128];
	uint8_t key[32], d[32];

	scope_text(s, scope);
	snprintf(text, sizeof(text), ALGORITHM "\n%s\n%s\n%s", s->date, scope, request);
	signing_key(secret, s, key);
	hmac(key, 32, text, d);
	to_hex(d, hex);
	OPENSSL_cleanse(key, sizeof(key));
}

static bool
escapes_twice(const struct sigv4_scope *s)
{
	return strcmp(s->service, "s3") != 0;
}

static struct h1_str
payload_of(const struct sigv4_request *r, const char *otherwise)
{
	struct h1_str v = r->payload;

	if (v.len == 0)
		v = find_field(r, "x-amz-content-sha256");
	return v.len > 0 ? v : str(otherwise);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

#define NAME_MAX_LEN	64

/* The names of all fields, lower case, in order, each once. */
static int
list_names(const struct sigv4_request *r, char *out, size_t size)
{
	char name[SIGV4_FIELDS][NAME_MAX_LEN];
	unsigned n = 0;
	size_t len = 0;

	for (unsigned i = 0; i < r->nfield; i++, n++) {
		struct h1_str f = r->field[i].name;

		if (n == SIGV4_FIELDS || f.len >= NAME_MAX_LEN)
			return -EINVAL;
		for (size_t k = 0; k < f.len; k++)
			name[n][k] = f.p[k] >= 'A' && f.p[k] <= 'Z' ?
			    (char)(f.p[k] + 32) : f.p[k];
		name[n][f.len] = '\0';
	}
	qsort(name, n, NAME_MAX_LEN, by_name);
	if (size > 0)
		out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		int k;

		if (i > 0 && strcmp(name[i], name[i - 1]) == 0)
			continue;
		k = snprintf(out + len, size - len, "%s%s", len > 0 ? ";" : "", name[i]);
		if (k < 0 || (size_t)k >= size - len)
			return -ENOSPC;
		len += (size_t)k;
	}
	return 0;
}

int
sigv4_sign(const struct sigv4_key *key, const struct sigv4_scope *scope,
    const struct sigv4_request *r, char *out, size_t size)
{
	char names[1024], request[SIGV4_HEX], sig[SIGV4_HEX], where[SCOPE_TEXT];
	int err = list_names(r, names, sizeof(names)), n;

	if (err == 0)
		err = canonical(r, r->query, str(names), payload_of(r, EMPTY_SHA256),
		    escapes_twice(scope), request);
	if (err != 0)
		return err;
	signature(key->secret, scope, request, sig);
	scope_text(scope, where);
	n = snprintf(out, size, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, "
	    "Signature=%s", key->id, where, names, sig);
	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

/* Add "&key=value", escaped. */
static int
add_pair(char *out, size_t size, const char *key, const char *value)
{
	struct escape e = escape(str(value));
	size_t n = strlen(out);
	int k = snprintf(out + n, size - n, "%s%s=", n > 0 ? "&" : "", key), c;

	if (k < 0 || (size_t)k >= size - n)
		return -ENOSPC;
	e.decode = false;
	for (n += (size_t)k; (c = escape_next(&e)) >= 0; n++) {
		if (n + 1 >= size)
			return -ENOSPC;
		out[n] = (char)c;
		out[n + 1] = '\0';
	}
	return 0;
}

int
sigv4_presign(const struct sigv4_key *key, const struct sigv4_scope *scope,
    unsigned expires_s, const struct sigv4_request *r, char *out, size_t size)
{
	char names[1024], where[SCOPE_TEXT], who[SIGV4_ID + SCOPE_TEXT], life[16];
	char request[SIGV4_HEX], sig[SIGV4_HEX];
	int err = list_names(r, names, sizeof(names));
	int n = snprintf(out, size, "%.*s", (int)r->query.len, r->query.p);

	if (n < 0 || (size_t)n >= size)
		return -ENOSPC;
	scope_text(scope, where);
	snprintf(who, sizeof(who), "%s/%s", key->id, where);
	snprintf(life, sizeof(life), "%u", expires_s);
	if (err == 0)
		err = add_pair(out, size, "X-Amz-Algorithm", ALGORITHM);
	if (err == 0)
		err = add_pair(out, size, "X-Amz-Credential", who);
	if (err == 0)
		err = add_pair(out, size, "X-Amz-Date", scope->date);
	if (err == 0)
		err = add_pair(out, size, "X-Amz-Expires", life);
	if (err == 0 && key->token != NULL)
		err = add_pair(out, size, "X-Amz-Security-Token", key->token);
	if (err == 0)
		err = add_pair(out, size, "X-Amz-SignedHeaders", names);
	if (err == 0)
		err = canonical(r, str(out), str(names), payload_of(r, SIGV4_UNSIGNED),
		    escapes_twice(scope), request);
	if (err != 0)
		return err;
	signature(key->secret, scope, request, sig);
	return add_pair(out, size, "X-Amz-Signature", sig);
}

/* ---- what came */

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
	if (!same(part[4], str("aws4_request")) ||
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
	struct h1_str date = find_field(r, "x-amz-date"), credential = { 0 }, sig = { 0 };
	const char *p = v.p + strlen(ALGORITHM), *end = v.p + v.len, *next, *eq;

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
		if (same(key, str("Credential")))
			credential = value;
		else if (same(key, str("SignedHeaders")))
			a->fields = value;
		else if (same(key, str("Signature")))
			sig = value;
	}
	if (credential.p == NULL || sig.p == NULL || a->fields.len == 0 ||
	    (date.p != NULL ? read_date(a, date) :
	    read_http_date(a, find_field(r, "date"))) != 0 ||
	    read_credential(a, credential) != 0)
		return -EINVAL;
	return read_signature(a, sig);
}

/* Undo the escapes of a query value. */
static int
unescape(struct h1_str s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (s.len - i < 3 || hex_digit(s.p[i + 1]) < 0 ||
			    hex_digit(s.p[i + 2]) < 0)
				return -EINVAL;
			c = (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2]));
			i += 2;
		}
		if (c == '\0' || n + 1 >= size)
			return -EINVAL;
		out[n++] = c;
	}
	out[n] = '\0';
	return 0;
}

static struct h1_str
find_pair(const struct pair *pair, int n, const char *key)
{
	for (int i = 0; i < n; i++) {
		if (same(pair[i].key, str(key)))
			return pair[i].value;
	}
	return (struct h1_str){ NULL, 0 };
}

static int
parse_query(struct sigv4_auth *a, const struct pair *pair, int n)
{
	char who[SIGV4_ID + SCOPE_TEXT], life[16], *end;
	struct h1_str expires = find_pair(pair, n, "X-Amz-Expires");

	a->presigned = true;
	a->fields = find_pair(pair, n, "X-Amz-SignedHeaders");
	if (a->fields.len == 0 ||
	    unescape(find_pair(pair, n, "X-Amz-Credential"), who, sizeof(who)) != 0 ||
	    read_date(a, find_pair(pair, n, "X-Amz-Date")) != 0 ||
	    read_credential(a, str(who)) != 0 ||
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
	struct h1_str v = find_field(r, "authorization");
	struct pair pair[SIGV4_FIELDS];
	int n;

	memset(a, 0, sizeof(*a));
	if (v.len > strlen(ALGORITHM) &&
	    memcmp(v.p, ALGORITHM " ", strlen(ALGORITHM) + 1) == 0)
		return parse_header(a, r, v);
	if (r->query.len < strlen("X-Amz-Algorithm"))
		return -ENOENT;
	n = split_query(r->query, pair);
	if (n < 0 || find_pair(pair, n, "X-Amz-Algorithm").p == NULL)
		return -ENOENT;
	if (!same(find_pair(pair, n, "X-Amz-Algorithm"), str(ALGORITHM)))
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

	while (next_name(&fields, &name)) {
		if (name_is(field, name))
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
	list = str(names);
	if (!is_signed(list, str("host")))
		return -EACCES;
	for (unsigned i = 0; i < r->nfield; i++) {
		struct h1_str f = r->field[i].name;
		struct h1_str head = { f.p, f.len < 6 ? f.len : 6 };

		if (name_is(head, str("x-amz-")) && !is_signed(list, f))
			return -EACCES;
	}
	payload = payload_of(r, a->presigned ? SIGV4_UNSIGNED : EMPTY_SHA256);
	for (int twice = 0; twice < 2; twice++) {
		int err = canonical(r, r->query, list, payload, twice != 0, request);

		if (err != 0)
			return err;
		signature(secret, &a->scope, request, sig);
		match |= sigv4_equal(sig, a->signature);
	}
	return match ? 0 : -EACCES;
}

/* ---- chunks */

void
sigv4_chain_begin(struct sigv4_chain *c, const char *secret,
    const struct sigv4_scope *scope, const char sig[static SIGV4_HEX])
{
	signing_key(secret, scope, c->key);
	c->scope = *scope;
	memcpy(c->last, sig, SIGV4_HEX);
}

void
sigv4_chain_next(struct sigv4_chain *c, const char hex[static SIGV4_HEX],
    bool trailer)
{
	char scope[SCOPE_TEXT], text[SCOPE_TEXT + 5 * SIGV4_HEX];
	uint8_t d[32];

	scope_text(&c->scope, scope);
	if (trailer)
		snprintf(text, sizeof(text), ALGORITHM "-TRAILER\n%s\n%s\n%s\n%s",
		    c->scope.date, scope, c->last, hex);
	else
		snprintf(text, sizeof(text), ALGORITHM "-PAYLOAD\n%s\n%s\n%s\n"
		    EMPTY_SHA256 "\n%s", c->scope.date, scope, c->last, hex);
	hmac(c->key, 32, text, d);
	to_hex(d, c->last);
}
