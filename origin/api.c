#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/clk.h"
#include "origin/api.h"
#include "origin/list.h"

static const struct {
	int status;
	const char *name;
} name_of_status[] = {
	{ 401, "AccessDeniedException" },
	{ 403, "AccessDeniedException" },
	{ 404, "ObjectNotFoundException" },
	{ 405, "MethodNotAllowedException" },
	{ 409, "ConflictException" },
	{ 412, "PreconditionFailedException" },
	{ 416, "RequestedRangeNotSatisfiableException" },
	{ 429, "ThrottlingException" },
	{ 503, "ServiceUnavailableException" },
	{ 507, "InsufficientStorageException" },
};

struct api *
api_of(const struct httpd_conn *c)
{
	const struct exchange *x = c->user;

	return x == NULL ? NULL : x->api;
}

const char *
api_name(int status)
{
	for (size_t i = 0; i < sizeof(name_of_status) / sizeof(name_of_status[0]); i++)
		if (name_of_status[i].status == status)
			return name_of_status[i].name;
	return status < 500 ? "ValidationException" : "InternalServerError";
}

/*
 * How long the request waited here, how old the object's last bytes are, and what
 * time it is: with them one who measures knows when a chunk came and when it went.
 */
static void
put_timing(const struct httpd_conn *c, struct object *o, char *to, size_t size)
{
	int64_t now = clk_mono_ns(), wait = now - c->start_ns;
	int64_t grown = o != NULL ? atomic_load(&o->grown_ns) : 0;
	char utc[CLK_ISO + 1], age[48] = "";

	if (grown > 0)
		snprintf(age, sizeof(age), ", age;dur=%" PRId64 ".%03u",
		    (now - grown) / 1000000, (unsigned)((now - grown) / 1000 % 1000));
	clk_iso(clk_utc_ns(), utc);
	snprintf(to, size, "Server-Timing: wait;dur=%" PRId64 ".%03u%s, "
	    "sent;desc=\"%s\"\r\n", wait / 1000000, (unsigned)(wait / 1000 % 1000),
	    age, utc);
}

void
serve_reply(struct httpd_conn *c, struct httpd_reply *reply)
{
	const struct exchange *x = c->user;
	char head[1024], id[80] = "", timing[128] = "";
	int n;

	if (x == NULL || (x->api == NULL && !x->timing)) {
		httpd_reply(c, reply);
		return;
	}
	if (x->api != NULL)
		snprintf(id, sizeof(id), "x-amzn-RequestId: %s\r\n", x->api->id);
	if (x->timing)
		put_timing(c, reply->object, timing, sizeof(timing));
	n = snprintf(head, sizeof(head), "%s%s%.*s", id, timing,
	    (int)reply->head2_len, reply->head2 != NULL ? reply->head2 : "");
	if (n < (int)sizeof(head)) {
		reply->head2 = head;
		reply->head2_len = (size_t)n;
	}
	httpd_reply(c, reply);
}

static void
reply_error(struct httpd_conn *c, int status, const char *name, const char *more,
    const char *text)
{
	char head[POLICY_CORS + 512], body[512], *message;
	json_t *m = json_string(text != NULL ? text : http_reason(status));
	int n = snprintf(head, sizeof(head), "Content-Type: application/json\r\n"
	    "x-amzn-ErrorType: %s\r\n%s", name, more != NULL ? more : "");
	int len;

	api_of(c)->error = name;
	message = m == NULL ? NULL : json_dumps(m, JSON_ENCODE_ANY);
	len = snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"Message\":%s}\n", name,
	    message != NULL ? message : "\"\"");
	free(message);
	json_decref(m);
	serve_reply(c, &(struct httpd_reply){ .status = status,
	    .head = head, .head_len = n < (int)sizeof(head) ? (size_t)n : 0,
	    .mem = body, .mem_len = len < (int)sizeof(body) ? (size_t)len : 0 });
}

void
api_error(struct httpd_conn *c, int status, const char *name, const char *text)
{
	reply_error(c, status, name != NULL ? name : api_name(status),
	    "Cache-Control: no-store\r\n", text);
}

void
serve_named(struct httpd_conn *c, int status, const char *name, const char *head,
    const char *text)
{
	char lines[POLICY_CORS + 256];

	if (api_of(c) != NULL) {
		reply_error(c, status, name, head, text);
		return;
	}
	snprintf(lines, sizeof(lines), "x-amzn-ErrorType: %s\r\n%s", name,
	    head != NULL ? head : "");
	httpd_reply_text(c, status, lines, text);
}

void
serve_text(struct httpd_conn *c, int status, const char *head, const char *text)
{
	if (api_of(c) == NULL)
		httpd_reply_text(c, status, head, text);
	else
		reply_error(c, status, api_name(status), head, text);
}

bool
api_allowed(const struct httpd_conn *c, unsigned rights, const char *path)
{
	const struct api *api = api_of(c);

	return api != NULL && api->verified && key_allows(&api->key, rights, path);
}

/* ---- a request comes */

static bool
begins(struct h1_str s, const char *with)
{
	size_t len = strlen(with);

	return s.len >= len && h1_is((struct h1_str){ s.p, len }, with);
}

/* Fields that a packager may send without being one of AWS's do not count. */
static bool
is_api(const struct h1_request *r)
{
	static const char *const field[] = {
		"amz-sdk-invocation-id", "amz-sdk-request", "x-amz-checksum-",
		"x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length",
		"x-amz-sdk-checksum-algorithm", "x-amz-security-token", "x-amz-trailer",
		"x-amz-user-agent",
	};

	for (unsigned i = 0; i < r->nfield; i++) {
		if (h1_is(r->field[i].name, "authorization") &&
		    begins(r->field[i].value, "aws4-"))
			return true;
		for (size_t k = 0; k < sizeof(field) / sizeof(field[0]); k++)
			if (begins(r->field[i].name, field[k]))
				return true;
	}
	return r->query.len > 0 && memmem(r->query.p, r->query.len,
	    "X-Amz-Algorithm=", 16) != NULL;
}

/* 122 bits nobody can guess, in the form of a UUID. */
static void
new_id(char id[static API_ID])
{
	uint64_t b[2] = { 0 };

	if (getrandom(b, sizeof(b), GRND_NONBLOCK) != sizeof(b)) {
		static _Atomic uint64_t count;

		b[0] = (uint64_t)clk_utc_ns();
		b[1] = atomic_fetch_add(&count, 1);
	}
	snprintf(id, API_ID, "%08x-%04x-4%03x-%04x-%012" PRIx64,
	    (unsigned)(b[0] >> 32), (unsigned)(b[0] >> 16 & 0xffff),
	    (unsigned)(b[0] & 0xfff), (unsigned)(b[1] >> 48 & 0x3fff) | 0x8000,
	    b[1] & UINT64_C(0xffffffffffff));
}

/* What a signature lacks, told as AWS tells it. */
static bool
refuse(struct httpd_conn *c, int status, const char *name, const char *text)
{
	api_error(c, status, name, text);
	return false;
}

static bool
check_signature(struct httpd_conn *c, const struct h1_request *r, struct api *api)
{
	struct serve *s = serve_of(c);
	struct sigv4_request req = sigv4_received(r);
	int err = sigv4_parse(&api->auth, &req);

	if (err == -ENOENT || (err == 0 && s->keys.file == NULL))
		return true;		/* as anyone else */
	if (err < 0)
		return refuse(c, 403, "IncompleteSignatureException",
		    "this is no whole signature of version 4");
	if (!keys_find(&s->keys, api->auth.id, &api->key))
		return refuse(c, 403, "UnrecognizedClientException",
		    "there is no key with this id");
	if (strcmp(api->auth.scope.service, "mediastore") != 0)
		return refuse(c, 403, "InvalidSignatureException",
		    "the signature is to be for the service mediastore");
	if (s->region != NULL && strcmp(api->auth.scope.region, s->region) != 0)
		return refuse(c, 403, "InvalidSignatureException",
		    "the signature is for another region");
	/* The time only after the secret: who has none learns nothing. */
	if (sigv4_verify(&api->auth, &req, api->key.secret) < 0)
		return refuse(c, 403, "InvalidSignatureException",
		    "the signature does not match");
	if (sigv4_fresh(&api->auth, clk_utc_ns() / CLK_SECOND) < 0)
		return api->auth.presigned ? refuse(c, 403, "AccessDeniedException",
		    "the address has expired") : refuse(c, 403, "RequestTimeTooSkewed",
		    "the clocks differ by too much");
	api->verified = true;
	return true;
}

bool
api_begin(struct httpd_conn *c, const struct h1_request *r)
{
	bool lists = list_asked(serve_of(c), r);
	struct exchange *x;

	if (!lists && !is_api(r))
		return true;
	x = serve_exchange(c);
	if (x != NULL)
		x->api = calloc(1, sizeof(*x->api));
	if (x == NULL || x->api == NULL) {
		httpd_reply_text(c, 503, "Retry-After: 1\r\n", "too much at once");
		return false;
	}
	new_id(x->api->id);
	x->api->lists = lists;
	return check_signature(c, r, x->api);
}
