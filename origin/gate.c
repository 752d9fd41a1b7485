#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clk.h"
#include "origin/api.h"
#include "origin/body.h"
#include "origin/cmafput.h"
#include "origin/gate.h"
#include "origin/list.h"
#include "origin/serve.h"

struct gate *
gate_of(const struct httpd_conn *c)
{
	const struct exchange *x = c->listener->kind == SERVE_OBJECTS ? c->user : NULL;

	return x == NULL ? NULL : x->gate;
}

static struct h1_str
value(const struct h1_request *r, const char *name)
{
	const struct h1_str *v = h1_field(r, name);

	return v == NULL ? (struct h1_str){ NULL, 0 } : *v;
}

/* What is before ".DOMAIN", if that is one label. */
static size_t
label_below(struct h1_str host, const char *domain)
{
	const char *colon = host.len == 0 ? NULL : memchr(host.p, ':', host.len);
	size_t len = colon != NULL ? (size_t)(colon - host.p) : host.len;
	size_t below = strlen(domain) + 1;

	if (len <= below || host.p[len - below] != '.' ||
	    strncasecmp(host.p + len - below + 1, domain, below - 1) != 0 ||
	    memchr(host.p, '.', len - below) != NULL)
		return 0;
	return len - below;
}

/* The label before the first dot, of what is no address. */
static size_t
first_label(struct h1_str host)
{
	const char *dot = host.len == 0 ? NULL : memchr(host.p, '.', host.len);
	struct in_addr v4;
	char name[24];
	size_t n;

	if (dot == NULL || host.p[0] == '[')
		return 0;
	for (n = 0; n < host.len && n < sizeof(name) - 1 && host.p[n] != ':'; n++)
		name[n] = host.p[n];
	name[n] = '\0';
	return inet_pton(AF_INET, name, &v4) == 1 ? 0 : (size_t)(dot - host.p);
}

static bool
lists(const struct httpd_conn *c)
{
	const struct api *api = api_of(c);

	return api != NULL && api->lists;
}

/*
 * Find the container; false when it is none's, or when Host can only be of one that
 * is not there: by_host.  A listing is about its folder, not about the path that it
 * is asked by.
 */
static bool
find(struct httpd_conn *c, const struct h1_request *r, struct gate *g)
{
	struct containers *cs = &serve_of(c)->containers;
	const char *domain = serve_of(c)->domain;
	struct h1_str host = value(r, "host");
	char path[HTTP_PATH_MAX];
	size_t len = domain != NULL ? label_below(host, domain) : first_label(host);

	if ((lists(c) ? list_folder(r, path) : http_parse_path(r->path, path)) < 0)
		path[0] = '\0';		/* refused later; the container matters */
	if (len > 0 && containers_find(cs, host.p, len, &g->container, &g->policy)) {
		g->by_host = true;
		memcpy(g->path, path, sizeof(path));
		return true;
	}
	if (len > 0 && domain != NULL) {
		g->by_host = true;
		return false;
	}
	len = strcspn(path, "/");
	if ((path[len] == '\0' && !lists(c)) ||
	    !containers_find(cs, path, len, &g->container, &g->policy))
		return false;
	snprintf(g->path, sizeof(g->path), "%s", path + len + (path[len] != '\0'));
	return true;
}

static const char *
action_of(const struct httpd_conn *c, const struct h1_request *r)
{
	if (lists(c))
		return "ListItems";
	switch (r->method) {
	case H1_GET:
		return "GetObject";
	case H1_HEAD:
		return "DescribeObject";
	case H1_PUT:
	case H1_OTHER:			/* POST, which ingests */
		return "PutObject";
	case H1_DELETE:
		return "DeleteObject";
	default:
		return NULL;
	}
}

/* A folder goes by its name with and without a slash; what denies either denies it. */
static enum iam_verdict
ask_folder(const struct iam *access, const struct iam_request *ask)
{
	enum iam_verdict bare = iam_ask(access, ask), slash;
	struct iam_request other = *ask;
	char path[HTTP_PATH_MAX + 1];

	if (bare == IAM_DENY || ask->path[0] == '\0')
		return bare;
	snprintf(path, sizeof(path), "%s/", ask->path);
	other.path = path;
	slash = iam_ask(access, &other);
	return slash == IAM_SILENT ? bare : slash;
}

/* Who has a token, or a key of this server that is for this. */
static bool
is_known(const struct httpd_conn *c, const struct iam_request *ask)
{
	const struct api *api = api_of(c);
	char path[HTTP_PATH_MAX + CONTAINER_NAME + 2];

	if (ask->who == NULL || api == NULL || !api->verified)
		return ask->who != NULL;
	snprintf(path, sizeof(path), "%s/%s%s", ask->container, ask->path,
	    lists(c) && ask->path[0] != '\0' ? "/" : "");
	return api_allowed(c, KEY_READ, path);
}

/* r, about what is at path below the container of g. */
static struct iam_request
question(struct httpd_conn *c, const struct h1_request *r, const struct gate *g,
    const char *path, char who[static SERVE_WHO])
{
	return (struct iam_request){
		.who = serve_who(c, r, who) ? who : NULL,
		.action = action_of(c, r), .container = g->container->name,
		.path = path, .peer = &c->peer, .referer = value(r, "referer"),
		.agent = value(r, "user-agent"), .secure = c->tls,
		.now_ns = clk_utc_ns(),
	};
}

/*
 * Reading what no statement speaks of is refused, but to who is known; writing is
 * then as the options of this server say.
 */
static bool
may_enter(struct httpd_conn *c, const struct h1_request *r, const struct gate *g,
    enum iam_verdict *verdict)
{
	char who[SERVE_WHO];
	struct iam_request ask = question(c, r, g, g->path, who);
	bool reads = r->method == H1_GET || r->method == H1_HEAD;

	*verdict = IAM_SILENT;
	if (g->policy->access == NULL || ask.action == NULL)
		return true;
	*verdict = lists(c) ? ask_folder(g->policy->access, &ask) :
	    iam_ask(g->policy->access, &ask);
	ask.path = g->path;
	return *verdict == IAM_ALLOW || (*verdict == IAM_SILENT &&
	    (!reads || is_known(c, &ask)));
}

bool
gate_may_list(struct httpd_conn *c, const struct h1_request *r, const char *name)
{
	struct gate g = { .container = NULL };
	enum iam_verdict verdict;
	bool may;

	if (!containers_find(&serve_of(c)->containers, name, strlen(name),
	    &g.container, &g.policy))
		return false;
	may = may_enter(c, r, &g, &verdict);
	container_unref(&g.container);
	policy_unref(&g.policy);
	return may;
}

static void
refuse(struct httpd_conn *c)
{
	serve_named(c, 403, "AccessDeniedException", gate_cors(c),
	    "the policy of the container does not allow it");
}

bool
gate_also(struct httpd_conn *c, const struct h1_request *r, const char *path)
{
	struct gate *g = gate_of(c);
	char who[SERVE_WHO];
	struct iam_request ask;
	enum iam_verdict verdict;

	if (g == NULL || g->policy->access == NULL)
		return true;
	ask = question(c, r, g, path + strlen(g->container->name) + 1, who);
	verdict = iam_ask(g->policy->access, &ask);
	if (verdict == IAM_DENY)
		refuse(c);
	else if (verdict == IAM_SILENT)
		g->verdict = IAM_SILENT;
	return verdict != IAM_DENY;
}

static void
answer_preflight(struct httpd_conn *c, bool allowed, struct gate *g)
{
	if (!allowed) {
		serve_text(c, 403, g->cors, "no CORS rule allows this");
		return;
	}
	httpd_reply(c, &(struct httpd_reply){
		.status = 204, .head = g->cors, .head_len = strlen(g->cors),
	});
}

/* Whether it has been answered, as the question of a browser. */
static bool
look_at_cors(struct httpd_conn *c, const struct h1_request *r, struct gate *g)
{
	struct policy_cors ask = { .origin = value(r, "origin"),
	    .method = r->method_name, .full = r->method == H1_GET ||
	    r->method == H1_HEAD };
	bool allowed;

	if (g->policy->cors == NULL)
		return false;
	g->has_cors = true;
	ask.preflight = r->method == H1_OPTIONS &&
	    h1_field(r, "access-control-request-method") != NULL;
	if (ask.preflight) {
		ask.method = value(r, "access-control-request-method");
		ask.headers = value(r, "access-control-request-headers");
	}
	allowed = policy_cors(g->policy, &ask, g->cors);
	if (ask.preflight)
		answer_preflight(c, allowed, g);
	return ask.preflight;
}

static bool
fits(struct httpd_conn *c, const struct h1_request *r, const struct policy *p)
{
	char path[HTTP_PATH_MAX];
	uint64_t len = body_said_len(r);

	/* What is ingested becomes many objects. */
	if (r->method != H1_PUT || (http_parse_path(r->path, path) == 0 &&
	    gate_path(c, path) == 0 && cmafput_is(&serve_of(c)->cmaf, path, false)))
		return true;
	if (len > p->max_object) {
		serve_named(c, 413, "LimitExceededException", gate_cors(c),
		    "the object is over the limit of its container");
		return false;
	}
	if (len > p->max_bytes) {
		serve_named(c, 507, "LimitExceededException", gate_cors(c),
		    "the container may not hold so much");
		return false;
	}
	return true;
}

static void
answer_no_container(struct httpd_conn *c)
{
	char head[POLICY_CORS + 400];

	snprintf(head, sizeof(head), "%s%s", serve_of(c)->missing, gate_cors(c));
	serve_named(c, 404, "ContainerNotFoundException", head,
	    "there is no such container");
}

bool
gate_enter(struct httpd_conn *c, const struct h1_request *r)
{
	struct exchange *x;
	struct gate found = { .container = NULL }, *g;

	if (atomic_load(&serve_of(c)->containers.count) == 0 &&
	    serve_of(c)->domain == NULL)
		return true;
	if (!find(c, r, &found)) {
		if (found.by_host)
			answer_no_container(c);
		return !found.by_host;
	}
	x = serve_exchange(c);
	g = x == NULL ? NULL : malloc(sizeof(*g));
	if (g == NULL) {
		container_unref(&found.container);
		policy_unref(&found.policy);
		serve_error(c, -ENOMEM);
		return false;
	}
	*g = found;
	x->gate = g;
	g->groups = policy_groups(g->policy, g->path);
	if (look_at_cors(c, r, g))
		return false;
	if (!may_enter(c, r, g, &g->verdict)) {
		refuse(c);
		return false;
	}
	return fits(c, r, g->policy);
}

void
gate_count_in(struct httpd_conn *c)
{
	struct gate *g = gate_of(c);

	if (g == NULL)
		return;
	for (unsigned i = 0; i < GROUP_COUNT; i++)
		if (g->groups & 1u << i)
			atomic_fetch_add_explicit(&g->policy->group[i].count->bytes_in,
			    c->bytes_in - g->counted_in, memory_order_relaxed);
	g->counted_in = c->bytes_in;
}

static void
count(struct counters *n, const struct httpd_conn *c)
{
	int64_t first = c->first_ns > 0 ? c->first_ns - c->start_ns : 0;

	atomic_fetch_add_explicit(&n->requests, 1, memory_order_relaxed);
	if (c->status >= 400 && c->status < 500)
		atomic_fetch_add_explicit(&n->errors_4xx, 1, memory_order_relaxed);
	if (c->status >= 500)
		atomic_fetch_add_explicit(&n->errors_5xx, 1, memory_order_relaxed);
	if (c->status == 503 || c->status == 429)
		atomic_fetch_add_explicit(&n->throttled, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&n->bytes_out, c->bytes_out, memory_order_relaxed);
	atomic_fetch_add_explicit(&n->total_ns, (uint64_t)(c->end_ns - c->start_ns),
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&n->turnaround_ns, (uint64_t)first,
	    memory_order_relaxed);
}

void
gate_leave(struct httpd_conn *c)
{
	struct gate *g = gate_of(c);

	if (g == NULL)
		return;
	gate_count_in(c);
	for (unsigned i = 0; i < GROUP_COUNT; i++)
		if (g->groups & 1u << i)
			count(g->policy->group[i].count, c);
	((struct exchange *)c->user)->gate = NULL;
	container_unref(&g->container);
	policy_unref(&g->policy);
	free(g);
}

bool
gate_allows(const struct httpd_conn *c)
{
	const struct gate *g = gate_of(c);

	return g != NULL && g->verdict == IAM_ALLOW;
}

int
gate_path(const struct httpd_conn *c, char path[static HTTP_PATH_MAX])
{
	const struct gate *g = gate_of(c);
	size_t len = strlen(path), n;

	if (g == NULL || !g->by_host)
		return 0;
	n = strlen(g->container->name) + 1;
	if (n + len >= HTTP_PATH_MAX)
		return -ENAMETOOLONG;
	memmove(path + n, path, len + 1);
	memcpy(path, g->container->name, n - 1);
	path[n - 1] = '/';
	return 0;
}

uint64_t
gate_max_object(const struct httpd_conn *c)
{
	const struct gate *g = gate_of(c);
	uint64_t max = serve_of(c)->max_object;

	return g != NULL && g->policy->max_object < max ? g->policy->max_object : max;
}

bool
gate_limited(const struct httpd_conn *c)
{
	const struct gate *g = gate_of(c);

	return g != NULL && (g->policy->max_object != UINT64_MAX ||
	    g->policy->max_bytes != UINT64_MAX || g->policy->max_objects != UINT64_MAX);
}

bool
gate_hides(struct httpd_conn *c, int64_t birth_ns)
{
	struct gate *g = gate_of(c);

	if (g == NULL || g->policy->nrule == 0)
		return false;
	g->birth_ns = birth_ns;
	return policy_hidden(g->policy, g->path, birth_ns, clk_utc_ns());
}

const char *
gate_cors(const struct httpd_conn *c)
{
	const struct gate *g = gate_of(c);

	return g != NULL && g->has_cors ? g->cors : serve_of(c)->cors;
}
