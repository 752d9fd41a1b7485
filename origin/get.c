/* GET and HEAD: conditions, forms, ranges, of what is whole or still grows. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clk.h"
#include "origin/api.h"
#include "origin/live.h"
#include "origin/serve.h"

/* The last byte of what grows, where one has to be named: RFC 8673 2.1. */
#define FOR_EVER	((UINT64_C(1) << 53) - 1)

static void
look(const struct h1_request *r, struct asked *a)
{
	*a = (struct asked){ 0 };
	for (unsigned i = 0; i < r->nfield; i++) {
		struct h1_str name = r->field[i].name;
		const struct h1_str *value = &r->field[i].value;

		switch (name.len) {
		case 5:
			if (h1_is(name, "range"))
				a->range = value;
			break;
		case 8:
			if (h1_is(name, "if-match"))
				a->if_match = value;
			else if (h1_is(name, "if-range"))
				a->if_range = value;
			break;
		case 13:
			if (h1_is(name, "if-none-match"))
				a->if_none_match = value;
			break;
		case 15:
			if (h1_is(name, "accept-encoding"))
				a->accept_encoding = value;
			break;
		case 17:
			if (h1_is(name, "if-modified-since"))
				a->if_modified_since = value;
			break;
		case 19:
			if (h1_is(name, "if-unmodified-since"))
				a->if_unmodified_since = value;
			break;
		}
	}
}

/* RFC 9110 13.2.2, in its order.  0, or the status that a condition asks for. */
static int
conditions(const struct asked *a, const struct object *o, struct h1_str etag)
{
	int64_t modified = o->mtime_ns / CLK_SECOND, date;
	struct h1_str plain = { o->etag, strlen(o->etag) };

	if (a->if_match != NULL) {
		if (!http_etag_match(*a->if_match, etag, false) &&
		    !http_etag_match(*a->if_match, plain, false))
			return 412;
	} else if (a->if_unmodified_since != NULL &&
	    http_parse_date(*a->if_unmodified_since, &date) == 0 && modified > date) {
		return 412;
	}
	if (a->if_none_match != NULL)
		return http_etag_match(*a->if_none_match, etag, true) ? 304 : 0;
	if (a->if_modified_since != NULL &&
	    http_parse_date(*a->if_modified_since, &date) == 0 && modified <= date)
		return 304;
	return 0;
}

/* Is a range asked for, of this very version? */
static bool
ranged(const struct asked *a, const struct object *o, struct http_range *range)
{
	int64_t date;

	if (a->range == NULL || http_parse_range(*a->range, range) == 0)
		return false;
	if (a->if_range == NULL)
		return true;
	if (a->if_range->len > 0 && a->if_range->p[0] == '"')
		return http_etag_match(*a->if_range,
		    (struct h1_str){ o->etag, strlen(o->etag) }, false);
	return http_parse_date(*a->if_range, &date) == 0 &&
	    date == o->mtime_ns / CLK_SECOND;
}

/* Of an archived object the bytes are fetched first. */
static void
reply_bytes(struct httpd_conn *c, struct httpd_reply *reply)
{
	struct exchange *x;
	int err;

	if (!reply->object->stub || c->head_only || reply->end == reply->first) {
		serve_reply(c, reply);
		return;
	}
	x = serve_exchange(c);
	err = x == NULL ? -ENOMEM : archget_reply(&serve_of(c)->archget, c, reply,
	    &x->fetched);
	if (err == 0)
		return;
	object_unref(&reply->object);
	serve_error(c, err);
}

static void
reply_range(struct httpd_conn *c, struct httpd_reply reply,
    struct http_range *range, uint64_t len)
{
	char line[POLICY_CORS + 128];
	const char *cors = gate_cors(c);

	if (!http_fit_range(range, len)) {
		object_unref(&reply.object);
		snprintf(line, sizeof(line), "Content-Range: bytes */%" PRIu64 "\r\n", len);
		reply.head = cors;
		reply.head_len = strlen(cors);
		reply.head2 = line;
		reply.head2_len = strlen(line);
		reply.status = 416;
		reply.from_object = false;
		if (api_of(c) != NULL)
			serve_text(c, 416, line, NULL);
		else
			serve_reply(c, &reply);
		return;
	}
	reply.status = 206;
	reply.first = range->first;
	reply.end = range->last + 1;
	reply.head2_len = (size_t)snprintf(line, sizeof(line),
	    "%.*sContent-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
	    (int)reply.head2_len, reply.head2_len > 0 ? reply.head2 : "", range->first,
	    range->last, len);
	reply.head2 = line;
	reply_bytes(c, &reply);
}

/*
 * RFC 8673: the length is not known, so it is "*", and an open range is given
 * the end that stands for "as long as it lasts" there.  Bytes that are still to
 * come are waited for, and the answer ends where the object ends.
 */
static void
reply_growing_range(struct httpd_conn *c, struct httpd_reply reply,
    const struct http_range *range)
{
	char line[POLICY_CORS + 128];
	uint64_t last = range->last < FOR_EVER ? range->last : FOR_EVER;

	reply.status = 206;
	reply.first = range->first;
	reply.end = last == FOR_EVER ? UINT64_MAX : last + 1;
	reply.head2_len = (size_t)snprintf(line, sizeof(line),
	    "%.*sContent-Range: bytes %" PRIu64 "-%" PRIu64 "/*\r\n",
	    (int)reply.head2_len, reply.head2_len > 0 ? reply.head2 : "",
	    range->first, last);
	reply.head2 = line;
	serve_reply(c, &reply);
}

/* The lines of --cors are the last of an object's; a container may have its own. */
static void
replace_cors(const struct httpd_conn *c, struct httpd_reply *reply)
{
	const struct gate *g = gate_of(c);

	if (g == NULL || !g->has_cors)
		return;
	reply->head_len -= serve_of(c)->store.cors_len;
	reply->head2 = g->cors;
	reply->head2_len = strlen(g->cors);
}

void
serve_object(struct httpd_conn *c, struct object *o, const struct asked *a)
{
	struct httpd_reply reply = {
		.status = 200, .object = o, .head = o->head, .head_len = o->head_len,
	};
	bool growing = object_state(o) == OBJECT_GROWING;
	struct h1_str etag = { o->etag, strlen(o->etag) };
	struct http_range range;
	char gzip_etag[OBJECT_ETAG + 8];
	bool gzip, part = ranged(a, o, &range);
	uint64_t len = object_len(o);

	gzip = o->gzip != NULL && !part && a->accept_encoding != NULL &&
	    http_accepts_gzip(*a->accept_encoding);
	if (gzip) {
		etag.len = (size_t)snprintf(gzip_etag, sizeof(gzip_etag), "%.*s-gzip\"",
		    (int)etag.len - 1, o->etag);
		etag.p = gzip_etag;
		reply.head = o->gzip_head;
		reply.head_len = o->gzip_head_len;
	}
	replace_cors(c, &reply);
	reply.status = conditions(a, o, etag);
	if (reply.status == 412) {		/* not for a cache to keep */
		object_unref(&reply.object);
		serve_error(c, -ESTALE);
		return;
	}
	if (reply.status != 0) {
		serve_reply(c, &reply);
		return;
	}
	reply.status = 200;
	if (growing) {
		reply.from_object = reply.follow = true;
		reply.end = UINT64_MAX;
		/* How long it will be is not known, so neither is a suffix. */
		if (part && range.suffix == 0 && range.first < FOR_EVER)
			reply_growing_range(c, reply, &range);
		else
			serve_reply(c, &reply);
		return;
	}
	if (gzip) {
		reply.mem = o->gzip;
		reply.mem_len = o->gzip_len;
	} else if (o->mem != NULL && !part) {
		reply.mem = o->mem;
		reply.mem_len = len;
	} else {
		reply.from_object = true;
		reply.end = len;
	}
	if (part)
		reply_range(c, reply, &range, len);
	else
		reply_bytes(c, &reply);
}

/* No object can have this name, so it is free. */
static void
reply_time(struct httpd_conn *c)
{
	char text[CLK_ISO + 1], head[512];
	int n = snprintf(head, sizeof(head), "Content-Type: text/plain\r\n"
	    "Cache-Control: no-store\r\n%s", serve_of(c)->cors);

	clk_iso(clk_utc_ns(), text);
	serve_reply(c, &(struct httpd_reply){ .status = 200, .head = head,
	    .head_len = (size_t)n, .mem = text, .mem_len = strlen(text) });
}

void
serve_get(struct httpd_conn *c, const struct h1_request *r)
{
	struct serve *s = serve_of(c);
	char path[HTTP_PATH_MAX];
	struct object *o;
	struct asked asked;
	int err;

	if (h1_is(r->path, SERVE_TIME)) {
		reply_time(c);
		return;
	}
	if (!serve_path(c, r, path))
		return;
	err = store_get(&s->store, path, c->loop->now_ns, &o);
	if (err == 0 && object_state(o) == OBJECT_WHOLE && gate_hides(c, o->mtime_ns)) {
		object_unref(&o);
		serve_error(c, -ENOENT);	/* nor is it waited for: it would be found */
		return;
	}
	look(r, &asked);
	if ((err == 0 || err == -ENOENT) &&
	    live_get(c, r, path, err == 0 ? o : NULL, &asked))
		return;
	if (err < 0)
		serve_error(c, err);
	else
		serve_object(c, o, &asked);
}
