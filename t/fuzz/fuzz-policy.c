/*
 * A policy document up to a zero byte, then a path that it is asked about: what is
 * parsed can be written, and is then the same; answers are within their bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "origin/iam.c"
#include "origin/match.c"
#define bad policy_bad
#include "origin/policy.c"
#undef bad

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
ask(const struct policy *p, const char *path)
{
	struct sockaddr_storage peer = { .ss_family = AF_INET6 };
	struct h1_str text = { path, strlen(path) };
	struct iam_request r = { .who = "token", .action = "GetObject",
	    .container = "one", .path = path, .peer = &peer, .referer = text,
	    .now_ns = 1 };
	struct policy_cors cors = { .origin = text, .method = { "GET", 3 },
	    .headers = text };
	enum policy_action action = POLICY_EXPIRE;
	char buf[POLICY_CORS];

	must(p->access == NULL || iam_ask(p->access, &r) <= IAM_DENY);
	must(policy_groups(p, path) < 1u << GROUP_COUNT);
	must(policy_due(p, path, 0, false, &action) > 0);
	must(!policy_hidden(p, path, 0, 0));
	for (int i = 0; i < 4; i++) {
		cors.preflight = i & 1;
		cors.full = i & 2;
		policy_cors(p, &cors, buf);
		must(strlen(buf) < sizeof(buf) && strcmp(buf + strlen(buf) - 2, "\r\n") == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *end = memchr(data, '\0', len);
	size_t n = end == NULL ? len : (size_t)(end - (const char *)data);
	char why[IAM_WHY] = "", path[300] = "a/b.ts", *text;
	struct policy *p, *again;

	if (policy_parse((const char *)data, n, &p, why) < 0) {
		must(why[0] != '\0');
		return 0;
	}
	if (n < len)
		snprintf(path, sizeof(path), "%.*s", (int)(len - n - 1 < 299 ? len - n - 1 :
		    299), (const char *)data + n + 1);
	ask(p, path);
	text = json_dumps(p->doc, 0);
	must(text != NULL);
	must(policy_parse(text, strlen(text), &again, why) == 0);
	must(json_equal(p->doc, again->doc) == 1);
	policy_adopt(again, p);
	free(text);
	policy_unref(&p);
	ask(again, path);
	policy_unref(&again);
	return 0;
}
