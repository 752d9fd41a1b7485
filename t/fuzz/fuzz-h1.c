/*
 * Requests, and a chunked body behind each that says so: no crash, no endless
 * loop, the same outcome for the whole at once and byte by byte, and all that was
 * understood lies within the input.  No signature in it may match.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/net/http.h"
#include "lib/net/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
within(struct h1_str s, const char *buf, size_t len)
{
	if (s.len > 0 && (s.p < buf || s.p + s.len > buf + len))
		abort();
}

static void
check_request(const struct h1_request *r, const char *buf, size_t used)
{
	char path[HTTP_PATH_MAX];
	struct http_range range;
	struct sigv4_request sent = sigv4_received(r);
	struct sigv4_auth a;
	int64_t date;

	within(r->target, buf, used);
	within(r->path, buf, used);
	within(r->query, buf, used);
	if (r->chunked && r->has_length)
		abort();
	if (http_parse_path(r->path, path) == 0 && (path[0] == '/' || path[0] == '.' ||
	    path[0] == '\0' || strstr(path, "/.") != NULL || strstr(path, "//") != NULL))
		abort();
	if (sigv4_parse(&a, &sent) == 0) {
		within(a.fields, buf, used);
		if (sigv4_verify(&a, &sent, "secret") == 0)
			abort();
	}
	for (unsigned i = 0; i < r->nfield; i++) {
		struct h1_str v = r->field[i].value;

		within(r->field[i].name, buf, used);
		within(v, buf, used);
		http_parse_date(v, &date);
		http_accepts_gzip(v);
		http_etag_match(v, (struct h1_str){ "\"a\"", 3 }, false);
		if (http_parse_range(v, &range) == 1 && http_fit_range(&range, 1000) &&
		    (range.first > range.last || range.last >= 1000))
			abort();
	}
}

/* Returns the bytes of a chunked body's decoding, or -1; by pieces of piece. */
static long
decode(const char *buf, size_t len, size_t piece, size_t *end)
{
	struct h1_chunked c = { 0 };
	size_t pos = 0, used, body = 0;
	struct h1_str data;
	int k = H1_MORE;

	while (pos < len && k != H1_END) {
		size_t n = len - pos < piece ? len - pos : piece;

		k = h1_chunked_next(&c, buf + pos, n, &used, &data);
		if (k < 0)
			return -1;
		if (used > n || (used == 0 && k != H1_END))
			abort();
		if (k == H1_DATA) {
			within(data, buf + pos, n);
			body += data.len;
		}
		pos += used;
	}
	*end = pos;
	return (long)body;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	static struct h1_request r, slow;
	/* Exact, so that the sanitizer sees one byte too many. */
	char *buf = malloc(len + (len == 0));
	size_t pos = 0, used = 0;

	if (buf == NULL)
		abort();
	memcpy(buf, in, len);
	while (pos < len) {
		size_t left = len - pos, scanned = 0, slowly = 0, n = 0, used_slowly = 0;
		int k = h1_request_parse(&r, buf + pos, left, &scanned, &used), s = 0;

		while (s == 0 && n < left)
			s = h1_request_parse(&slow, buf + pos, ++n, &slowly, &used_slowly);
		if (k == 1 && (s != 1 || used != used_slowly || n != used))
			abort();
		if (k < 0 && (s != k || r.status < 400))
			abort();
		if (k != 1)
			break;
		check_request(&r, buf + pos, used);
		pos += used;
		if (r.chunked) {
			size_t end = 0, end_slowly = 0;
			long whole = decode(buf + pos, len - pos, len, &end);

			if (decode(buf + pos, len - pos, 1, &end_slowly) != whole ||
			    (whole >= 0 && end != end_slowly))
				abort();
			pos = whole < 0 ? len : pos + end;
		} else {
			pos += r.content_length < len - pos ? r.content_length : len - pos;
		}
	}
	free(buf);
	return 0;
}
