#include <errno.h>
#include <string.h>

#include "lib/net/h1.h"
#include "t/tap.h"

#define HEAD(line)	line "\r\nHost: a\r\n\r\n"
#define GET(fields)	"GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

static int
parse(struct h1_request *r, const char *text, size_t *used)
{
	size_t scanned = 0;

	memset(r, 0, sizeof(*r));
	return h1_request_parse(r, text, strlen(text), &scanned, used);
}

static void
test_good(void)
{
	static const struct { const char *text, *path, *query; bool keep; } row[] = {
		{ HEAD("GET / HTTP/1.1"), "/", "", true },
		{ HEAD("GET /a/b?c=d HTTP/1.1"), "/a/b", "c=d", true },
		{ HEAD("GET http://x:80/a?b HTTP/1.1"), "/a", "b", true },
		{ HEAD("GET HTTPS://x HTTP/1.1"), "/", "", true },
		{ HEAD("GET http://x?a/b HTTP/1.1"), "/", "a/b", true },
		{ HEAD("OPTIONS * HTTP/1.1"), "*", "", true },
		{ HEAD("GET / HTTP/1.0"), "/", "", false },
		{ "GET / HTTP/1.0\r\n\r\n", "/", "", false },
		{ "\r\n\r\n" HEAD("GET /x HTTP/1.1"), "/x", "", true },
		{ GET("Connection: foo, Close\r\n"), "/", "", false },
		{ HEAD("GET / HTTP/1.0\r\nConnection: Keep-Alive"), "/", "", true },
		{ GET("X:\r\nY:  \t \r\nZ: a\tb\xff \r\n"), "/", "", true },
	};
	struct h1_request r;
	size_t used = 0;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		is(parse(&r, row[i].text, &used), 1, "good %zu", i);
		is(used, strlen(row[i].text), "all of it is used");
		ok(r.path.len == strlen(row[i].path) &&
		    memcmp(r.path.p, row[i].path, r.path.len) == 0, "path of %zu", i);
		ok(r.query.len == strlen(row[i].query) &&
		    memcmp(r.query.p ? r.query.p : "", row[i].query, r.query.len) == 0,
		    "query of %zu", i);
		is(r.keep_alive, row[i].keep, "kept alive");
		/* No prefix is a request, and none is refused. */
		for (size_t n = 0; n < strlen(row[i].text); n++) {
			size_t scanned = 0, u = 0;

			if (h1_request_parse(&r, row[i].text, n, &scanned, &u) != 0)
				ok(false, "prefix of %zu bytes of %zu", n, i);
		}
	}
}

static void
test_bytes_one_by_one(void)
{
	static const char text[] = "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
	struct h1_request r;
	size_t scanned = 0, used = 0, n = 0;
	int k = 0;

	while (k == 0 && n < sizeof(text))
		k = h1_request_parse(&r, text, ++n, &scanned, &used);
	is(k, 1, "a request byte by byte");
	is(n, used, "known at its last byte");
	is(r.method, H1_PUT, "method");
	is(r.content_length, 3, "length");
	ok(h1_field(&r, "host") != NULL && h1_field(&r, "none") == NULL, "fields");
}

static void
test_refused(void)
{
	static const struct { const char *text; int status; } row[] = {
		{ GET("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400 },
		{ GET("Content-Length: 3\r\nContent-Length: 3\r\n"), 400 },
		{ GET("Content-Length: 3, 3\r\n"), 400 },
		{ GET("Content-Length: +3\r\n"), 400 },
		{ GET("Content-Length: -1\r\n"), 400 },
		{ GET("Content-Length: 0x10\r\n"), 400 },
		{ GET("Content-Length:\r\n"), 400 },
		{ GET("Content-Length: 99999999999999999999\r\n"), 413 },
		{ GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400 },
		{ GET("Transfer-Encoding: gzip, chunked\r\n"), 501 },
		{ GET("Transfer-Encoding: xchunked\r\n"), 501 },
		{ GET("Transfer-Encoding:\r\n"), 501 },
		{ HEAD("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked"), 400 },
		{ GET("Expect: miracles\r\n"), 417 },
		{ GET("A : b\r\n"), 400 },
		{ GET("A\r\n"), 400 },
		{ GET(": b\r\n"), 400 },
		{ GET("A: b\r\n c\r\n"), 400 },		/* folded */
		{ GET("A: b\n"), 400 },			/* bare LF */
		{ GET("A: b\rc\r\n"), 400 },		/* bare CR */
		{ GET("A: \x01\r\n"), 400 },
		{ GET("A\x80: b\r\n"), 400 },
		{ GET("Host: b\r\n"), 400 },		/* a second one */
		{ "GET / HTTP/1.1\r\n\r\n", 400 },	/* none */
		{ "GET / HTTP/1.1\n\n", 400 },
		{ HEAD("GET  / HTTP/1.1"), 400 },
		{ HEAD("GET / HTTP/1.1 "), 400 },
		{ HEAD("GET /"), 400 },
		{ HEAD("GET / HTTP/2.0"), 505 },
		{ HEAD("GET / http/1.1"), 400 },
		{ HEAD("GET / HTTP/1.10"), 400 },
		{ HEAD("GET x HTTP/1.1"), 400 },
		{ HEAD("GET * HTTP/1.1"), 400 },
		{ HEAD("GET /\x7f HTTP/1.1"), 400 },
		{ HEAD("GET /\xc3\xa4 HTTP/1.1"), 400 },
		{ HEAD("GET /#x HTTP/1.1"), 400 },
		{ HEAD("G{T / HTTP/1.1"), 400 },
		{ HEAD(" / HTTP/1.1"), 400 },
		{ "\x16\x03\x01\x02", 400 },		/* TLS, by mistake */
		{ "\r\n\x16", 400 },
	};
	struct h1_request r;
	size_t used;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		is(parse(&r, row[i].text, &used), -EBADMSG, "bad %zu is refused", i);
		is(r.status, row[i].status, "with the right status");
	}
}

static void
test_limits(void)
{
	static char text[H1_HEAD_MAX + 64];
	struct h1_request r;
	size_t used, scanned = 0, n;

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	is(h1_request_parse(&r, text, H1_HEAD_MAX, &scanned, &used), -EBADMSG,
	    "an endless line");
	is(r.status, 414, "the target is too long");
	memcpy(text, "GET / HTTP/1.1\r\n", 16);
	scanned = 0;
	is(h1_request_parse(&r, text, H1_HEAD_MAX, &scanned, &used), -EBADMSG,
	    "an endless field");
	is(r.status, 431, "a field is too long");
	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < H1_FIELDS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "A: b\r\n");
	snprintf(text + n, sizeof(text) - n, "\r\n");
	is(parse(&r, text, &used), -EBADMSG, "too many fields");
	is(r.status, 431, "and so it says");
}

static void
test_chunked(void)
{
	static const struct { const char *text; int end; const char *body; } row[] = {
		{ "3\r\nabc\r\n0\r\n\r\n", H1_END, "abc" },
		{ "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", H1_END, "abc0123456789" },
		{ "0\r\nTrailer: x\r\nB: y\r\n\r\n", H1_END, "" },
		{ "003\r\nabc\r\n0\r\n\r\n", H1_END, "abc" },
		{ "3 \r\nabc\r\n0\r\n\r\n", H1_END, "abc" },
		{ "3\r\nab", H1_MORE, "ab" },
		{ "3\nabc", -EBADMSG, "" },
		{ "\r\n", -EBADMSG, "" },
		{ "x\r\n", -EBADMSG, "" },
		{ "-1\r\n", -EBADMSG, "" },
		{ "0x3\r\nabc", -EBADMSG, "" },
		{ "3 4\r\nabc", -EBADMSG, "" },
		{ "3\r\nabcd", -EBADMSG, "abc" },
		{ "3\r\nabc\n", -EBADMSG, "abc" },
		{ "11111111111111111\r\n", -EBADMSG, "" },	/* over 64 bits */
		{ "3;\x01\r\n", -EBADMSG, "" },
		{ "0\r\n X: y\r\n\r\n", -EBADMSG, "" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		for (size_t piece = 1; piece < 40; piece += 3) {
			struct h1_chunked c = { 0 };
			char body[64] = "";
			size_t fill = 0, pos = 0, len = strlen(row[i].text);
			int k = H1_MORE;

			while (pos < len && k >= 0 && k != H1_END) {
				size_t n = len - pos < piece ? len - pos : piece, used;
				struct h1_str data;

				k = h1_chunked_next(&c, row[i].text + pos, n, &used, &data);
				pos += used;
				if (k == H1_DATA) {
					memcpy(body + fill, data.p, data.len);
					fill += data.len;
				}
			}
			if (k == H1_DATA)
				k = H1_MORE;
			if (k != row[i].end || strcmp(body, row[i].body) != 0)
				ok(false, "chunked %zu by %zu: %d '%s'", i, piece, k, body);
		}
	ok(true, "chunked bodies in pieces of every size");
}

static void
test_chunk_limits(void)
{
	struct h1_chunked c = { 0 };
	size_t used, n = 0;
	struct h1_str data;
	int k = h1_chunked_next(&c, "1;", 2, &used, &data);

	while (k == H1_MORE && n++ < 100000)
		k = h1_chunked_next(&c, "x", 1, &used, &data);
	is(k, -EBADMSG, "an endless extension");
	ok(n <= H1_CHUNK_LINE, "is ended");
	c = (struct h1_chunked){ 0 };
	k = h1_chunked_next(&c, "0\r\n", 3, &used, &data);
	for (n = 0; k == H1_MORE && n < 100000; n++)
		k = h1_chunked_next(&c, "A: b\r\n", 6, &used, &data);
	is(k, -EBADMSG, "endless trailers");
}

int
main(void)
{
	test_good();
	test_bytes_one_by_one();
	test_refused();
	test_limits();
	test_chunked();
	test_chunk_limits();
	return done_testing();
}
