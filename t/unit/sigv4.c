/*
 * sigv4.c - signatures against the worked examples of the S3 manual, and what a
 * check refuses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/sigv4.h"
#include "t/tap.h"

static const struct sigv4_key key = {
	.id = "AKIAIOSFODNN7EXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
static const struct sigv4_scope scope = { "20130524T000000Z", "us-east-1", "s3" };

#define S(text)		{ text, sizeof(text) - 1 }
#define NFIELDS(f)	(sizeof(f) / sizeof((f)[0]))
#define EMPTY	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct h1_str
str(const char *text)
{
	return (struct h1_str){ text, strlen(text) };
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

static void
test_sign(void)
{
	static const struct h1_field get[] = {
		{ S("Host"), S("examplebucket.s3.amazonaws.com") },
		{ S("Range"), S("bytes=0-9") },
		{ S("x-amz-content-sha256"), S(EMPTY) },
		{ S("x-amz-date"), S("20130524T000000Z") },
	};
	static const struct h1_field other[] = {
		{ S("x-amz-date"), S("20130524T000000Z") },
		{ S("Host"), S("examplebucket.s3.amazonaws.com") },
		{ S("x-amz-content-sha256"), S(EMPTY) },
	};
	static const struct {
		struct sigv4_request r;
		const char *want;
	} row[] = {
		{ { S("GET"), S("/test.txt"), S(""), get, 4, S("") },
		  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
		{ { S("GET"), S("/"), S("lifecycle"), other, 3, S("") },
		  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
		{ { S("GET"), S("/"), S("prefix=J&max-keys=2"), other, 3, S("") },
		  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
	};
	char out[512];

	for (size_t i = 0; i < NFIELDS(row); i++) {
		is(sigv4_sign(&key, &scope, &row[i].r, out, sizeof(out)), 0,
		    "example %zu is signed", i);
		ok(ends_with(out, row[i].want), "and as it must be: %s", out);
	}
	is(sigv4_sign(&key, &scope, &row[0].r, out, 100), -ENOSPC, "no room");
}

static void
test_presign(void)
{
	static const struct h1_field host[] = {
		{ S("host"), S("examplebucket.s3.amazonaws.com") } };
	struct sigv4_request r = { S("GET"), S("/test.txt"), S(""), host, 1, S("") };
	struct sigv4_auth a;
	char out[1024];

	is(sigv4_presign(&key, &scope, 86400, &r, out, sizeof(out)), 0, "presigned");
	ok(ends_with(out, "X-Amz-Signature="
	    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
	    "as in the manual: %s", out);
	r.query = str(out);
	is(sigv4_parse(&a, &r), 0, "and read again");
	ok(a.presigned && a.expires_s == 86400, "with its time");
	is(sigv4_verify(&a, &r, key.secret), 0, "it matches");
	is(sigv4_verify(&a, &r, "other"), -EACCES, "not with another secret");
	is(sigv4_fresh(&a, a.time_s + 86400), 0, "good for a day");
	is(sigv4_fresh(&a, a.time_s + 86401), -ETIME, "and no longer");
	is(sigv4_fresh(&a, a.time_s - SIGV4_SKEW_S - 1), -ETIME, "nor before");
	r.path = str("/test.txt2");
	is(sigv4_verify(&a, &r, key.secret), -EACCES, "not for another path");
	for (size_t n = 0; n < strlen(out); n++) {
		r.query.len = n;
		if (sigv4_parse(&a, &r) == 0)
			ok(false, "a query cut at %zu is no signature", n);
	}
}

static void
test_chain(void)
{
	static const struct h1_field put[] = {
		{ S("Host"), S("s3.amazonaws.com") },
		{ S("x-amz-date"), S("20130524T000000Z") },
		{ S("x-amz-storage-class"), S("REDUCED_REDUNDANCY") },
		{ S("x-amz-content-sha256"), S(SIGV4_CHUNKS) },
		{ S("Content-Encoding"), S("aws-chunked") },
		{ S("x-amz-decoded-content-length"), S("66560") },
		{ S("Content-Length"), S("66824") },
	};
	static const char *const want[] = {
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
	};
	static const size_t size[] = { 65536, 1024, 0 };
	static char data[65536];
	struct sigv4_request r = { S("PUT"), S("/examplebucket/chunkObject.txt"), S(""),
		put, NFIELDS(put), S("") };
	struct sigv4_chain chain;
	char out[512], hex[SIGV4_HEX];

	memset(data, 'a', sizeof(data));
	is(sigv4_sign(&key, &scope, &r, out, sizeof(out)), 0, "the seed");
	ok(ends_with(out,
	    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"),
	    "as in the manual");
	sigv4_chain_begin(&chain, key.secret, &scope,
	    out + strlen(out) - (SIGV4_HEX - 1));
	for (size_t i = 0; i < 3; i++) {
		sigv4_sha256(data, size[i], hex);
		sigv4_chain_next(&chain, hex, false);
		ok(strcmp(chain.last, want[i]) == 0, "chunk %zu: %s", i, chain.last);
	}
}

/* A client of MediaStore escapes the path twice; some do it once. */
static void
test_verify(void)
{
	struct h1_field f[6] = {
		{ S("Host"), S("127.0.0.1:8080") },
		{ S("X-Amz-Date"), S("20260101T120000Z") },
		{ S("X-Amz-Meta"), S("a   b") },
	};
	struct sigv4_scope mine = { "20260101T120000Z", "eu-west-1", "mediastore" };
	struct sigv4_request r = { S("GET"), S("/a%20b/c~d"), S("Path=x%2Fy&A=%7e"), f, 3,
		S("") };
	struct sigv4_auth a;
	char out[512];

	for (int i = 0; i < 2; i++) {
		char copy[512];

		strcpy(mine.service, i == 0 ? "mediastore" : "s3");
		r.nfield = 3;
		is(sigv4_sign(&key, &mine, &r, out, sizeof(out)), 0, "signed");
		f[3] = (struct h1_field){ S("authorization"), str(out) };
		r.nfield = 4;
		is(sigv4_parse(&a, &r), 0, "read");
		is(sigv4_verify(&a, &r, key.secret), 0, "matches, service %s",
		    mine.service);
		is(sigv4_fresh(&a, a.time_s + 900), 0, "fresh");
		is(sigv4_fresh(&a, a.time_s + 901), -ETIME, "stale");
		r.query = str("Path=x%2Fz&A=%7e");
		is(sigv4_verify(&a, &r, key.secret), -EACCES, "another query");
		r.query = str("A=~&Path=x/y");
		is(sigv4_verify(&a, &r, key.secret), 0, "the same query, other escapes");
		f[4] = (struct h1_field){ S("x-amz-extra"), S("1") };
		r.nfield = 5;
		is(sigv4_verify(&a, &r, key.secret), -EACCES, "an x-amz- field unsigned");
		r.nfield = 4;
		r.query = str("Path=x%2Fy&A=%7e");
		f[2].value = str(" a b ");
		is(sigv4_verify(&a, &r, key.secret), -EACCES, "another value");
		f[2].value = str("a b");
		is(sigv4_verify(&a, &r, key.secret), 0, "spaces in it do not count");
		f[2].value = str("a   b");
		for (size_t n = 0; n < strlen(out); n++) {
			memcpy(copy, out, sizeof(copy));
			f[3].value = (struct h1_str){ copy, n };
			if (sigv4_parse(&a, &r) == 0 &&
			    sigv4_verify(&a, &r, key.secret) == 0)
				ok(false, "cut at %zu it must not match", n);
		}
		f[3].value = str(out);
		sigv4_parse(&a, &r);
	}
	r.nfield = 3;
	is(sigv4_parse(&a, &r), -ENOENT, "not signed");
	f[3] = (struct h1_field){ S("authorization"), S("Bearer x") };
	r.nfield = 4;
	is(sigv4_parse(&a, &r), -ENOENT, "a token is none");
	f[3].value = str("AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, "
	    "SignedHeaders=host, Signature=" EMPTY);
	is(sigv4_parse(&a, &r), -EINVAL, "another day than its date");
	f[3].value = str("AWS4-HMAC-SHA256 Credential=20260101/r/s/aws4_request, "
	    "SignedHeaders=host, Signature=" EMPTY);
	is(sigv4_parse(&a, &r), -EINVAL, "no key");
}

static void
test_time(void)
{
	char date[SIGV4_DATE];

	is(sigv4_time("19700101T000001Z"), 1, "a second");
	is(sigv4_time("20260230T000000Z"), -EINVAL, "no such day");
	is(sigv4_time("20260101T0000"), -EINVAL, "too short");
	sigv4_date(1369353600, date);
	ok(strcmp(date, "20130524T000000Z") == 0, "and back");
}

int
main(void)
{
	test_sign();
	test_presign();
	test_chain();
	test_verify();
	test_time();
	return done_testing();
}
