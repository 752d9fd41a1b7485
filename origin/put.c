/* PUT and DELETE: who may, on what condition, and how it gets to the disk. */
#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "origin/api.h"
#include "origin/body.h"
#include "origin/cmafput.h"
#include "origin/serve.h"

/*
 * Can this Host only be one of our own?  A page from elsewhere can have the name
 * of its site lead to loopback, and its browser would let it write there; such
 * a name has a dot, and is no address.
 */
bool
serve_is_local(struct h1_str host)
{
	const char *colon = memchr(host.p, ':', host.len);
	size_t len = colon != NULL ? (size_t)(colon - host.p) : host.len;
	struct in_addr v4;
	char name[16];

	if (len == 0 || host.p[0] == '[' || memchr(host.p, '.', len) == NULL)
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)len, host.p);
	return len < sizeof(name) && inet_pton(AF_INET, name, &v4) == 1;
}

bool
serve_who(struct httpd_conn *c, const struct h1_request *r,
    char who[static SERVE_WHO])
{
	struct serve *s = serve_of(c);
	const struct h1_str *given = h1_field(r, "authorization");
	const struct api *api = api_of(c);

	if (api != NULL && api->verified) {
		snprintf(who, SERVE_WHO, "%s", api->key.id);
		return true;
	}
	if (given == NULL || !tokens_required(&s->tokens) ||
	    !tokens_match(&s->tokens, *given))
		return false;
	snprintf(who, SERVE_WHO, "token");
	return true;
}

bool
serve_may_write(struct httpd_conn *c, const struct h1_request *r)
{
	struct serve *s = serve_of(c);
	const struct h1_str *given = h1_field(r, "authorization");
	const struct h1_str *host = h1_field(r, "host");
	bool tokens = tokens_required(&s->tokens);

	if (gate_allows(c))
		return true;
	if (!tokens && s->keys.file == NULL) {
		if (c->listener->loopback && (host == NULL || serve_is_local(*host)))
			return true;
		serve_text(c, 403, s->cors, c->listener->loopback ?
		    "without --token-file write to localhost, or to an address" :
		    "without --token-file only loopback may write");
		return false;
	}
	if (tokens && given != NULL && tokens_match(&s->tokens, *given))
		return true;
	if (!tokens || api_of(c) != NULL)
		serve_text(c, 403, s->cors, "the request is not signed by a key "
		    "that may do this");
	else
		serve_text(c, 401, given == NULL ?
		    "WWW-Authenticate: Bearer realm=\"mstore\"\r\n" :
		    "WWW-Authenticate: Bearer realm=\"mstore\", error=\"invalid_token\"\r\n",
		    "writing needs a bearer token");
	return false;
}

static bool
may_write(struct httpd_conn *c, const struct h1_request *r)
{
	char path[HTTP_PATH_MAX];

	if (api_of(c) == NULL || !api_of(c)->verified)
		return serve_may_write(c, r);
	/* What is no path is refused as that, and not for want of a right to it. */
	if (http_parse_path(r->path, path) < 0 || gate_path(c, path) < 0)
		return true;
	/* A key is for paths in the root, whichever way they are asked for. */
	return api_allowed(c, KEY_WRITE, path) || serve_may_write(c, r);
}

static bool
is_temporal(const struct serve *s, const char *path, const struct h1_request *r)
{
	const struct h1_str *class = h1_field(r, "x-amz-storage-class");

	if (class != NULL && h1_is(*class, "temporal"))
		return true;
	for (unsigned i = 0; i < s->ntemporal; i++)
		if (fnmatch(s->temporal[i], path, 0) == 0)
			return true;
	return false;
}

/* What says "some bytes" is no better than what the name says. */
static struct h1_str
media_type(const struct h1_request *r)
{
	const struct h1_str *type = h1_field(r, "content-type");

	if (type == NULL || h1_is(*type, "application/octet-stream") ||
	    h1_is(*type, "application/x-www-form-urlencoded"))
		return (struct h1_str){ "", 0 };
	return *type;
}

static bool
is_visible(const char *path, const struct h1_request *r, bool api)
{
	const struct h1_str *wish = h1_field(r, "x-amz-upload-availability");

	/* MediaStore's clients ask for it; ours have always got it. */
	if (api)
		return wish != NULL && h1_is(*wish, "streaming");
	if (!r->chunked || (wish != NULL && h1_is(*wish, "standard")))
		return false;
	/* Half a playlist is of no use to anyone. */
	return (wish != NULL && h1_is(*wish, "streaming")) ||
	    mime_of(path).kind != MIME_PLAYLIST;
}

/* The conditions of a request to write, or an answer and false. */
static bool
conditions(struct httpd_conn *c, const struct h1_request *r, struct store_if *must)
{
	const struct h1_str *match = h1_field(r, "if-match");
	const struct h1_str *none = h1_field(r, "if-none-match");
	const struct h1_str *since = h1_field(r, "if-unmodified-since");

	*must = (struct store_if){ .only_new = none != NULL };
	if (none != NULL && !h1_is(*none, "*")) {
		serve_text(c, 400, NULL, "to write, If-None-Match can only be *");
		return false;
	}
	if (match != NULL && (match->len == 0 || match->len >= STORE_MATCH)) {
		serve_error(c, -ESTALE);	/* it can match nothing */
		return false;
	}
	if (match != NULL)
		memcpy(must->match, match->p, match->len);
	else if (since != NULL)		/* what is no date does not count */
		must->unmodified = http_parse_date(*since, &must->unmodified_s) == 0;
	return true;
}

static bool
put_wish(struct httpd_conn *c, const struct h1_request *r, const char *path,
    struct put_wish *wish)
{
	const struct h1_str *cache = h1_field(r, "cache-control");

	*wish = (struct put_wish){ .durable = !is_temporal(serve_of(c), path, r) };
	wish->type = media_type(r);
	if (cache != NULL)
		wish->cache_control = *cache;
	if (wish->type.len >= STORE_FIELD || wish->cache_control.len >= STORE_FIELD) {
		serve_text(c, 431, NULL, "a field to keep is too long");
		return false;
	}
	return conditions(c, r, &wish->must);
}

/* Framing by chunks with signatures is not a part of the object. */
static bool
is_plain(const struct h1_request *r)
{
	const struct h1_str *coding = h1_field(r, "content-encoding");

	return coding == NULL || h1_is(*coding, "aws-chunked");
}

/* What a client of the API says of the body, or an answer and false. */
static bool
expect_body(struct httpd_conn *c, const struct h1_request *r)
{
	const struct h1_str *class = h1_field(r, "x-amz-storage-class");
	const struct h1_str *wish = h1_field(r, "x-amz-upload-availability");
	const struct api *api = api_of(c);
	struct exchange *x = c->user;
	int err;

	if ((class != NULL && !h1_is(*class, "temporal")) || (wish != NULL &&
	    !h1_is(*wish, "standard") && !h1_is(*wish, "streaming"))) {
		api_error(c, 400, NULL, "there is no such class or availability");
		return false;
	}
	err = body_new(r, api->verified ? &api->auth : NULL,
	    api->verified ? api->key.secret : NULL, &x->body);
	if (err == -EINVAL)
		api_error(c, 400, NULL, "a field about the body is wrong");
	else if (err < 0)
		serve_error(c, err);
	return err == 0;
}

void
serve_put(struct httpd_conn *c, const struct h1_request *r)
{
	struct serve *s = serve_of(c);
	struct exchange *x;
	struct put_wish wish;
	char path[HTTP_PATH_MAX];
	bool post = r->method != H1_PUT, ingest;
	int err = http_parse_path(r->path, path);

	if (err == 0)
		err = gate_path(c, path);
	ingest = err == 0 && cmafput_is(&s->cmaf, path, post);
	if (post && (!ingest || r->method_name.len != 4 ||
	    memcmp(r->method_name.p, "POST", 4) != 0)) {
		serve_text(c, 405, "Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n",
		    NULL);
		return;
	}
	if (ingest) {
		if (cmafput_may(c, r, path))
			cmafput_begin(c, r, path);
		return;
	}
	if (!may_write(c, r) || !serve_path(c, r, path))
		return;
	/* Its folder may be gone, being empty; the name is the container's all the same. */
	if (containers_exist(&s->containers, path)) {
		serve_error(c, -EISDIR);
		return;
	}
	if (!put_wish(c, r, path, &wish))
		return;
	if (!r->chunked && !r->has_length) {
		serve_text(c, 411, NULL, NULL);
		return;
	}
	if (body_said_len(r) > s->max_object) {
		serve_text(c, 413, NULL, "the object is over the limit");
		return;
	}
	if (r->path.p[r->path.len - 1] == '/' || h1_field(r, "content-range") != NULL ||
	    !is_plain(r)) {
		serve_text(c, 400, NULL, "only whole objects can be put, as they are");
		return;
	}
	if (api_of(c) != NULL && !expect_body(c, r))
		return;
	x = serve_exchange(c);
	err = x == NULL ? -ENOMEM : store_put(&s->store, path, &wish, &x->upload);
	if (err == 0 && is_visible(path, r, x->api != NULL)) {
		err = httpd_can_grow(&s->httpd, x->upload->object);
		if (err == 0)
			store_put_show(x->upload);
	}
	if (err == 0)
		x->upload->limited = gate_limited(c);
	if (err < 0)
		serve_error(c, err);
	else
		httpd_take_body(c);
}

/* False when it was answered. */
static bool
take_piece(struct httpd_conn *c, const char *data, size_t len, bool more)
{
	struct exchange *x = c->user;
	int err;

	if (x->upload->len + len > gate_max_object(c)) {
		serve_text(c, 413, NULL, "the object is over the limit");
		return false;
	}
	if (len == 0 && x->upload->hidden == 0)
		return true;
	err = store_put_data(x->upload, data, len, more);
	if (err < 0) {
		log_warn(-err, "cannot write '%s'", x->upload->path);
		serve_error(c, err);
		return false;
	}
	if (x->upload->shown && x->upload->hidden == 0)
		httpd_grew(c->loop, x->upload->object, more);
	return true;
}

static void
body_error(struct httpd_conn *c, int err)
{
	if (err == -EACCES)
		api_error(c, 403, "InvalidSignatureException",
		    "the signature of a chunk does not match");
	else
		api_error(c, 400, NULL, err == -EBADMSG ?
		    "the body is not framed as aws-chunked" :
		    "the body has another hash, checksum or length than was said");
}

void
serve_body(struct httpd_conn *c, const void *data, size_t len)
{
	struct exchange *x = c->user;
	struct h1_str in = { data, len }, piece;
	bool whole, framed;
	int r;

	if (x->sender != NULL) {
		cmafput_body(c, data, len);
		return;
	}
	if (x->body == NULL) {
		take_piece(c, data, len, httpd_more_soon(c));
		return;
	}
	/* What a signature covers is shown when that was checked. */
	framed = body_framed(x->body);
	while ((r = body_next(x->body, &in, &piece, &whole)) > 0)
		if (!take_piece(c, piece.p, piece.len,
		    framed ? !whole : httpd_more_soon(c)))
			return;
	if (r < 0)
		body_error(c, r);
}

/* ---- what waits for the disk: on the pool, and back to the loop */

struct job {
	struct work_job work;
	struct httpd_msg msg;
	struct httpd_conn *conn;
	struct serve *serve;
	struct upload *upload;		/* or, to delete: */
	bool	 durable, created;
	int	 err;
	char	 path[HTTP_PATH_MAX];
	struct store_if must;
};

static void
reply_put_api(struct httpd_conn *c, const struct object *o)
{
	char head[OBJECT_ETAG + 80], text[OBJECT_ETAG + SIGV4_HEX + 80];
	int n = snprintf(head, sizeof(head), "ETag: %s\r\n"
	    "Content-Type: application/json\r\n", o->etag);
	int len = snprintf(text, sizeof(text), "{\"ContentSHA256\":\"%s\","
	    "\"ETag\":\"%.*s\",\"StorageClass\":\"TEMPORAL\"}\n", api_of(c)->sha256,
	    (int)strlen(o->etag) - 2, o->etag + 1);

	serve_reply(c, &(struct httpd_reply){ .status = 200, .head = head,
	    .head_len = (size_t)n, .mem = text, .mem_len = (size_t)len });
}

static void
reply_put(struct httpd_conn *c, const struct object *o, int err, bool created)
{
	char head[OBJECT_ETAG + 320];
	int n;

	if (err < 0) {
		serve_error(c, err);
		return;
	}
	gate_hides(c, o->mtime_ns);		/* which notes it, for the log */
	if (api_of(c) != NULL) {
		reply_put_api(c, o);
		return;
	}
	n = snprintf(head, sizeof(head), "ETag: %s\r\n" SERVE_LIVE, o->etag);
	serve_reply(c, &(struct httpd_reply){
		.status = created ? 201 : 204, .head = head, .head_len = (size_t)n,
	});
}

/* Readers of the upload have the end, or must not take what they have for it. */
static void
end_readers(struct httpd_loop *l, struct object *o, enum object_state state)
{
	wire_end(o, state);
	httpd_grew(l, o, false);
}

static void
on_finished(struct httpd_loop *l, struct httpd_msg *m)
{
	struct job *job = LINK_OF(m, struct job, msg);
	struct httpd_conn *c = job->conn;
	bool alive = httpd_release(c);

	if (job->upload != NULL && object_state(job->upload->object) == OBJECT_GROWING)
		end_readers(l, job->upload->object,
		    job->err < 0 ? OBJECT_FAILED : OBJECT_WHOLE);
	if (job->err == -ESTALE)
		atomic_fetch_add(&job->serve->conflicts, 1);
	if (alive && job->upload != NULL)
		reply_put(c, job->upload->object, job->err, job->created);
	else if (alive && job->err < 0)
		serve_error(c, job->err);
	else if (alive)
		serve_reply(c, &(struct httpd_reply){ .status = 204 });
	if (job->upload != NULL)
		store_put_free(&job->upload);
	free(job);
}

static void
run_job(struct work_job *w)
{
	struct job *job = (struct job *)w;

	if (job->upload != NULL)
		job->err = store_put_commit(job->upload, &job->created);
	else
		job->err = store_delete(&job->serve->store, job->path, &job->must,
		    job->durable);
	httpd_post(job->conn->loop, &job->msg);
}

static void
start_job(struct httpd_conn *c, struct job *job)
{
	job->work.run = run_job;
	job->msg.run = on_finished;
	job->conn = c;
	job->serve = serve_of(c);
	httpd_hold(c);
	work_add(&job->serve->work, &job->work);
}

void
serve_body_end(struct httpd_conn *c)
{
	struct exchange *x = c->user;
	struct upload *u = x->upload;
	struct job *job;
	int err;

	if (x->sender != NULL) {
		cmafput_end(c);
		return;
	}
	if (x->body != NULL && (err = body_end(x->body, x->api->sha256)) < 0) {
		body_error(c, err);	/* done() gives the upload up */
		return;
	}
	if (u->hidden > 0)
		store_put_data(u, "", 0, false);

	/*
	 * Readers have all of it, and need not wait for the disk; but what a
	 * condition can still refuse was never an object.
	 */
	if (!store_conditional(&u->must) && !u->limited)
		end_readers(c->loop, u->object, OBJECT_WHOLE);
	x->upload = NULL;
	if (u->durable) {
		job = calloc(1, sizeof(*job));
		if (job != NULL) {
			job->upload = u;
			start_job(c, job);
			return;
		}
		end_readers(c->loop, u->object, OBJECT_FAILED);
		serve_error(c, -ENOMEM);
	} else {
		bool created;

		err = store_put_commit(u, &created);
		if (object_state(u->object) == OBJECT_GROWING)
			end_readers(c->loop, u->object,
			    err < 0 ? OBJECT_FAILED : OBJECT_WHOLE);
		reply_put(c, u->object, err, created);
	}
	store_put_free(&u);
}

void
serve_delete(struct httpd_conn *c, const struct h1_request *r)
{
	struct store_if must;
	struct job *job;
	char path[HTTP_PATH_MAX];

	if (!may_write(c, r) || !serve_path(c, r, path) || !conditions(c, r, &must))
		return;
	job = calloc(1, sizeof(*job));
	if (job == NULL) {
		serve_error(c, -ENOMEM);
		return;
	}
	job->must = must;
	memcpy(job->path, path, sizeof(path));
	job->durable = !is_temporal(serve_of(c), path, r);
	start_job(c, job);
}
