/*
 * ctlrule.c - mstore-ctl policy and container: MediaStore's control plane.
 *
 * Spec     AWS MediaStore API 2017-09-01, JSON 1.1: POST / with the operation in
 *          X-Amz-Target.  Access and lifecycle policies are JSON inside a string.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/base/opt.h"
#include "lib/net/place.h"
#include "origin/ctl.h"

#define TARGET		"X-Amz-Target: MediaStore_20170901."
#define ANSWER_MAX	(16 << 20)
#define POLICY_MAX	(1 << 20)

static const struct kind {
	const char *name, *operation, *member;
	bool	 text;			/* JSON inside a string */
} kinds[] = {
	{ "access", "ContainerPolicy", "Policy", true },
	{ "cors", "CorsPolicy", "CorsPolicy", false },
	{ "lifecycle", "LifecyclePolicy", "LifecyclePolicy", true },
	{ "metrics", "MetricPolicy", "MetricPolicy", false },
	{ "limits", "LimitPolicy", "LimitPolicy", false },
};

static struct s3 *
open_admin(const struct ctl *c)
{
	struct s3 *s;

	if (c->admin == NULL || *c->admin == '\0')
		opt_usage(c->help, "where is the server ruled?  Neither --admin nor "
		    "MSTORE_ADMIN");
	s = ctl_open(c, c->admin);
	if (s3_address(s)->s3)
		opt_usage(c->help, "--admin '%s' is not http(s)://", c->admin);
	return s;
}

/* One operation; the answer is the caller's, {} at least. */
static json_t *
call(struct s3 *s, const char *verb, const char *noun, json_t *input, const char *name)
{
	char target[sizeof(TARGET) + 64], what[80];
	char *body = json_dumps(input, JSON_COMPACT);
	struct s3_request q = {
		.method = "POST", .body = body, .limit = ANSWER_MAX, .header = { target,
		    "Content-Type: application/x-amz-json-1.1" },
	};
	struct s3_job *job;
	json_t *out = NULL;

	json_decref(input);
	if (body == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot ask");
	q.body_len = (int64_t)strlen(body);
	snprintf(target, sizeof(target), TARGET "%s%s", verb, noun);
	snprintf(what, sizeof(what), "do %s%s of", verb, noun);
	job = s3_start(s, &q);
	if (job == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot ask");
	if (s3_wait(s, job) < 0)
		fatal(EXIT_RUNTIME, 0, "cannot %s '%s': %s", what, name, job->done ?
		    job->reason : "stopped");
	if (job->http->len > 0)
		out = json_loadb((char *)job->http->data, job->http->len, 0, NULL);
	if (out == NULL && job->http->len > 0)
		fatal(EXIT_RUNTIME, 0, "cannot %s '%s': the answer is not JSON", what, name);
	s3_end(job);
	free(body);
	return out == NULL ? json_object() : out;
}

static void
print(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

/* ---- policies */

static json_t *
read_policy(const struct kind *k, const char *path)
{
	bool pipe = strcmp(path, "-") == 0;
	FILE *f = pipe ? stdin : fopen(path, "re");
	char *text = malloc(POLICY_MAX + 1);
	json_error_t e;
	json_t *j;
	size_t len;

	if (f == NULL || text == NULL)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", path);
	len = fread(text, 1, POLICY_MAX + 1, f);
	if (ferror(f))
		fatal(EXIT_RUNTIME, EIO, "cannot read '%s'", path);
	if (len > POLICY_MAX)
		fatal(EXIT_INPUT, 0, "'%s' is longer than a policy may be", path);
	if (!pipe)
		fclose(f);
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (j == NULL)
		fatal(EXIT_INPUT, 0, "'%s' is not JSON: line %d: %s", path, e.line, e.text);
	if (k->text) {
		json_decref(j);
		j = json_stringn(text, len);
	}
	free(text);
	return j;
}

static void
print_policy(const struct kind *k, json_t *out, const char *name)
{
	json_t *p = json_object_get(out, k->member), *inner = NULL;

	if (p == NULL)
		fatal(EXIT_RUNTIME, 0, "the answer has no %s of '%s'", k->member, name);
	if (k->text && json_is_string(p))
		inner = json_loads(json_string_value(p), 0, NULL);
	print(inner != NULL ? inner : p);
	json_decref(inner);
}

int
ctl_policy(const struct ctl *c, int argc, char *argv[])
{
	const char *verb = argv[0], *name = argv[1];
	const char *kind = argc > 2 ? argv[2] : "access";
	bool put = strcmp(verb, "put") == 0, get = strcmp(verb, "get") == 0;
	const struct kind *k = NULL;
	json_t *in, *out;
	struct s3 *s;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			k = &kinds[i];
	if (k == NULL)
		opt_usage(c->help, "policy: '%s' is none of access, cors, lifecycle, "
		    "metrics, limits", kind);
	if (!put && !get && strcmp(verb, "rm") != 0)
		opt_usage(c->help, "policy: neither put, get nor rm: '%s'", verb);
	if (argc == 4 && !put)
		opt_usage(c->help, "policy: unexpected argument '%s'", argv[3]);
	s = open_admin(c);
	in = json_pack("{ss}", "ContainerName", name);
	if (in == NULL)
		opt_usage(c->help, "policy: the name is not UTF-8");
	if (put)
		json_object_set_new(in, k->member, read_policy(k, argc == 4 ? argv[3] : "-"));
	out = call(s, put ? "Put" : get ? "Get" : "Delete", k->operation, in, name);
	if (get)
		print_policy(k, out, name);
	json_decref(out);
	s3_free(s);
	return EXIT_SUCCESS;
}

/* ---- containers */

static void
list_containers(const struct ctl *c, struct s3 *s)
{
	json_t *in = json_object(), *out, *l, *o;
	const char *next;
	size_t i;

	do {
		out = call(s, "List", "Containers", in, c->admin);
		l = json_object_get(out, "Containers");
		json_array_foreach(l, i, o) {
			const char *name = json_string_value(json_object_get(o, "Name"));

			if (c->json)
				json_dumpf(o, stdout, JSON_COMPACT);
			printf("%s\n", c->json || name == NULL ? "" : name);
		}
		next = json_string_value(json_object_get(out, "NextToken"));
		in = next == NULL ? NULL : json_pack("{ss}", "NextToken", next);
		json_decref(out);
	} while (in != NULL);
}

/* A bucket of S3 is a container too. */
static void
do_bucket(const struct ctl *c, const char *verb, const char *url)
{
	struct s3 *s = ctl_open(c, url);
	const struct s3_address *a = s3_address(s);
	bool create = strcmp(verb, "create") == 0;
	char body[256] = "";
	struct s3_request q = { .method = create ? "PUT" : "DELETE", .body = body };
	struct s3_job *job;

	if (*a->key != '\0' || (!create && strcmp(verb, "rm") != 0))
		opt_usage(c->help, "container: %s cannot be done with '%s'", verb, url);
	if (create && a->amazon && strcmp(a->region, "us-east-1") != 0)
		snprintf(body, sizeof(body), "<CreateBucketConfiguration><LocationConstraint>"
		    "%s</LocationConstraint></CreateBucketConfiguration>", a->region);
	q.body_len = (int64_t)strlen(body);
	if (!create)
		q.body = NULL;
	job = s3_start(s, &q);
	if (job == NULL || s3_wait(s, job) < 0)
		fatal(EXIT_RUNTIME, 0, "cannot %s '%s': %s", verb, url, job == NULL ?
		    strerror(ENOMEM) : job->done ? job->reason : "stopped");
	s3_end(job);
	s3_free(s);
}

int
ctl_container(const struct ctl *c, int argc, char *argv[])
{
	static const struct {
		const char *name, *verb;
	} verbs[] = {
		{ "create", "Create" }, { "rm", "Delete" }, { "stat", "Describe" },
		{ "ls", NULL },
	};
	const char *verb = argv[0], *name = argc > 1 ? argv[1] : NULL, *operation = NULL;
	bool known = false, ls = strcmp(verb, "ls") == 0;
	json_t *in, *out, *o;
	struct s3 *s;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, verb) == 0) {
			known = true;
			operation = verbs[i].verb;
		}
	if (!known)
		opt_usage(c->help, "container: neither create, rm, ls nor stat: '%s'", verb);
	if (ls ? name != NULL : name == NULL)
		opt_usage(c->help, "container: %s %s", verb, ls ? "has no argument" :
		    "needs a name");
	if (!ls && place_kind(name) == PLACE_S3) {
		do_bucket(c, verb, name);
		return EXIT_SUCCESS;
	}
	s = open_admin(c);
	if (ls) {
		list_containers(c, s);
		s3_free(s);
		return EXIT_SUCCESS;
	}
	if ((in = json_pack("{ss}", "ContainerName", name)) == NULL)
		opt_usage(c->help, "container: the name is not UTF-8");
	out = call(s, operation, "Container", in, name);
	if (strcmp(verb, "rm") != 0 && (o = json_object_get(out, "Container")) != NULL &&
	    strcmp(verb, "stat") == 0)
		print(o);
	json_decref(out);
	s3_free(s);
	return EXIT_SUCCESS;
}
