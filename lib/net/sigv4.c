/*
 * sigv4.c - keys and signatures, and requests signed with them; see sigv4.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/base/hex.h"
#include "lib/net/sigv4priv.h"

void
sigv4_sha256(const void *data, size_t len, char hex[static SIGV4_HEX])
{
	uint8_t d[32];

	EVP_Digest(data, len, d, NULL, EVP_sha256(), NULL);
	hex_put(hex, d, 32);
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

static void
scope_text(const struct sigv4_scope *s, char out[static SIGV4_SCOPE])
{
	snprintf(out, SIGV4_SCOPE, "%.8s/%s/%s/aws4_request", s->date, s->region,
	    s->service);
}

void
sigv4_signature(const char *secret, const struct sigv4_scope *s,
    const char request[static SIGV4_HEX], char hex[static SIGV4_HEX])
{
	char scope[SIGV4_SCOPE], text[SIGV4_SCOPE + 128];
	uint8_t key[32], d[32];

	scope_text(s, scope);
	snprintf(text, sizeof(text), SIGV4_ALGORITHM "\n%s\n%s\n%s", s->date, scope,
	    request);
	signing_key(secret, s, key);
	hmac(key, 32, text, d);
	hex_put(hex, d, 32);
	OPENSSL_cleanse(key, sizeof(key));
}

static bool
escapes_twice(const struct sigv4_scope *s)
{
	return strcmp(s->service, "s3") != 0;
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
		for (size_t k = 0; k < f.len; k++) {
			char c = f.p[k];

			if (c >= 'A' && c <= 'Z')
				c = (char)(c + 32);
			name[n][k] = c;
		}
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
	char names[1024], request[SIGV4_HEX], sig[SIGV4_HEX], where[SIGV4_SCOPE];
	int err = list_names(r, names, sizeof(names)), n;

	if (err == 0)
		err = sigv4_canonical(r, r->query, sigv4_str(names),
		    sigv4_payload(r, SIGV4_EMPTY), escapes_twice(scope), request);
	if (err != 0)
		return err;
	sigv4_signature(key->secret, scope, request, sig);
	scope_text(scope, where);
	n = snprintf(out, size, SIGV4_ALGORITHM " Credential=%s/%s, SignedHeaders=%s, "
	    "Signature=%s", key->id, where, names, sig);
	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

/* Add "&key=value", escaped. */
static int
add_pair(char *out, size_t size, const char *key, const char *value)
{
	struct sigv4_escape e = sigv4_escape(sigv4_str(value));
	size_t n = strlen(out);
	int k = snprintf(out + n, size - n, "%s%s=", n > 0 ? "&" : "", key), c;

	if (k < 0 || (size_t)k >= size - n)
		return -ENOSPC;
	e.decode = false;
	for (n += (size_t)k; (c = sigv4_escape_next(&e)) >= 0; n++) {
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
	char names[1024], where[SIGV4_SCOPE], who[SIGV4_ID + SIGV4_SCOPE], life[16];
	char request[SIGV4_HEX], sig[SIGV4_HEX];
	int err = list_names(r, names, sizeof(names));
	int n = snprintf(out, size, "%.*s", (int)r->query.len, r->query.p);

	if (n < 0 || (size_t)n >= size)
		return -ENOSPC;
	scope_text(scope, where);
	snprintf(who, sizeof(who), "%s/%s", key->id, where);
	snprintf(life, sizeof(life), "%u", expires_s);
	if (err == 0)
		err = add_pair(out, size, "X-Amz-Algorithm", SIGV4_ALGORITHM);
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
		err = sigv4_canonical(r, sigv4_str(out), sigv4_str(names),
		    sigv4_payload(r, SIGV4_UNSIGNED), escapes_twice(scope), request);
	if (err != 0)
		return err;
	sigv4_signature(key->secret, scope, request, sig);
	return add_pair(out, size, "X-Amz-Signature", sig);
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
	char scope[SIGV4_SCOPE], text[SIGV4_SCOPE + 5 * SIGV4_HEX];
	uint8_t d[32];

	scope_text(&c->scope, scope);
	if (trailer)
		snprintf(text, sizeof(text), SIGV4_ALGORITHM "-TRAILER\n%s\n%s\n%s\n%s",
		    c->scope.date, scope, c->last, hex);
	else
		snprintf(text, sizeof(text), SIGV4_ALGORITHM "-PAYLOAD\n%s\n%s\n%s\n"
		    SIGV4_EMPTY "\n%s", c->scope.date, scope, c->last, hex);
	hmac(c->key, 32, text, d);
	hex_put(c->last, d, 32);
}
