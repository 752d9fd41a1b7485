#include <errno.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/net/h1.h"

/* tchar of RFC 9110 5.6.2. */
static bool
is_token(unsigned char c)
{
	static const char set[] = "!#$%&'*+-.^_`|~";

	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool
h1_is(struct h1_str s, const char *text)
{
	size_t i;

	for (i = 0; i < s.len && text[i] != '\0'; i++)
		if (lower(s.p[i]) != text[i])
			return false;
	return i == s.len && text[i] == '\0';
}

static struct h1_str
trim(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	while (end > p && is_space(end[-1]))
		end--;
	return (struct h1_str){ p, (size_t)(end - p) };
}

bool
h1_has_token(struct h1_str value, const char *text)
{
	const char *p = value.p, *end = p + value.len;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));

		if (comma == NULL)
			comma = end;
		if (h1_is(trim(p, comma), text))
			return true;
		p = comma + (comma < end);
	}
	return false;
}

const struct h1_str *
h1_field(const struct h1_request *r, const char *name)
{
	for (unsigned i = 0; i < r->nfield; i++)
		if (h1_is(r->field[i].name, name))
			return &r->field[i].value;
	return NULL;
}

static int
refuse(struct h1_request *r, int status)
{
	r->status = status;
	return -EBADMSG;
}

/*
 * Where the head ends: after the first empty line.  Every LF must have its CR,
 * and is looked at once however slowly the bytes arrive.
 */
static int
find_end(const char *buf, size_t len, size_t *scanned, size_t *end)
{
	while (*scanned < len) {
		const char *lf = memchr(buf + *scanned, '\n', len - *scanned);
		size_t at;

		if (lf == NULL) {
			*scanned = len;
			break;
		}
		at = (size_t)(lf - buf);
		if (at == 0 || lf[-1] != '\r')
			return -EBADMSG;
		*scanned = at + 1;
		if (at >= 3 && lf[-2] == '\n') {
			*end = at + 1;
			return 1;
		}
	}
	return 0;
}

static enum h1_method
method_of(struct h1_str s)
{
	static const struct { const char *name; enum h1_method method; } row[] = {
		{ "GET", H1_GET }, { "HEAD", H1_HEAD }, { "PUT", H1_PUT },
		{ "DELETE", H1_DELETE }, { "OPTIONS", H1_OPTIONS },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (strlen(row[i].name) == s.len && memcmp(row[i].name, s.p, s.len) == 0)
			return row[i].method;
	return H1_OTHER;
}

/* origin-form, absolute-form, or * for OPTIONS: RFC 9112 3.2. */
static int
parse_target(struct h1_request *r)
{
	const char *p = r->target.p, *end = p + r->target.len, *q;

	for (const char *s = p; s < end; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || *s == '#')
			return refuse(r, 400);
	if (r->target.len == 1 && *p == '*' && r->method == H1_OPTIONS) {
		r->path = r->target;
		return 1;
	}
	if (r->target.len > 7 && (h1_is((struct h1_str){ p, 7 }, "http://") ||
	    (r->target.len > 8 && h1_is((struct h1_str){ p, 8 }, "https://")))) {
		const char *slash = memchr(p, '/', (size_t)(end - p));

		for (p = slash + 2; p < end && *p != '/' && *p != '?'; p++)
			;
		if (p == end || *p == '?') {
			r->path = (struct h1_str){ slash, 1 };
			if (p < end)
				r->query = (struct h1_str){ p + 1, (size_t)(end - p - 1) };
			return 1;
		}
	}
	if (p == end || *p != '/')
		return refuse(r, 400);
	q = memchr(p, '?', (size_t)(end - p));
	r->path = (struct h1_str){ p, (size_t)((q ? q : end) - p) };
	if (q != NULL)
		r->query = (struct h1_str){ q + 1, (size_t)(end - q - 1) };
	return 1;
}

/* method SP target SP HTTP/1.x */
static int
parse_line(struct h1_request *r, const char *p, const char *end)
{
	const char *sp = memchr(p, ' ', (size_t)(end - p)), *last;

	if (sp == NULL || sp == p)
		return refuse(r, 400);
	for (const char *s = p; s < sp; s++)
		if (!is_token((unsigned char)*s))
			return refuse(r, 400);
	r->method_name = (struct h1_str){ p, (size_t)(sp - p) };
	r->method = method_of(r->method_name);
	p = sp + 1;
	last = memchr(p, ' ', (size_t)(end - p));
	if (last == NULL || last == p)
		return refuse(r, 400);
	r->target = (struct h1_str){ p, (size_t)(last - p) };
	if (r->target.len > H1_TARGET_MAX)
		return refuse(r, 414);
	p = last + 1;
	if (end - p != 8 || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' ||
	    p[5] < '0' || p[5] > '9' || p[7] < '0' || p[7] > '9')
		return refuse(r, 400);
	if (p[5] != '1')
		return refuse(r, 505);
	r->minor = p[7] == '0' ? 0 : 1;
	return parse_target(r);
}

static int
parse_field(struct h1_request *r, const char *p, const char *end)
{
	const char *colon = p;

	while (colon < end && is_token((unsigned char)*colon))
		colon++;
	if (colon == p || colon == end || *colon != ':')
		return refuse(r, 400);	/* a folded line, too */
	if (r->nfield == H1_FIELDS_MAX)
		return refuse(r, 431);
	for (const char *s = colon + 1; s < end; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return refuse(r, 400);
	r->field[r->nfield++] = (struct h1_field){
		.name = { p, (size_t)(colon - p) }, .value = trim(colon + 1, end),
	};
	return 1;
}

static int
parse_length(struct h1_request *r, struct h1_str s)
{
	uint64_t v = 0;

	if (r->has_length || s.len == 0)
		return refuse(r, 400);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return refuse(r, 400);
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return refuse(r, 413);
	}
	r->has_length = true;
	r->content_length = v;
	return 1;
}

/* What the fields say about the framing of this message: RFC 9112 6. */
static int
parse_framing(struct h1_request *r)
{
	unsigned host = 0, coding = 0;

	r->keep_alive = r->minor == 1;
	for (unsigned i = 0; i < r->nfield; i++) {
		struct h1_str name = r->field[i].name, value = r->field[i].value;

		switch (name.len) {
		case 4:
			host += h1_is(name, "host");
			break;
		case 6:
			if (h1_is(name, "expect")) {
				if (!h1_is(value, "100-continue"))
					return refuse(r, 417);
				r->expect_continue = r->minor == 1;
			}
			break;
		case 10:
			if (!h1_is(name, "connection"))
				break;
			if (h1_has_token(value, "close"))
				r->keep_alive = false;
			else if (r->minor == 0 && h1_has_token(value, "keep-alive"))
				r->keep_alive = true;
			break;
		case 14:
			if (h1_is(name, "content-length") && parse_length(r, value) < 0)
				return -EBADMSG;
			break;
		case 17:
			if (!h1_is(name, "transfer-encoding"))
				break;
			if (++coding > 1 || r->minor == 0)
				return refuse(r, 400);
			if (!h1_is(value, "chunked"))
				return refuse(r, 501);
			r->chunked = true;
			break;
		}
	}
	if (host > 1 || (host == 0 && r->minor == 1))
		return refuse(r, 400);
	if (r->chunked && r->has_length)
		return refuse(r, 400);	/* this is how requests are smuggled */
	return 1;
}

int
h1_request_parse(struct h1_request *r, const char *buf, size_t len,
    size_t *scanned, size_t *used)
{
	const char *p = buf, *end, *lf;
	size_t skip = 0, head = 0;
	int found;

	while (len - skip >= 2 && buf[skip] == '\r' && buf[skip + 1] == '\n')
		skip += 2;	/* RFC 9112 2.2: empty lines before a request */
	/* TLS would wait for our answer, and for the rest of its line we. */
	if (skip > 8 || (len > skip && buf[skip] != '\r' &&
	    !is_token((unsigned char)buf[skip])))
		return refuse(r, 400);
	if (*scanned < skip)
		*scanned = skip;
	found = find_end(buf, len, scanned, &head);
	if (found < 0)
		return refuse(r, 400);
	if ((found == 0 && len >= H1_HEAD_MAX) || head > H1_HEAD_MAX) {
		/* Say what was too long. */
		bool line = memchr(buf + skip, '\n', len - skip) != NULL;

		return refuse(r, line ? 431 : 414);
	}
	if (found == 0)
		return 0;
	memset(r, 0, offsetof(struct h1_request, field));
	end = buf + head - 2;		/* before the empty line */
	p = buf + skip;
	lf = memchr(p, '\n', (size_t)(end - p));
	if (parse_line(r, p, lf - 1) < 0)
		return -EBADMSG;
	for (p = lf + 1; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (parse_field(r, p, lf - 1) < 0)
			return -EBADMSG;
	}
	if (parse_framing(r) < 0)
		return -EBADMSG;
	*used = head;
	return 1;
}

enum { SIZE_FIRST, SIZE, SIZE_SPACE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF,
	TRAILER_START, TRAILER, TRAILER_LF, END_LF, DONE };

/* The size line of a chunk, one byte. */
static int
step_size(struct h1_chunked *c, char b)
{
	int digit = hex_digit(b);

	if (++c->line > H1_CHUNK_LINE)
		return -EBADMSG;
	if (digit >= 0 && c->state < SIZE_SPACE) {
		if (c->left >> 59 != 0)
			return -EBADMSG;
		c->left = c->left << 4 | (uint64_t)digit;
		c->state = SIZE;
		return 0;
	}
	if (c->state == SIZE_FIRST)
		return -EBADMSG;
	if (b == '\r')
		c->state = SIZE_LF;
	else if (c->state != EXTENSION && is_space(b))
		c->state = SIZE_SPACE;
	else if ((c->state != EXTENSION && b != ';') ||
	    ((unsigned char)b < ' ' && b != '\t'))
		return -EBADMSG;
	else
		c->state = EXTENSION;
	return 0;
}

/* Trailer fields are read and forgotten. */
static int
step_trailer(struct h1_chunked *c, char b)
{
	if (++c->line > H1_TRAILER_MAX)
		return -EBADMSG;
	if (c->state == TRAILER_LF) {
		c->state = TRAILER_START;
		return b == '\n' ? 0 : -EBADMSG;
	}
	if (b == '\r')
		c->state = c->state == TRAILER_START ? END_LF : TRAILER_LF;
	else if ((c->state == TRAILER_START && !is_token((unsigned char)b)) ||
	    ((unsigned char)b < ' ' && b != '\t'))
		return -EBADMSG;
	else
		c->state = TRAILER;
	return 0;
}

static int
step(struct h1_chunked *c, char b)
{
	switch (c->state) {
	case SIZE_FIRST:
	case SIZE:
	case SIZE_SPACE:
	case EXTENSION:
		return step_size(c, b);
	case SIZE_LF:
		c->line = 0;
		c->state = c->left > 0 ? DATA : TRAILER_START;
		return b == '\n' ? 0 : -EBADMSG;
	case DATA_CR:
		c->state = DATA_LF;
		return b == '\r' ? 0 : -EBADMSG;
	case DATA_LF:
		c->state = SIZE_FIRST;
		return b == '\n' ? 0 : -EBADMSG;
	case TRAILER_START:
	case TRAILER:
	case TRAILER_LF:
		return step_trailer(c, b);
	default:		/* END_LF */
		c->state = DONE;
		return b == '\n' ? 0 : -EBADMSG;
	}
}

int
h1_chunked_next(struct h1_chunked *c, const char *buf, size_t len, size_t *used,
    struct h1_str *data)
{
	*used = 0;
	while (c->state != DONE && *used < len) {
		if (c->state == DATA) {
			size_t n = len - *used;

			if (n > c->left)
				n = (size_t)c->left;
			*data = (struct h1_str){ buf + *used, n };
			*used += n;
			c->left -= n;
			if (c->left == 0)
				c->state = DATA_CR;
			return H1_DATA;
		}
		if (step(c, buf[(*used)++]) < 0)
			return -EBADMSG;
	}
	return c->state == DONE ? H1_END : H1_MORE;
}
