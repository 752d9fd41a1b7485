#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "origin/control.h"
#include "origin/api.h"
#include "origin/body.h"
#include "origin/list.h"
#include "origin/serve.h"

struct exchange *
serve_exchange(struct httpd_conn *c)
{
	if (c->user == NULL)
		c->user = calloc(1, sizeof(struct exchange));
	return c->user;
}

void
serve_error(struct httpd_conn *c, int err)
{
	const char *cors = gate_cors(c);
	char head[POLICY_CORS + 128];

	switch (err) {
	case -ENOENT:
		snprintf(head, sizeof(head), "%s%s", serve_of(c)->missing, cors);
		serve_text(c, 404, head, NULL);
		break;
	case -EINVAL:
		serve_text(c, 400, cors, "no good path");
		break;
	case -EISDIR:
	case -ENOTDIR:
		serve_text(c, 409, cors, "a folder or an object is in the way");
		break;
	case -ENAMETOOLONG:
		serve_text(c, 414, cors, NULL);
		break;
	case -ESTALE:
		serve_text(c, 412, cors, NULL);
		break;
	case -EACCES:
	case -EXDEV:
	case -ELOOP:
		serve_text(c, 403, cors, "this name is not for objects");
		break;
	case -EDQUOT:
		serve_named(c, 507, "LimitExceededException", cors,
		    "the container, or the disk, is full");
		break;
	case -ENOSPC:
	case -EFBIG:
		serve_text(c, 507, cors, NULL);
		break;
	case -EIDRM:
		serve_text(c, 500, cors, "what it was to be kept in was removed");
		break;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		serve_text(c, 503, "Retry-After: 1\r\n", "too much at once");
		break;
	case -EAGAIN:
		snprintf(head, sizeof(head), "Retry-After: 5\r\n%s", cors);
		serve_text(c, 503, head, "the archive does not answer");
		break;
	default:
		log_warn(-err, "cannot serve a request");
		serve_text(c, 500, cors, NULL);
	}
}

bool
serve_path(struct httpd_conn *c, const struct h1_request *r,
    char path[static HTTP_PATH_MAX])
{
	int err = http_parse_path(r->path, path);

	if (err == 0)
		err = gate_path(c, path);
	/* What is hidden is not there, for a reader. */
	if (err == -EACCES && (r->method == H1_GET || r->method == H1_HEAD))
		err = -ENOENT;
	if (err < 0)
		serve_error(c, err);
	return err == 0;
}

/* A browser asks whether a page from elsewhere may ask. */
static void
answer_options(struct httpd_conn *c, const struct h1_request *r)
{
	static const char allow[] = "Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"
	    SERVE_LIVE;
	struct serve *s = serve_of(c);
	char head[768];
	int n;

	if (s->cors_origin == NULL ||
	    h1_field(r, "access-control-request-method") == NULL)
		n = snprintf(head, sizeof(head), "%s", allow);
	else
		n = snprintf(head, sizeof(head), "%s"
		    "Access-Control-Allow-Origin: %s\r\n"
		    "Access-Control-Allow-Methods: GET, HEAD\r\n"
		    "Access-Control-Allow-Headers: Accept, Accept-Encoding, "
		    "Authorization, Cache-Control, CMCD-Object, CMCD-Request, "
		    "CMCD-Session, CMCD-Status, Content-Type, If-Match, "
		    "If-Modified-Since, If-None-Match, If-Range, Prefer, Range, "
		    "X-Server-Timing\r\n"
		    "Access-Control-Max-Age: 86400\r\n"
		    "Cache-Control: public, max-age=86400\r\n"
		    "Vary: Origin, Access-Control-Request-Headers\r\n",
		    allow, s->cors_origin);
	serve_reply(c, &(struct httpd_reply){
		.status = 204, .head = head, .head_len = (size_t)n,
	});
}

static void
on_request(struct httpd_conn *c, const struct h1_request *r)
{
	struct serve *s = serve_of(c);
	struct exchange *x;

	if (c->listener->kind == SERVE_ADMIN) {
		serve_admin(c, r);
		return;
	}
	if (s->logging)
		access_begin(&s->access, c, r);
	if (s->timing && h1_field(r, "x-server-timing") != NULL &&
	    (x = serve_exchange(c)) != NULL)
		x->timing = true;
	if (!api_begin(c, r))
		return;
	if (!gate_enter(c, r))
		return;
	if (api_of(c) != NULL && api_of(c)->lists) {
		serve_list(c, r);
		return;
	}
	switch (r->method) {
	case H1_GET:
	case H1_HEAD:
		serve_get(c, r);
		break;
	case H1_PUT:
	case H1_OTHER:		/* POST, to ingest */
		serve_put(c, r);
		break;
	case H1_DELETE:
		serve_delete(c, r);
		break;
	case H1_OPTIONS:
		answer_options(c, r);
		break;
	}
}

static void
on_done(struct httpd_conn *c, bool clean)
{
	struct serve *s = serve_of(c);
	struct exchange *x = c->user;

	if (s->logging && c->listener->kind == SERVE_OBJECTS)
		access_end(&s->access, c, clean);
	gate_leave(c);
	if (x == NULL)
		return;
	c->user = NULL;
	control_free(&x->control);
	archget_cancel(&x->fetched);
	if (x->sender != NULL)
		cmaf_close(&x->sender, false);
	if (x->held != NULL)
		live_cancel(x->held);
	if (x->upload != NULL) {
		/* Broken off: who reads it must not take that for the end. */
		struct object *o = object_ref(x->upload->object);

		store_put_free(&x->upload);
		wire_end(o, OBJECT_FAILED);
		httpd_grew(c->loop, o, false);
		object_unref(&o);
	}
	body_free(&x->body);
	if (x->api != NULL)
		explicit_bzero(x->api, sizeof(*x->api));
	free(x->api);
	free(x);
}

/* Say once what has become of the root. */
static void
watch_root(struct serve *s)
{
	int err = tree_look(&s->store.tree);

	if (err == s->root_err)
		return;
	s->root_err = err;
	if (err == -EXDEV)
		log_warn(0, "'%s' is another folder now: objects stay in the one that "
		    "was there at the start", s->store.tree.path);
	else if (err < 0)
		log_warn(-err, "nothing can be put: the root '%s'", s->store.tree.path);
}

static void
on_tick(struct httpd_loop *l, bool first, bool last)
{
	struct serve *s = l->server->user;

	(void)last;
	if (l->index == 0) {
		watch_root(s);
		cmaf_tick(&s->cmaf, l);
	}
	if (!first && s->logging)
		access_flush(&s->access, l);
}

static void
on_body(struct httpd_conn *c, const void *data, size_t len)
{
	if (c->listener->kind == SERVE_ADMIN)
		control_body(c, data, len);
	else
		serve_body(c, data, len);
}

static void
on_body_end(struct httpd_conn *c)
{
	if (c->listener->kind == SERVE_ADMIN)
		control_body_end(c);
	else
		serve_body_end(c);
}

const struct httpd_app serve_app = {
	.request = on_request,
	.body = on_body,
	.body_end = on_body_end,
	.done = on_done,
	.tick = on_tick,
};
