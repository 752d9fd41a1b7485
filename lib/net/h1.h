/*
 * h1.h - requests of HTTP/1.1, read strictly.
 *
 * Spec     RFC 9112; what it lets a server refuse is refused: bare LF, folded
 *          lines, a length beside chunked, two lengths, space before a colon.
 * Shape    h1_request_parse() wants the whole head in one buffer; the body goes
 *          through struct h1_chunked piece by piece, or is content_length bytes.
 * Units    Bytes.
 * Memory   Nothing allocates; all views borrow the caller's buffer.
 * Threads  Pure functions.
 * Errors   -EBADMSG; the request then has the status to answer with.
 */
#ifndef H1_H
#define H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H1_HEAD_MAX	16384	/* request line and fields */
#define H1_TARGET_MAX	4096
#define H1_FIELDS_MAX	64
#define H1_CHUNK_LINE	256	/* size and extensions of one chunk */
#define H1_TRAILER_MAX	4096

struct h1_str {
	const char *p;		/* not terminated */
	size_t	    len;
};

struct h1_field {
	struct h1_str name, value;	/* value without the space around it */
};

enum h1_method {
	H1_GET, H1_HEAD, H1_PUT, H1_DELETE, H1_OPTIONS, H1_OTHER,
};

struct h1_request {
	enum h1_method method;
	int	 minor;			/* HTTP/1.minor */
	int	 status;		/* why it was refused: 400, 414, ... */
	bool	 keep_alive;
	bool	 chunked;
	bool	 has_length;
	bool	 expect_continue;
	uint64_t content_length;	/* 0 without has_length */
	struct h1_str method_name;
	struct h1_str target;		/* as sent */
	struct h1_str path;		/* begins with /; "*" for OPTIONS */
	struct h1_str query;		/* without ?, empty if none */
	unsigned nfield;
	struct h1_field field[H1_FIELDS_MAX];
};

/*
 * Read a request head from buf.  *scanned remembers between calls with a longer
 * buffer what was looked at; it is 0 at first.  Returns 1 and sets *used, 0 when
 * more bytes are needed, -EBADMSG when r->status tells what to answer.
 */
int h1_request_parse(struct h1_request *r, const char *buf, size_t len,
    size_t *scanned, size_t *used);

/* The value of a field, or NULL; name is in lower case. */
const struct h1_str *h1_field(const struct h1_request *r, const char *name);

/* Is text, in lower case, one of the comma-separated tokens of a value? */
bool h1_has_token(struct h1_str value, const char *text);

/* Compare with text in lower case, letters without case. */
bool h1_is(struct h1_str s, const char *text);

/* Decodes a chunked body.  All zeros to begin. */
struct h1_chunked {
	uint64_t left;		/* of this chunk */
	unsigned line;		/* bytes of the line so far, of all trailers */
	uint8_t	 state;
};

enum { H1_MORE, H1_DATA, H1_END };

/*
 * Take one step.  Returns H1_DATA with a piece of the body in *data (borrows
 * buf), H1_MORE when buf is used up, H1_END after the last trailer, or -EBADMSG.
 * *used is what was taken of buf, data included.
 */
int h1_chunked_next(struct h1_chunked *c, const char *buf, size_t len,
    size_t *used, struct h1_str *data);

#endif
