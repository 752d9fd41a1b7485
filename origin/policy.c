#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "origin/match.h"
#include "origin/policy.h"

#define DAY		(INT64_C(86400) * CLK_SECOND)
#define CORS_RULES	100

static int
bad(char why[static IAM_WHY], const char *what, const char *name)
{
	snprintf(why, IAM_WHY, "%s '%.100s'", what, name);
	return -EINVAL;
}

/* ---- lifecycle */

static const char *
plain(const char *path)
{
	return *path == '/' ? path + 1 : path;
}

static int
parse_paths(json_t *list, struct rule *r, char why[static IAM_WHY])
{
	size_t n = json_array_size(list);

	if (n == 0 || n > POLICY_PATHS)
		return bad(why, "no path, or too many, in", "path");
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		const char *wildcard = json_string_value(json_object_get(v, "wildcard"));
		const char *prefix = json_string_value(json_object_get(v, "prefix"));

		if ((wildcard == NULL) == (prefix == NULL) || json_object_size(v) != 1)
			return bad(why, "neither a wildcard nor a prefix in", "path");
		r->path[r->npath] = plain(wildcard != NULL ? wildcard : prefix);
		r->wildcard[r->npath++] = wildcard != NULL;
	}
	return 0;
}

/* [{"numeric": [">", n]}] */
static int
parse_age(json_t *list, int64_t most, const char *name, int64_t *n, bool *more,
    char why[static IAM_WHY])
{
	json_t *pair = json_object_get(json_array_get(list, 0), "numeric");
	const char *op = json_string_value(json_array_get(pair, 0));
	const json_t *v = json_array_get(pair, 1);

	if (json_array_size(list) != 1 || json_array_size(pair) != 2 || op == NULL ||
	    (strcmp(op, ">") != 0 && strcmp(op, ">=") != 0) || !json_is_integer(v))
		return bad(why, "not [{\"numeric\": [\">\", number]}]:", name);
	*n = json_integer_value(v);
	*more = op[1] == '\0';
	return *n < 1 || *n > most ? bad(why, "out of its range:", name) : 0;
}

static int
parse_rule(json_t *v, struct rule *r, char why[static IAM_WHY])
{
	json_t *def = json_object_get(v, "definition");
	const char *action = json_string_value(json_object_get(v, "action"));
	json_t *s = json_object_get(def, "seconds_since_create");
	json_t *d = json_object_get(def, "days_since_create");
	int64_t n = 0;
	bool more = false;
	int err;

	if (def == NULL || json_object_size(def) != 2 || (s == NULL) == (d == NULL) ||
	    json_object_size(v) != 2)
		return bad(why, "a rule is a definition of path and either "
		    "seconds_since_create or days_since_create, and an", "action");
	if (action == NULL || (strcmp(action, "EXPIRE") != 0 &&
	    strcmp(action, "ARCHIVE") != 0))
		return bad(why, "neither EXPIRE nor ARCHIVE:", "action");
	r->action = action[0] == 'E' ? POLICY_EXPIRE : POLICY_ARCHIVE;
	err = parse_paths(json_object_get(def, "path"), r, why);
	if (err == 0)
		err = s != NULL ? parse_age(s, 300, "seconds_since_create", &n, &more, why) :
		    parse_age(d, 36500, "days_since_create", &n, &more, why);
	if (err < 0)
		return err;
	r->age_ns = s != NULL ? n * CLK_SECOND : n * DAY + (more ? CLK_SECOND : 0);
	r->hides = s != NULL && r->action == POLICY_EXPIRE;
	return 0;
}

static int
parse_lifecycle(json_t *v, struct policy *p, char why[static IAM_WHY])
{
	json_t *rules = json_object_get(v, "rules");
	int err = 0;

	if (json_array_size(rules) == 0 || json_array_size(rules) > POLICY_RULES)
		return bad(why, "no rules, or too many, in", "LifecyclePolicy");
	while (err == 0 && p->nrule < json_array_size(rules)) {
		unsigned i = p->nrule++;

		err = parse_rule(json_array_get(rules, i), &p->rule[i], why);
	}
	return err;
}

/* ---- the rest */

static bool
is_texts(json_t *list, size_t most)
{
	size_t len = 0, i;
	json_t *v;

	if (!json_is_array(list) || json_array_size(list) > 100)
		return false;
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);

		if (s == NULL || *s == '\0')
			return false;
		for (; *s != '\0'; s++, len++)
			if (*s <= ' ' || *s >= 0x7f || *s == ',')
				return false;
		len += 2;
	}
	return len < most;
}

static int
parse_cors(json_t *rules, struct policy *p, char why[static IAM_WHY])
{
	size_t i;
	json_t *v;

	if (json_array_size(rules) == 0 || json_array_size(rules) > CORS_RULES)
		return bad(why, "no rules, or too many, in", "CorsPolicy");
	json_array_foreach(rules, i, v) {
		json_t *age = json_object_get(v, "MaxAgeSeconds"), *list;
		json_t *methods = json_object_get(v, "AllowedMethods");
		const char *key;

		if (!is_texts(json_object_get(v, "AllowedOrigins"), 20000) ||
		    json_array_size(json_object_get(v, "AllowedOrigins")) == 0)
			return bad(why, "no good list of texts:", "AllowedOrigins");
		if (methods != NULL && !is_texts(methods, POLICY_CORS_TEXT))
			return bad(why, "no good list of texts:", "AllowedMethods");
		json_object_foreach(v, key, list) {
			if (strcmp(key, "AllowedHeaders") == 0 ||
			    strcmp(key, "ExposeHeaders") == 0) {
				if (!is_texts(list, POLICY_CORS_TEXT))
					return bad(why, "no good list of texts:", key);
			} else if (strcmp(key, "AllowedOrigins") != 0 &&
			    strcmp(key, "AllowedMethods") != 0 &&
			    strcmp(key, "MaxAgeSeconds") != 0) {
				return bad(why, "unknown element", key);
			}
		}
		if (age != NULL && (!json_is_integer(age) || json_integer_value(age) < 0 ||
		    json_integer_value(age) > INT32_MAX))
			return bad(why, "no number of seconds:", "MaxAgeSeconds");
	}
	p->cors = rules;
	return 0;
}

static struct counters *
new_counters(void)
{
	struct counters *c = calloc(1, sizeof(*c));

	if (c != NULL)
		atomic_init(&c->refs, 1);
	return c;
}

/* It becomes part of a label of metrics. */
static bool
is_group_name(const char *s)
{
	size_t len = s == NULL ? 0 : strlen(s);

	return len > 0 && len <= 30 && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

static int
parse_metrics(json_t *v, struct policy *p, char why[static IAM_WHY])
{
	const char *level = json_string_value(json_object_get(v, "ContainerLevelMetrics"));
	json_t *rules = json_object_get(v, "MetricPolicyRules"), *r;
	size_t i;

	if (level == NULL || (strcmp(level, "ENABLED") != 0 &&
	    strcmp(level, "DISABLED") != 0))
		return bad(why, "neither ENABLED nor DISABLED:", "ContainerLevelMetrics");
	if ((rules != NULL && !json_is_array(rules)) ||
	    json_array_size(rules) > POLICY_GROUPS)
		return bad(why, "too many, or no list:", "MetricPolicyRules");
	json_array_foreach(rules, i, r) {
		struct group *g = &p->group[i];

		g->name = json_string_value(json_object_get(r, "ObjectGroupName"));
		g->pattern = json_string_value(json_object_get(r, "ObjectGroup"));
		if (!is_group_name(g->name) || g->pattern == NULL ||
		    g->pattern[0] == '\0')
			return bad(why, "a rule is an ObjectGroup, a path with wildcards, and "
			    "a name of up to 30 letters, digits and _:", "ObjectGroupName");
		g->pattern = plain(g->pattern);
		for (size_t k = 0; k < i; k++)
			if (strcmp(p->group[k].name, g->name) == 0)
				return bad(why, "twice the name", g->name);
		if ((g->count = new_counters()) == NULL)
			return -ENOMEM;
	}
	p->metrics = level[0] == 'E';
	if (p->metrics && (p->group[GROUP_ALL].count = new_counters()) == NULL)
		return -ENOMEM;
	return 0;
}

static int
parse_limits(json_t *v, struct policy *p, char why[static IAM_WHY])
{
	const char *key;
	json_t *n;

	if (!json_is_object(v))
		return bad(why, "not an object:", "Limits");
	json_object_foreach(v, key, n) {
		uint64_t *to = strcmp(key, "MaxObjectSize") == 0 ? &p->max_object :
		    strcmp(key, "MaxBytes") == 0 ? &p->max_bytes :
		    strcmp(key, "MaxObjects") == 0 ? &p->max_objects : NULL;

		if (to == NULL)
			return bad(why, "unknown limit", key);
		if (!json_is_integer(n) || json_integer_value(n) < 0)
			return bad(why, "not a number of 0 or more:", key);
		*to = (uint64_t)json_integer_value(n);
	}
	return 0;
}

static int
parse_member(struct policy *p, const char *key, json_t *v, char why[static IAM_WHY])
{
	if (strcmp(key, "Policy") == 0)
		return iam_parse(v, &p->access, why);
	if (strcmp(key, "CorsPolicy") == 0)
		return parse_cors(v, p, why);
	if (strcmp(key, "LifecyclePolicy") == 0)
		return parse_lifecycle(v, p, why);
	if (strcmp(key, "MetricPolicy") == 0)
		return parse_metrics(v, p, why);
	if (strcmp(key, "Limits") == 0)
		return parse_limits(v, p, why);
	if (strcmp(key, "AccessLoggingEnabled") == 0) {
		if (!json_is_boolean(v))
			return bad(why, "neither true nor false:", key);
		p->logs_not = !json_is_true(v);
		return 0;
	}
	if (strcmp(key, "CreationTime") == 0)
		return json_is_integer(v) ? 0 : bad(why, "not a number:", key);
	if (strcmp(key, "Tags") == 0)
		return json_is_object(v) && json_object_size(v) <= 50 ? 0 :
		    bad(why, "not an object of texts, or too many:", key);
	return bad(why, "unknown element", key);
}

int
policy_of(json_t *doc, struct policy **out, char why[static IAM_WHY])
{
	struct policy *p = calloc(1, sizeof(*p));
	const char *key;
	json_t *v;
	int err = 0;

	why[0] = '\0';
	if (p == NULL) {
		json_decref(doc);
		return -ENOMEM;
	}
	atomic_init(&p->refs, 1);
	p->doc = doc;
	p->max_object = p->max_bytes = p->max_objects = UINT64_MAX;
	if (!json_is_object(doc))
		err = bad(why, "not an object:", "the whole");
	json_object_foreach(doc, key, v)
		if (err == 0)
			err = parse_member(p, key, v, why);
	if (err < 0)
		policy_unref(&p);
	else
		*out = p;
	return err;
}

int
policy_parse(const char *text, size_t len, struct policy **out,
    char why[static IAM_WHY])
{
	json_error_t e;
	json_t *doc = len > POLICY_TEXT_MAX ? NULL : json_loadb(text, len,
	    JSON_REJECT_DUPLICATES, &e);

	if (len > POLICY_TEXT_MAX)
		return bad(why, "too long:", "the whole");
	if (doc == NULL) {
		snprintf(why, IAM_WHY, "line %d: %.150s", e.line, e.text);
		return -EINVAL;
	}
	return policy_of(doc, out, why);
}

struct policy *
policy_ref(struct policy *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

static void
unref_counters(struct counters **at)
{
	struct counters *c = *at;

	*at = NULL;
	if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1)
		free(c);
}

void
policy_unref(struct policy **at)
{
	struct policy *p = *at;

	*at = NULL;
	if (p == NULL || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	for (int i = 0; i < GROUP_COUNT; i++)
		unref_counters(&p->group[i].count);
	iam_free(p->access);
	json_decref(p->doc);
	free(p);
}

void
policy_adopt(struct policy *p, const struct policy *old)
{
	for (int i = 0; i < GROUP_COUNT; i++)
		for (int k = 0; k < GROUP_COUNT; k++) {
			const struct group *g = &p->group[i], *was = &old->group[k];

			if (g->count == NULL || was->count == NULL ||
			    (i == GROUP_ALL) != (k == GROUP_ALL) ||
			    (i != GROUP_ALL && strcmp(g->name, was->name) != 0))
				continue;
			unref_counters(&p->group[i].count);
			atomic_fetch_add(&was->count->refs, 1);
			p->group[i].count = was->count;
		}
}

unsigned
policy_groups(const struct policy *p, const char *path)
{
	unsigned bits = p->metrics ? 1u << GROUP_ALL : 0;

	for (unsigned i = 0; i < POLICY_GROUPS; i++)
		if (p->group[i].count != NULL &&
		    match_glob(p->group[i].pattern, path, strlen(path)))
			bits |= 1u << i;
	return bits;
}

static bool
is_ruled(const struct rule *r, const char *path)
{
	for (unsigned i = 0; i < r->npath; i++)
		if (r->wildcard[i] ? match_glob(r->path[i], path, strlen(path)) :
		    strncmp(path, r->path[i], strlen(r->path[i])) == 0)
			return true;
	return false;
}

int64_t
policy_due(const struct policy *p, const char *path, int64_t birth_ns,
    bool archived, enum policy_action *action)
{
	int64_t first = POLICY_NEVER;

	for (unsigned i = 0; i < p->nrule; i++) {
		const struct rule *r = &p->rule[i];
		int64_t due;

		if ((archived && r->action == POLICY_ARCHIVE) || !is_ruled(r, path))
			continue;
		due = birth_ns > INT64_MAX - r->age_ns ? POLICY_NEVER :
		    birth_ns + r->age_ns;
		/* What is to go anyway need not move before. */
		if (due < first || (due == first && r->action == POLICY_EXPIRE)) {
			first = due;
			*action = r->action;
		}
	}
	return first;
}

int64_t
policy_expires(const struct policy *p, const char *path, int64_t birth_ns)
{
	int64_t at = POLICY_NEVER;

	for (unsigned i = 0; i < p->nrule; i++)
		if (p->rule[i].hides && birth_ns + p->rule[i].age_ns < at &&
		    is_ruled(&p->rule[i], path))
			at = birth_ns + p->rule[i].age_ns;
	return at;
}

bool
policy_hidden(const struct policy *p, const char *path, int64_t birth_ns,
    int64_t now_ns)
{
	for (unsigned i = 0; i < p->nrule; i++)
		if (p->rule[i].hides && now_ns - birth_ns >= p->rule[i].age_ns &&
		    is_ruled(&p->rule[i], path))
			return true;
	return false;
}

/* ---- CORS: the Fetch standard's fields, for the first rule that fits */

static bool
lists(json_t *list, struct h1_str text, bool any_case)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);
		char lower[POLICY_ORIGIN + 1], given[POLICY_ORIGIN + 1];
		size_t n = 0;

		if (!any_case) {
			if (match_glob(s, text.p, text.len))
				return true;
			continue;
		}
		if (strlen(s) > POLICY_ORIGIN || text.len > POLICY_ORIGIN)
			continue;
		for (; s[n] != '\0'; n++)
			lower[n] = (char)(s[n] >= 'A' && s[n] <= 'Z' ? s[n] + 32 : s[n]);
		lower[n] = '\0';
		for (n = 0; n < text.len; n++)
			given[n] = (char)(text.p[n] >= 'A' && text.p[n] <= 'Z' ?
			    text.p[n] + 32 : text.p[n]);
		if (match_glob(lower, given, text.len))
			return true;
	}
	return false;
}

/* Every name of the list that the page wants to send. */
static bool
allows_headers(json_t *allowed, struct h1_str names)
{
	while (names.len > 0) {
		struct h1_str one = { names.p, 0 };
		const char *comma = memchr(names.p, ',', names.len);
		size_t step = comma == NULL ? names.len : (size_t)(comma - names.p) + 1;

		one.len = comma == NULL ? names.len : step - 1;
		while (one.len > 0 && (*one.p == ' ' || *one.p == '\t')) {
			one.p++;
			one.len--;
		}
		while (one.len > 0 && (one.p[one.len - 1] == ' ' ||
		    one.p[one.len - 1] == '\t'))
			one.len--;
		if (one.len > 0 && !lists(allowed, one, true))
			return false;
		names.p += step;
		names.len -= step;
	}
	return true;
}

static size_t
join(char *to, size_t room, const char *name, json_t *list)
{
	size_t n = 0, i;
	json_t *v;

	if (json_array_size(list) == 0)
		return 0;
	n += (size_t)snprintf(to, room, "%s: ", name);
	json_array_foreach(list, i, v)
		if (n < room)
			n += (size_t)snprintf(to + n, room - n, "%s%s", i > 0 ? ", " : "",
			    json_string_value(v));
	if (n < room)
		n += (size_t)snprintf(to + n, room - n, "\r\n");
	return n < room ? n : 0;
}

static bool
is_plain_origin(struct h1_str o)
{
	for (size_t i = 0; i < o.len; i++)
		if (o.p[i] <= ' ' || o.p[i] >= 0x7f)
			return false;
	return o.len > 0 && o.len <= POLICY_ORIGIN;
}

bool
policy_cors(const struct policy *p, const struct policy_cors *ask,
    char buf[static POLICY_CORS])
{
	size_t n, i;
	json_t *v;

	n = (size_t)snprintf(buf, POLICY_CORS, "%s", ask->preflight ?
	    "Vary: Origin, Access-Control-Request-Method, "
	    "Access-Control-Request-Headers\r\n" : "Vary: Origin\r\n");
	if (!is_plain_origin(ask->origin))
		return false;
	json_array_foreach(p->cors, i, v) {
		json_t *methods = json_object_get(v, "AllowedMethods");
		json_t *age = json_object_get(v, "MaxAgeSeconds");
		json_t *headers = json_object_get(v, "AllowedHeaders");
		struct h1_str get = { "GET", 3 };
		bool fits = lists(json_object_get(v, "AllowedOrigins"), ask->origin, false);

		/* AllowedMethods may be left out: then to read is allowed. */
		fits = fits && (methods != NULL ? lists(methods, ask->method, false) :
		    (ask->method.len == 3 && memcmp(ask->method.p, get.p, 3) == 0) ||
		    (ask->method.len == 4 && memcmp(ask->method.p, "HEAD", 4) == 0));
		if (!fits || (ask->preflight && !allows_headers(headers, ask->headers)))
			continue;
		n += (size_t)snprintf(buf + n, POLICY_CORS - n,
		    "Access-Control-Allow-Origin: %.*s\r\n", (int)ask->origin.len,
		    ask->origin.p);
		if (ask->preflight) {
			n += (size_t)snprintf(buf + n, POLICY_CORS - n,
			    "Access-Control-Allow-Methods: %.*s\r\n",
			    (int)(ask->method.len < 40 ? ask->method.len : 40), ask->method.p);
			if (ask->headers.len > 0 && ask->headers.len < 400)
				n += (size_t)snprintf(buf + n, POLICY_CORS - n,
				    "Access-Control-Allow-Headers: %.*s\r\n",
				    (int)ask->headers.len, ask->headers.p);
			if (age != NULL)
				snprintf(buf + n, POLICY_CORS - n,
				    "Access-Control-Max-Age: %lld\r\n",
				    (long long)json_integer_value(age));
		} else if (ask->full) {
			join(buf + n, POLICY_CORS - n, "Access-Control-Expose-Headers",
			    json_object_get(v, "ExposeHeaders"));
		}
		return true;
	}
	return false;
}
