/* s3.h and s3list.h: what stores say, and addresses that are signed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/net/s3.h"
#include "lib/net/sigv4.h"
#include "t/tap.h"

static const char xml[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    "<Prefix>a/</Prefix><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    "<NextContinuationToken>t/o=k</NextContinuationToken>"
    "<Contents><Key>a/x%20y%2B+z</Key><LastModified>2026-11-22T10:00:00.500Z"
    "</LastModified><ETag>&quot;abc&quot;</ETag><Size>12</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
    "<Contents><Key>b</Key><Size>-1</Size></Contents>"
    "<CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes></ListBucketResult>";

static const char json[] = "{\"Items\":[{\"Name\":\"a.ts\",\"Type\":\"OBJECT\","
    "\"ETag\":\"e\",\"LastModified\":1.5E3,\"ContentType\":\"video/mp2t\","
    "\"ContentLength\":7},{\"Name\":\"v1\",\"Type\":\"FOLDER\"}],\"NextToken\":\"n\"}";

/* Uploads in parts that are not finished. */
static void
test_uploads(void)
{
	static const char said[] = "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/"
	    "doc/2006-03-01/\"><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
	    "<NextKeyMarker>a%2Fb+c</NextKeyMarker><Upload><Key>a%2Fb+c</Key>"
	    "<UploadId>2~x</UploadId></Upload></ListMultipartUploadsResult>";
	static const char *const bad[] = {
		"<ListBucketResult/>", "<ListMultipartUploadsResult><Upload><Key>a</Key></Upload>"
		"</ListMultipartUploadsResult>", "<ListMultipartUploadsResult>"
		"<IsTruncated>true</IsTruncated></ListMultipartUploadsResult>",
	};
	struct s3_list l;

	is(s3_list_parse_uploads(&l, said, strlen(said)), 0, "a list of uploads");
	is(l.n, 1, "has one");
	ok(strcmp(l.item[0].name, "a/b c") == 0, "its key");
	ok(strcmp(l.item[0].etag, "2~x") == 0, "its id");
	ok(l.next != NULL, "and there are more");
	s3_list_clear(&l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is(s3_list_parse_uploads(&l, bad[i], strlen(bad[i])), -EBADMSG, "%s", bad[i]);
}

static void
test_lists(void)
{
	static const char *const bad[] = {
		"", "<", "<Error/>", "<ListBucketResult>",
		"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
		"<ListBucketResult><Contents/></ListBucketResult>",
		"<!DOCTYPE l [<!ENTITY a \"b\">]><ListBucketResult/>",
		"{}", "{\"Items\":[{}]}", "{\"Items\":[{\"Name\":\"a/b\",\"Type\":\"OBJECT\"}]}",
		"{\"Items\":[{\"Name\":\"..\",\"Type\":\"FOLDER\"}]}",
		"{\"Items\":[{\"Name\":\"a\"}]}",
	};
	struct s3_list l;

	is(s3_list_parse_xml(&l, xml, strlen(xml)), 0, "a list of S3");
	is(l.n, 3, "has three items");
	ok(strcmp(l.item[0].name, "a/x y+ z") == 0 && l.item[0].size == 12 &&
	    l.item[0].modified_s == INT64_C(1795341600) &&
	    strcmp(l.item[0].etag, "abc") == 0 &&
	    strcmp(l.item[0].storage_class, "STANDARD") == 0, "an object, all told");
	ok(l.item[1].size == -1 && l.item[1].modified_s == -1, "one hardly told of");
	ok(l.item[2].folder && strcmp(l.item[2].name, "a/b/") == 0, "a folder");
	ok(strcmp(l.next, "t/o=k") == 0, "and goes on");
	s3_list_clear(&l);
	is(s3_list_parse_json(&l, json, strlen(json)), 0, "a list of MediaStore");
	ok(l.n == 2 && !l.item[0].folder && l.item[1].folder, "an object, a folder");
	ok(l.item[0].size == 7 && l.item[0].modified_s == 1500 &&
	    strcmp(l.item[0].type, "video/mp2t") == 0 && strcmp(l.next, "n") == 0,
	    "all told");
	s3_list_clear(&l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is(s3_list_parse_xml(&l, bad[i], strlen(bad[i])), -EBADMSG, "%s", bad[i]);
		is(s3_list_parse_json(&l, bad[i], strlen(bad[i])), -EBADMSG, "%s", bad[i]);
	}
	for (size_t n = 0; n < strlen(xml); n++)
		if (s3_list_parse_xml(&l, xml, n) == 0)
			ok(false, "a list cut at %zu is none", n);
	for (size_t n = 0; n < strlen(json); n++)
		if (s3_list_parse_json(&l, json, n) == 0)
			ok(false, "a list cut at %zu is none", n);
}

static void
test_errors(void)
{
	static const struct {
		const char *body;
		int is;
		const char *code, *message;
	} row[] = {
		{ "<Error><Code>SlowDown</Code><Message>m</Message></Error>", 1, "SlowDown",
		  "m" },
		{ "\n<?xml version=\"1.0\"?><Error><Code>A</Code></Error>", 0, "", "" },
		{ "{\"__type\":\"com.amazonaws#NoSuch\",\"Message\":\"m\"}", 1, "NoSuch",
		  "m" },
		{ "{\"message\":\"m\"}", 1, "", "m" },
		{ "{\"a\":1}", 0, "", "" },
		{ "<CompleteMultipartUploadResult/>", 0, "", "" },
		{ "<html>", 0, "", "" },
		{ "", 0, "", "" },
	};
	static const char deleted[] = "<DeleteResult><Error><Code>AccessDenied</Code>"
	    "</Error><Error/></DeleteResult>";
	struct s3_error e;
	unsigned failed = 9;
	char text[8];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		is(s3_error_parse(&e, row[i].body, strlen(row[i].body)), row[i].is,
		    "an error or not");
		ok(strcmp(e.code, row[i].code) == 0 && strcmp(e.message, row[i].message) == 0,
		    "what it says");
	}
	is(s3_delete_parse(deleted, strlen(deleted), &failed, &e), 0, "a delete");
	ok(failed == 2 && strcmp(e.code, "AccessDenied") == 0, "of which two failed");
	is(s3_delete_parse("<a/>", 4, &failed, &e), -EBADMSG, "no delete");
	is(s3_xml_text("<a><b>1</b></a>", 15, "b", text, sizeof(text)), 0, "a text");
	ok(strcmp(text, "1") == 0, "is it");
	is(s3_xml_text("<a><b>12345678</b></a>", 22, "b", text, sizeof(text)), -EBADMSG,
	    "one that is too long");
}

/* What a server makes of an address that we signed. */
static void
test_presign(const char *url, const char *service)
{
	struct s3_config c = { .retries = 1 };
	struct s3_address a;
	struct sigv4_auth auth;
	struct h1_field f = { .name = { "host", 4 } };
	struct sigv4_request r = { .method = { "GET", 3 }, .field = &f, .nfield = 1 };
	char reason[160], out[8192], host[512], *path, *query;
	struct s3 *s;

	is(s3_address_parse(&a, url, reason), 0, "%s", url);
	s = s3_new(&a, &c);
	is(s3_presign(s, "GET", a.key, 60, out, sizeof(out)), 0, "is signed");
	is(s3_presign(s, "GET", a.key, 60, out, 50), -ENAMETOOLONG, "not into so little");
	s3_presign(s, "GET", a.key, 60, out, sizeof(out));
	path = strchr(strstr(out, "://") + 3, '/');
	query = strchr(out, '?');
	s3_address_host(&a, host, sizeof(host));
	f.value = (struct h1_str){ host, strlen(host) };
	r.path = (struct h1_str){ path, (size_t)(query - path) };
	r.query = (struct h1_str){ query + 1, strlen(query + 1) };
	is(sigv4_parse(&auth, &r), 0, "it can be read");
	ok(auth.presigned && auth.expires_s == 60 && strcmp(auth.id, "id") == 0 &&
	    strcmp(auth.scope.service, service) == 0, "and says for what");
	is(sigv4_fresh(&auth, clk_utc_ns() / CLK_SECOND), 0, "it is good now");
	is(sigv4_fresh(&auth, clk_utc_ns() / CLK_SECOND + 70), -ETIME, "and not for long");
	is(sigv4_verify(&auth, &r, "secret"), 0, "the secret is right");
	is(sigv4_verify(&auth, &r, "other"), -EACCES, "another is not");
	r.method = (struct h1_str){ "PUT", 3 };
	is(sigv4_verify(&auth, &r, "secret"), -EACCES, "nor another method");
	s3_free(s);
}

int
main(void)
{
	test_lists();
	test_uploads();
	test_errors();
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	test_presign("s3://b/a%20b/c+d?endpoint=http://h:1", "s3");
	test_presign("http://h:8080/live/a%20b", "mediastore");
	setenv("AWS_SESSION_TOKEN", "to/k=en", 1);
	test_presign("s3://b/k", "s3");
	return done_testing();
}
