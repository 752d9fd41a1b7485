/* Heads of HTTP/2 as text of HTTP/1.1, and the other way; see h2head.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/conn.h"
#include "lib/net/h2head.h"

#define AUTHORITY_MAX	512

struct h2_head {
	int	 status;		/* why it will be refused, or 0 */
	bool	 begun;			/* the request line is in text */
	unsigned method_len, path_len, authority_len;
	char	 method[32], path[H1_TARGET_MAX], authority[AUTHORITY_MAX];
	size_t	 len;
	char	 text[H1_HEAD_MAX];
};

struct h2_head *
h2_head_new(struct budget *memory)
{
	struct h2_head *h;

	if (!budget_take(memory, sizeof(*h)))
		return NULL;
	h = malloc(sizeof(*h));
	if (h == NULL)
		budget_give(memory, sizeof(*h));
	return h;
}

void
h2_head_free(struct h2_head *h, struct budget *memory)
{
	budget_give(memory, sizeof(*h));
	free(h);
}

void
h2_head_clear(struct h2_head *h)
{
	h->status = 0;
	h->begun = false;
	h->method_len = h->path_len = h->authority_len = 0;
	h->len = 0;
}

static void
put(struct h2_head *h, const char *p, size_t len)
{
	if (len > sizeof(h->text) - h->len) {
		if (h->status == 0)
			h->status = 431;
		return;
	}
	memcpy(h->text + h->len, p, len);
	h->len += len;
}

static void
put_field(struct h2_head *h, struct h1_str name, struct h1_str value)
{
	put(h, name.p, name.len);
	put(h, ": ", 2);
	put(h, value.p, value.len);
	put(h, "\r\n", 2);
}

static void
begin(struct h2_head *h)
{
	if (h->begun)
		return;
	h->begun = true;
	put(h, h->method, h->method_len);
	put(h, " ", 1);
	put(h, h->path, h->path_len);
	put(h, " HTTP/1.1\r\n", 11);
	if (h->authority_len > 0)
		put_field(h, (struct h1_str){ "host", 4 },
		    (struct h1_str){ h->authority, h->authority_len });
}

static void
keep(struct h2_head *h, char *to, unsigned *len, size_t size, struct h1_str value,
    int status)
{
	if (value.len > size) {
		h->status = status;
		return;
	}
	memcpy(to, value.p, value.len);
	*len = (unsigned)value.len;
}

void
h2_head_add(struct h2_head *h, struct h1_str name, struct h1_str value)
{
	if (h->status != 0)
		return;
	if (h1_is(name, ":method")) {
		keep(h, h->method, &h->method_len, sizeof(h->method), value, 501);
	} else if (h1_is(name, ":path")) {
		keep(h, h->path, &h->path_len, sizeof(h->path), value, 414);
	} else if (h1_is(name, ":authority")) {
		keep(h, h->authority, &h->authority_len, sizeof(h->authority), value, 400);
	} else if (name.len > 0 && name.p[0] != ':') {
		begin(h);
		if (h->authority_len > 0 && h1_is(name, "host")) {
			/* RFC 9113 8.3.1: they must not tell two stories. */
			if (value.len != h->authority_len ||
			    memcmp(value.p, h->authority, value.len) != 0)
				h->status = 400;
			return;
		}
		put_field(h, name, value);
	}
}

int
h2_head_parse(struct h2_head *h, struct h1_request *r, bool end)
{
	size_t scanned = 0, used;
	char *version;

	begin(h);
	put(h, "\r\n", 2);
	if (h->status != 0)
		return h->status;
	switch (h1_request_parse(r, h->text, h->len, &scanned, &used)) {
	case 1:
		break;
	case 0:
		return 400;
	default:
		return r->status;
	}
	if (used != h->len)
		return 400;
	/* For the access log, which shows the request line. */
	version = h->text + (r->target.p - h->text) + r->target.len + 1;
	version[5] = '2';			/* was HTTP/1.1 */
	version[7] = '0';
	r->keep_alive = true;
	r->chunked = !end && !r->has_length;
	return 0;
}

static nghttp2_nv
field(const char *name, size_t name_len, const char *value, size_t value_len)
{
	return (nghttp2_nv){
		(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
		name_len, value_len, NGHTTP2_NV_FLAG_NONE,
	};
}

/* Field lines, their names to lower case in *low. */
static size_t
put_lines(const char *p, size_t len, nghttp2_nv *nv, size_t n, char **low)
{
	const char *end = len > 0 ? p + len : p;	/* p may be NULL then */

	while (p < end && n < H2_HEAD_FIELDS) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *stop = lf == NULL ? end : lf, *colon, *value;
		char *name = *low;

		if (stop > p && stop[-1] == '\r')
			stop--;
		colon = memchr(p, ':', (size_t)(stop - p));
		if (colon != NULL) {
			for (const char *s = p; s < colon; s++)
				*(*low)++ = (char)(*s >= 'A' && *s <= 'Z' ? *s | 0x20 : *s);
			for (value = colon + 1; value < stop && *value == ' '; value++)
				;
			nv[n++] = field(name, (size_t)(colon - p), value,
			    (size_t)(stop - value));
		}
		p = lf == NULL ? end : lf + 1;
	}
	return n;
}

size_t
h2_head_put(struct httpd_conn *c, const struct httpd_reply *r,
    nghttp2_nv nv[static H2_HEAD_FIELDS], char text[static 32])
{
	char *low = c->loop->head;
	size_t n = 0;
	int len;

	snprintf(text, 4, "%03u", (unsigned)r->status % 1000);
	nv[n++] = field(":status", 7, text, 3);
	nv[n++] = field("date", 4, c->loop->date, HTTP_DATE - 1);
	if ((!r->follow || r->sized) && r->status >= 200 && r->status != 204 && r->status != 304) {
		len = snprintf(text + 4, 28, "%" PRIu64, r->from_object ?
		    r->end - r->first : (uint64_t)r->mem_len);
		nv[n++] = field("content-length", 14, text + 4, (size_t)len);
	}
	if (r->head_len + r->head2_len < CONN_OUT) {
		n = put_lines(r->head, r->head_len, nv, n, &low);
		n = put_lines(r->head2, r->head2_len, nv, n, &low);
	}
	return n;
}
