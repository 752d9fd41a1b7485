/*
 * http.h - the words of HTTP: dates, entity tags, ranges, codings, paths.
 *
 * Spec     RFC 9110: 5.6.7 dates, 8.8.3 entity tags, 13 conditions, 14 ranges,
 *          12.5.3 codings; RFC 3986 5.2.4 and 6.2.2 for paths; RFC 8673 for
 *          ranges of what still grows.
 * Units    Seconds since 1970; bytes.
 * Memory   Nothing allocates.
 * Threads  Pure functions.
 * Errors   -EINVAL unless said.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/h1.h"

const char *http_reason(int status);

/* "Sun, 06 Nov 1994 08:49:37 GMT" and its terminator. */
#define HTTP_DATE	30
void http_date(int64_t s, char buf[static HTTP_DATE]);

/* That form only; the two obsolete ones are as good as no date. */
int http_parse_date(struct h1_str text, int64_t *s);

/*
 * Is etag (with its quotes) in the value of If-Match or If-None-Match?  weak:
 * W/ does not matter.  "*" is always a match.
 */
bool http_etag_match(struct h1_str value, struct h1_str etag, bool weak);

/* Does the value of Accept-Encoding take gzip, with a weight above 0? */
bool http_accepts_gzip(struct h1_str value);

/* One range: first to last, first and on (last UINT64_MAX), or a suffix. */
struct http_range {
	uint64_t first, last;
	uint64_t suffix;	/* > 0: the last so many bytes */
};

/*
 * Read the value of Range.  Returns 1 for one range; 0 when the field is to be
 * ignored: another unit, a bad syntax, or several ranges (RFC 9110 14.2 allows
 * us to send the whole).
 */
int http_parse_range(struct h1_str value, struct http_range *r);

/* Fit it to a length: false when there is no such byte (416). */
bool http_fit_range(struct http_range *r, uint64_t len);

#define HTTP_PATH_MAX	1024
#define HTTP_NAME_MAX	255

/*
 * Make of a request path the relative name of an object: escapes decoded, empty
 * segments and "." left out, no slash at either end; what ended in a slash gets
 * "index.html".  -EINVAL for "..", encoded slashes, control characters, escapes
 * that are none; -EACCES for a segment that begins with a dot; -ENAMETOOLONG.
 */
int http_parse_path(struct h1_str path, char out[static HTTP_PATH_MAX]);

#endif
