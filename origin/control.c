#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "origin/control.h"
#include "origin/serve.h"

#define TARGET	"MediaStore_20170901."
#define ARN	"arn:aws:mediastore:us-east-1:000000000000:container/"

struct control {
	struct work_job work;
	struct httpd_msg msg;
	struct httpd_conn *conn;
	struct serve *serve;
	char	 operation[64];
	char	*body;
	size_t	 len;
	json_t	*in, *out;
	const char *error;		/* a name, or NULL */
	char	 why[IAM_WHY + 64];
};

/* ---- operations: on the pool.  They set k->out, or an error. */

static void
fail(struct control *k, const char *error, const char *why)
{
	k->error = error;
	snprintf(k->why, sizeof(k->why), "%s", why);
}

static void
fail_errno(struct control *k, int err, const char *why)
{
	switch (err) {
	case -ENOENT:
		fail(k, "ContainerNotFoundException", "there is no such container");
		break;
	case -EEXIST:
		fail(k, "ContainerInUseException", "there is such a container already");
		break;
	case -ENOTDIR:
		fail(k, "ContainerInUseException", "an object has this name");
		break;
	case -ENOTEMPTY:
		fail(k, "ContainerInUseException", "the container is not empty");
		break;
	case -E2BIG:
		fail(k, "LimitExceededException", "there are as many containers as can be");
		break;
	case -EINVAL:
		fail(k, "ValidationException", why);
		break;
	default:
		log_warn(-err, "cannot carry out '%s'", k->operation);
		fail(k, "InternalServerError", strerror(-err));
	}
}

/* The name of the container, or NULL and an error. */
static const char *
name_of(struct control *k)
{
	const char *name = json_string_value(json_object_get(k->in, "ContainerName"));

	if (name == NULL || !container_good_name(name, strlen(name))) {
		fail(k, "ValidationException", "ContainerName is missing, or is not of "
		    "1 to 127 letters, digits, _ and -");
		return NULL;
	}
	return name;
}

/* Its document, borrowed from *p, or NULL and an error. */
static json_t *
doc_of(struct control *k, const char *name, struct policy **p)
{
	struct container *c;

	if (!containers_find(&k->serve->containers, name, strlen(name), &c, p)) {
		fail_errno(k, -ENOENT, NULL);
		return NULL;
	}
	container_unref(&c);
	return (*p)->doc;
}

static json_t *
describe(struct control *k, const char *name)
{
	struct serve *s = k->serve;
	struct policy *p;
	struct container *c;
	json_t *out;
	char arn[256], endpoint[256];

	if (!containers_find(&s->containers, name, strlen(name), &c, &p))
		return NULL;
	snprintf(arn, sizeof(arn), ARN "%s", name);
	snprintf(endpoint, sizeof(endpoint), "http://%s/%s", s->httpd.listener[0].name,
	    name);
	out = json_pack("{s:s, s:I, s:s, s:s, s:s, s:b, s:I, s:I}", "ARN", arn,
	    "CreationTime",
	    json_integer_value(json_object_get(p->doc, "CreationTime")),
	    "Endpoint", endpoint, "Name", name, "Status", "ACTIVE",
	    "AccessLoggingEnabled", (int)(s->logging && !p->logs_not),
	    "SizeBytes", (json_int_t)atomic_load(&c->bytes),
	    "ObjectCount", (json_int_t)atomic_load(&c->objects));
	container_unref(&c);
	policy_unref(&p);
	return out;
}

/* [{"Key": k, "Value": v}] to the object of a document; NULL when it is none. */
static json_t *
tags_in(json_t *list, json_t *tags)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) {
		const char *key = json_string_value(json_object_get(v, "Key"));
		const char *value = json_string_value(json_object_get(v, "Value"));

		if (key == NULL || *key == '\0' || strlen(key) > 128 ||
		    (value != NULL && strlen(value) > 256) ||
		    json_object_set_new(tags, key, json_string(value != NULL ? value : "")) < 0) {
			json_decref(tags);
			return NULL;
		}
	}
	return tags;
}

static void
create(struct control *k)
{
	const char *name = name_of(k);
	json_t *list = json_object_get(k->in, "Tags"), *tags = NULL;
	int err;

	if (name == NULL)
		return;
	if (list != NULL && (tags = tags_in(list, json_object())) == NULL) {
		fail(k, "ValidationException", "Tags are no list of Key and Value");
		return;
	}
	err = containers_create(&k->serve->containers, name, tags);
	if (err < 0)
		fail_errno(k, err, "the container cannot be made");
	else
		k->out = json_pack("{s:o}", "Container", describe(k, name));
}

static void
delete(struct control *k)
{
	const char *name = name_of(k);
	int err = name == NULL ? 0 : containers_delete(&k->serve->containers, name);

	if (err < 0)
		fail_errno(k, err, "");
}

static void
describe_one(struct control *k)
{
	const char *name = name_of(k);
	json_t *v;

	if (name == NULL)
		return;
	v = describe(k, name);
	if (v == NULL)
		fail_errno(k, -ENOENT, NULL);
	else
		k->out = json_pack("{s:o}", "Container", v);
}

static void
list(struct control *k)
{
	json_t *max = json_object_get(k->in, "MaxResults");
	const char *token = json_string_value(json_object_get(k->in, "NextToken"));
	json_int_t left = max == NULL ? 100 : json_integer_value(max);
	json_t *all = json_array(), *v;
	char name[CONTAINER_NAME] = "", next[CONTAINER_NAME];

	if (left < 1 || left > 100 || (token != NULL &&
	    !container_good_name(token, strlen(token)))) {
		json_decref(all);
		fail(k, "ValidationException", "MaxResults is 1 to 100, and NextToken what "
		    "was given");
		return;
	}
	snprintf(name, sizeof(name), "%s", token != NULL ? token : "");
	while (left-- > 0 && containers_next(&k->serve->containers, name, name) == 0)
		if ((v = describe(k, name)) != NULL)
			json_array_append_new(all, v);
	k->out = json_pack("{s:o}", "Containers", all);
	if (containers_next(&k->serve->containers, name, next) == 0 && name[0] != '\0')
		json_object_set_new(k->out, "NextToken", json_string(name));
}

/* The parts of a document that are put, got and deleted. */
static const struct part {
	const char *operation;		/* after Put, Get and Delete */
	const char *member;		/* of requests and answers */
	const char *key;		/* of the document */
	const char *missing;
	bool	 text;			/* a text that is JSON */
} parts[] = {
	{ "ContainerPolicy", "Policy", "Policy", "PolicyNotFoundException", true },
	{ "CorsPolicy", "CorsPolicy", "CorsPolicy", "CorsPolicyNotFoundException",
	    false },
	{ "LifecyclePolicy", "LifecyclePolicy", "LifecyclePolicy",
	    "PolicyNotFoundException", true },
	{ "LimitPolicy", "LimitPolicy", "Limits", "PolicyNotFoundException", false },
	{ "MetricPolicy", "MetricPolicy", "MetricPolicy", "PolicyNotFoundException",
	    false },
};

static void
set(struct control *k, const char *name, const char *key, json_t *value)
{
	char why[IAM_WHY];
	int err = containers_set(&k->serve->containers, name, key, value, why);

	if (err < 0)
		fail_errno(k, err, why);
}

static void
put_part(struct control *k, const struct part *part)
{
	const char *name = name_of(k);
	json_t *v = json_object_get(k->in, part->member);
	json_error_t e;

	if (name == NULL)
		return;
	if (v == NULL) {
		fail(k, "ValidationException", "the policy is missing");
	} else if (part->text) {
		v = json_is_string(v) ? json_loads(json_string_value(v),
		    JSON_REJECT_DUPLICATES, &e) : NULL;
		if (v == NULL)
			fail(k, "ValidationException", "the policy is no text in JSON");
		else
			set(k, name, part->key, v);
	} else {
		set(k, name, part->key, json_incref(v));
	}
}

static void
get_part(struct control *k, const struct part *part)
{
	const char *name = name_of(k);
	struct policy *p;
	json_t *doc = name == NULL ? NULL : doc_of(k, name, &p), *v;
	char *text = NULL;

	if (doc == NULL)
		return;
	v = json_object_get(doc, part->key);
	if (v == NULL)
		fail(k, part->missing, "the container has no such policy");
	else if (part->text && (text = json_dumps(v, JSON_INDENT(2))) == NULL)
		fail_errno(k, -ENOMEM, NULL);
	else
		k->out = part->text ? json_pack("{s:s}", part->member, text) :
		    json_pack("{s:O}", part->member, v);
	free(text);
	policy_unref(&p);
}

static void
delete_part(struct control *k, const struct part *part)
{
	const char *name = name_of(k);
	struct policy *p;
	json_t *doc = name == NULL ? NULL : doc_of(k, name, &p);
	bool there;

	if (doc == NULL)
		return;
	there = json_object_get(doc, part->key) != NULL;
	policy_unref(&p);
	if (there)
		set(k, name, part->key, NULL);
	else
		fail(k, part->missing, "the container has no such policy");
}

static void
set_logging(struct control *k, bool on)
{
	const char *name = name_of(k);

	if (name == NULL)
		return;
	/* The log is of the server: to say yes here would promise one. */
	if (on && !k->serve->logging)
		fail(k, "ValidationException", "mstore-serve has no --access-log to write to");
	else
		set(k, name, "AccessLoggingEnabled", json_boolean(on));
}

/* Tags: of the container that an ARN names. */
static void
tag(struct control *k, int what)
{
	const char *arn = json_string_value(json_object_get(k->in, "Resource"));
	const char *name = arn == NULL ? NULL : strstr(arn, ":container/");
	json_t *tags, *v, *list_out;
	struct policy *p;
	const char *key;
	size_t i;

	if (name == NULL) {
		fail(k, "ValidationException", "Resource is not the ARN of a container");
		return;
	}
	name += strlen(":container/");
	if ((v = doc_of(k, name, &p)) == NULL)
		return;
	tags = json_deep_copy(json_object_get(v, "Tags"));
	if (tags == NULL)
		tags = json_object();
	policy_unref(&p);
	if (what == 'T') {
		tags = tags_in(json_object_get(k->in, "Tags"), tags);
		if (tags == NULL)
			fail(k, "ValidationException", "Tags are no list of Key and Value");
	} else if (what == 'U') {
		json_array_foreach(json_object_get(k->in, "TagKeys"), i, v)
			if (json_is_string(v))
				json_object_del(tags, json_string_value(v));
	} else {
		list_out = json_array();
		json_object_foreach(tags, key, v)
			json_array_append_new(list_out, json_pack("{s:s, s:O}", "Key", key,
			    "Value", v));
		k->out = json_pack("{s:o}", "Tags", list_out);
		json_decref(tags);
		return;
	}
	if (tags != NULL)
		set(k, name, "Tags", tags);
}

static void
carry_out(struct control *k)
{
	const char *op = k->operation;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strncmp(op, "Put", 3) == 0 && strcmp(op + 3, parts[i].operation) == 0) {
			put_part(k, &parts[i]);
			return;
		}
		if (strncmp(op, "Get", 3) == 0 && strcmp(op + 3, parts[i].operation) == 0) {
			get_part(k, &parts[i]);
			return;
		}
		if (strncmp(op, "Delete", 6) == 0 &&
		    strcmp(op + 6, parts[i].operation) == 0) {
			delete_part(k, &parts[i]);
			return;
		}
	}
	if (strcmp(op, "CreateContainer") == 0)
		create(k);
	else if (strcmp(op, "DeleteContainer") == 0)
		delete(k);
	else if (strcmp(op, "DescribeContainer") == 0)
		describe_one(k);
	else if (strcmp(op, "ListContainers") == 0)
		list(k);
	else if (strcmp(op, "ListTagsForResource") == 0)
		tag(k, 'L');
	else if (strcmp(op, "StartAccessLogging") == 0)
		set_logging(k, true);
	else if (strcmp(op, "StopAccessLogging") == 0)
		set_logging(k, false);
	else if (strcmp(op, "TagResource") == 0)
		tag(k, 'T');
	else if (strcmp(op, "UntagResource") == 0)
		tag(k, 'U');
	else
		fail(k, "UnknownOperationException", "there is no such operation");
}

/* ---- the exchange */

static void
reply(struct httpd_conn *c, const char *error, const char *why, json_t *out)
{
	int status = error == NULL ? 200 : strcmp(error, "InternalServerError") == 0 ?
	    500 : strcmp(error, "AccessDeniedException") == 0 ? 403 : 400;
	json_t *v = error == NULL ? (out != NULL ? json_incref(out) : json_object()) :
	    json_pack("{s:s, s:s}", "__type", error, "message", why);
	char *text = v == NULL ? NULL : json_dumps(v, JSON_COMPACT);
	char head[256];
	int n;

	json_decref(v);
	if (text == NULL) {
		serve_error(c, -ENOMEM);
		return;
	}
	n = snprintf(head, sizeof(head), "Content-Type: application/x-amz-json-1.1\r\n"
	    "Cache-Control: no-store\r\n%s%s%s", error != NULL ? "x-amzn-ErrorType: " : "",
	    error != NULL ? error : "", error != NULL ? "\r\n" : "");
	httpd_reply(c, &(struct httpd_reply){
		.status = status, .head = head, .head_len = (size_t)n,
		.mem = text, .mem_len = strlen(text),
	});
	free(text);
}

void
control_free(struct control **at)
{
	struct control *k = *at;

	*at = NULL;
	if (k == NULL)
		return;
	json_decref(k->in);
	json_decref(k->out);
	free(k->body);
	free(k);
}

static void
on_done(struct httpd_loop *l, struct httpd_msg *m)
{
	struct control *k = LINK_OF(m, struct control, msg);
	struct httpd_conn *c = k->conn;

	(void)l;
	if (httpd_release(c))
		reply(c, k->error, k->why, k->out);
	control_free(&k);
}

static void
run(struct work_job *w)
{
	struct control *k = (struct control *)w;
	json_error_t e;

	k->in = json_loadb(k->len > 0 ? k->body : "{}", k->len > 0 ? k->len : 2,
	    JSON_REJECT_DUPLICATES, &e);
	if (!json_is_object(k->in))
		fail(k, "SerializationException", "the body is no JSON object");
	else
		carry_out(k);
	httpd_post(k->conn->loop, &k->msg);
}

bool
control_is(const struct h1_request *r)
{
	return r->method == H1_OTHER && r->method_name.len == 4 &&
	    memcmp(r->method_name.p, "POST", 4) == 0 && h1_is(r->path, "/");
}

/*
 * The listener is for those who run the server: who is on this machine and means
 * it (a page cannot send the field that names the operation, unless its name leads
 * here), or has a token.
 */
static bool
may_control(struct httpd_conn *c, const struct h1_request *r)
{
	const struct h1_str *host = h1_field(r, "host");
	char who[SERVE_WHO];

	return (c->listener->loopback && (host == NULL || serve_is_local(*host))) ||
	    serve_who(c, r, who);
}

void
control_request(struct httpd_conn *c, const struct h1_request *r)
{
	const struct h1_str *target = h1_field(r, "x-amz-target");
	size_t skip = sizeof(TARGET) - 1;
	struct exchange *x;

	if (!may_control(c, r)) {
		reply(c, "AccessDeniedException", "from elsewhere, this needs a token", NULL);
		return;
	}
	if (target == NULL || target->len <= skip || target->len - skip >= 64 ||
	    memcmp(target->p, TARGET, skip) != 0) {
		reply(c, "UnknownOperationException", "X-Amz-Target is not "
		    TARGET "Operation", NULL);
		return;
	}
	if (r->content_length > CONTROL_BODY) {
		reply(c, "ValidationException", "the request is too long", NULL);
		return;
	}
	x = serve_exchange(c);
	if (x == NULL || (x->control = calloc(1, sizeof(*x->control))) == NULL) {
		serve_error(c, -ENOMEM);
		return;
	}
	memcpy(x->control->operation, target->p + skip, target->len - skip);
	httpd_take_body(c);
}

void
control_body(struct httpd_conn *c, const void *data, size_t len)
{
	struct control *k = ((struct exchange *)c->user)->control;
	char *p = k->len + len > CONTROL_BODY ? NULL : realloc(k->body, k->len + len);

	if (p == NULL) {
		reply(c, "ValidationException", "the request is too long", NULL);
		return;
	}
	memcpy(p + k->len, data, len);
	k->body = p;
	k->len += len;
}

void
control_body_end(struct httpd_conn *c)
{
	struct exchange *x = c->user;
	struct control *k = x->control;

	x->control = NULL;
	k->work.run = run;
	k->msg.run = on_done;
	k->conn = c;
	k->serve = serve_of(c);
	httpd_hold(c);
	work_add(&k->serve->work, &k->work);
}
