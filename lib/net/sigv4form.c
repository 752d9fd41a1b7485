/*
 * The canonical form of a request of Signature Version 4: escapes, the query in
 * order, fields, all of it into a hash; see sigv4.h.
 */
#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "lib/base/hex.h"
#include "lib/net/sigv4priv.h"

/* ---- escapes */

static bool
unreserved(int c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

int
sigv4_escape_next(struct sigv4_escape *e)
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

struct sigv4_escape
sigv4_escape(struct h1_str s)
{
	return (struct sigv4_escape){ .p = s.p, .end = s.p + s.len, .decode = true };
}

static int
escape_compare(struct h1_str a, struct h1_str b)
{
	struct sigv4_escape x = sigv4_escape(a), y = sigv4_escape(b);
	int c, d;

	do {
		c = sigv4_escape_next(&x);
		d = sigv4_escape_next(&y);
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
hash_escaped(struct hash *h, struct sigv4_escape e)
{
	int c;

	while ((c = sigv4_escape_next(&e)) >= 0)
		hash_byte(h, (char)c);
}

static int
by_key(const void *a, const void *b)
{
	const struct sigv4_pair *p = a, *q = b;
	int d = escape_compare(p->key, q->key);

	return d != 0 ? d : escape_compare(p->value, q->value);
}

int
sigv4_split_query(struct h1_str q, struct sigv4_pair pair[static SIGV4_FIELDS])
{
	const char *p = q.p, *end = q.len > 0 ? p + q.len : p, *next, *eq;
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
		pair[n].value = eq == NULL ? sigv4_str("") :
		    (struct h1_str){ eq + 1, (size_t)(next - eq - 1) };
		n++;
	}
	return n;
}

static int
hash_query(struct hash *h, struct h1_str query)
{
	struct sigv4_pair pair[SIGV4_FIELDS];
	int n = sigv4_split_query(query, pair);
	bool first = true;

	if (n < 0)
		return n;
	qsort(pair, (size_t)n, sizeof(pair[0]), by_key);
	for (int i = 0; i < n; i++) {
		if (sigv4_same(pair[i].key, sigv4_str("X-Amz-Signature")))
			continue;
		if (!first)
			hash_byte(h, '&');
		first = false;
		hash_escaped(h, sigv4_escape(pair[i].key));
		hash_byte(h, '=');
		hash_escaped(h, sigv4_escape(pair[i].value));
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

bool
sigv4_name_is(struct h1_str field, struct h1_str lower)
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

bool
sigv4_next_name(struct h1_str *list, struct h1_str *name)
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

struct h1_str
sigv4_find_field(const struct sigv4_request *r, const char *name)
{
	for (unsigned i = 0; i < r->nfield; i++) {
		if (sigv4_name_is(r->field[i].name, sigv4_str(name)))
			return r->field[i].value;
	}
	return (struct h1_str){ NULL, 0 };
}

static void
hash_fields(struct hash *h, const struct sigv4_request *r, struct h1_str names)
{
	struct h1_str name, list = names;

	while (sigv4_next_name(&list, &name)) {
		bool first = true;

		hash_str(h, name);
		hash_byte(h, ':');
		for (unsigned i = 0; i < r->nfield; i++) {
			if (!sigv4_name_is(r->field[i].name, name))
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

int
sigv4_canonical(const struct sigv4_request *r, struct h1_str query,
    struct h1_str names, struct h1_str payload, bool twice,
    char hex[static SIGV4_HEX])
{
	struct hash h = { .md = EVP_MD_CTX_new() };
	struct sigv4_escape path = sigv4_escape(r->path);
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
	hex_put(hex, d, 32);
out:
	EVP_MD_CTX_free(h.md);
	return err;
}

struct h1_str
sigv4_payload(const struct sigv4_request *r, const char *otherwise)
{
	struct h1_str v = r->payload;

	if (v.len == 0)
		v = sigv4_find_field(r, "x-amz-content-sha256");
	return v.len > 0 ? v : sigv4_str(otherwise);
}
