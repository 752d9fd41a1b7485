/* s3addr.h: addresses, where their parts come from, keys, escapes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/s3addr.h"
#include "t/tap.h"

static void
forget(void)
{
	static const char *const name[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE",
		"MSTORE_ACCESS_KEY_ID", "MSTORE_SECRET_ACCESS_KEY",
		"MSTORE_SESSION_TOKEN", "MSTORE_REGION", "HOME",
	};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		unsetenv(name[i]);
}

static void
test_table(void)
{
	static const struct {
		const char *url;
		int status;
		const char *host, *path, *region;
		bool tls;
	} row[] = {
		{ "s3://b/k", 0, "b.s3.us-east-1.amazonaws.com", "/k", "us-east-1", true },
		{ "s3://b", 0, "b.s3.us-east-1.amazonaws.com", "/", "us-east-1", true },
		{ "s3://b.c/k", 0, "s3.us-east-1.amazonaws.com", "/b.c/k", "us-east-1",
		  true },
		{ "s3://b/k?region=eu-west-1", 0, "b.s3.eu-west-1.amazonaws.com", "/k",
		  "eu-west-1", true },
		{ "s3://b/k?region=eu-west-1&style=path", 0, "s3.eu-west-1.amazonaws.com",
		  "/b/k", "eu-west-1", true },
		{ "s3://b/a%20b/%C3%BC?endpoint=http://127.0.0.1:7480", 0,
		  "127.0.0.1:7480", "/b/a%20b/%C3%BC", "us-east-1", false },
		{ "s3://b/k?endpoint=https://[::1]:9000/", 0, "[::1]:9000", "/b/k",
		  "us-east-1", true },
		{ "s3://b/k?endpoint=http://s.example&style=virtual", 0, "b.s.example",
		  "/k", "us-east-1", false },
		{ "s3://b/a+b=c&d", 0, "b.s3.us-east-1.amazonaws.com", "/a%2Bb%3Dc%26d",
		  "us-east-1", true },
		{ "s3://b/../k", 0, "b.s3.us-east-1.amazonaws.com", "/../k", "us-east-1",
		  true },
		{ "http://h:8080/live/one/", 0, "h:8080", "/live/one/", "us-east-1",
		  false },
		{ "https://h", 0, "h", "/", "us-east-1", true },
		{ "s3://", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b:80/k", -EINVAL, 0, 0, 0, 0 },
		{ "s3://me@b/k", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b_$/k", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/k?regoin=x", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/k?region=a/b", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/k?region=", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/k?style=x", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/k?acl=a%0d%0ab", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/k?endpoint=file:///x", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/k?endpoint=http://h/path", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/%4", -EINVAL, 0, 0, 0, 0 },
		{ "s3://b/%00", -EINVAL, 0, 0, 0, 0 },
		{ "http://h/k?x=y", -EINVAL, 0, 0, 0, 0 },
		{ "http://me@h/k", -EINVAL, 0, 0, 0, 0 },
		{ "ftp://h/k", -EINVAL, 0, 0, 0, 0 },
		{ "file", -EINVAL, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct s3_address a;
		char reason[160] = "", host[1024] = "", path[4096] = "";

		is(s3_address_parse(&a, row[i].url, reason), row[i].status, "%s", row[i].url);
		if (row[i].status < 0) {
			ok(*reason != '\0', "and it is said why");
			continue;
		}
		ok(s3_address_host(&a, host, sizeof(host)) == 0 &&
		    strcmp(host, row[i].host) == 0, "%s", host);
		ok(s3_address_path(&a, a.key, path, sizeof(path)) == 0 &&
		    strcmp(path, row[i].path) == 0, "%s", path);
		ok(strcmp(a.region, row[i].region) == 0, "%s", a.region);
		ok(a.tls == row[i].tls, "TLS or not");
		ok(*a.keys.id == '\0', "no keys");
	}
}

static void
test_environment(void)
{
	struct s3_address a;
	char reason[160], host[1024], key[S3_KEY_MAX + 8];

	setenv("AWS_ENDPOINT_URL", "http://one:1", 1);
	setenv("AWS_DEFAULT_REGION", "r1", 1);
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	is(s3_address_parse(&a, "s3://b/k", reason), 0, "all from the environment");
	is(s3_address_host(&a, host, sizeof(host)), 0, "a host");
	ok(strcmp(host, "one:1") == 0 && strcmp(a.region, "r1") == 0, "and a region");
	ok(strcmp(a.keys.id, "id") == 0 && strcmp(a.keys.secret, "secret") == 0 &&
	    *a.keys.token == '\0', "and keys");
	setenv("AWS_ENDPOINT_URL_S3", "http://two:2", 1);
	setenv("AWS_REGION", "r2", 1);
	setenv("AWS_SESSION_TOKEN", "token", 1);
	is(s3_address_parse(&a, "s3://b/k", reason), 0, "the nearer ones");
	ok(strcmp(a.endpoint, "two:2") == 0 && strcmp(a.region, "r2") == 0 &&
	    strcmp(a.keys.token, "token") == 0, "win");
	is(s3_address_parse(&a, "s3://b/k?endpoint=http://three&region=r3", reason), 0,
	    "what the address says");
	ok(strcmp(a.endpoint, "three") == 0 && strcmp(a.region, "r3") == 0, "wins");
	is(s3_address_parse(&a, "http://h/k", reason), 0, "http");
	ok(strcmp(a.endpoint, "h") == 0 && strcmp(a.keys.id, "id") == 0,
	    "has an endpoint of its own, and may have these keys");
	setenv("MSTORE_ACCESS_KEY_ID", "mid", 1);
	setenv("MSTORE_SECRET_ACCESS_KEY", "msecret", 1);
	is(s3_address_parse(&a, "http://h/k", reason), 0, "or");
	ok(strcmp(a.keys.id, "mid") == 0, "its own");
	s3_address_clear(&a);
	ok(*a.keys.secret == '\0', "the secret is gone");
	is(s3_address_parse(&a, "s3://b/k?profile=none", reason), -EINVAL,
	    "without a home there is no file of profiles");
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	memcpy(key, "s3://b/", 7);
	is(s3_address_parse(&a, key, reason), 0, "a key as long as it may be");
	is(strlen(a.key), S3_KEY_MAX, "all of it");
	is(s3_address_region(&a, "eu\r\nx"), -EINVAL, "no region");
	forget();
}

static void
test_keys(void)
{
	static const char text[] = "aws_access_key_id=outside\n# c\n; c\n[one]\n"
	    "aws_access_key_id = A\r\naws_secret_access_key=S/+=\n\n[ two ]\n"
	    "aws_secret_access_key =  T \naws_access_key_id=B\n"
	    "aws_session_token=xyz\nregion = r\n[half]\naws_access_key_id=C";
	struct s3_keys k;
	char out[8];

	is(s3_keys_parse(&k, text, strlen(text), "one"), 0, "a profile");
	ok(strcmp(k.id, "A") == 0 && strcmp(k.secret, "S/+=") == 0 && *k.token == '\0',
	    "with its keys");
	is(s3_keys_parse(&k, text, strlen(text), "two"), 0, "another");
	ok(strcmp(k.id, "B") == 0 && strcmp(k.secret, "T") == 0 &&
	    strcmp(k.token, "xyz") == 0, "with its keys");
	is(s3_keys_parse(&k, text, strlen(text), "half"), -ENOENT, "one without a secret");
	is(s3_keys_parse(&k, text, strlen(text), "none"), -ENOENT, "one that is not there");
	ok(strcmp(k.id, "B") == 0, "and nothing was touched");
	for (size_t n = 0; n < strlen(text); n++)
		s3_keys_parse(&k, text, n, "two");
	is(s3_escape("a/b", false, out, sizeof(out)), 0, "escapes");
	ok(strcmp(out, "a%2Fb") == 0, "%s", out);
	is(s3_escape("a/b/c", false, out, sizeof(out)), -ENAMETOOLONG, "too long");
}

int
main(void)
{
	forget();
	test_table();
	test_environment();
	test_keys();
	return done_testing();
}
