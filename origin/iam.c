#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clk.h"
#include "origin/iam.h"
#include "origin/match.h"

#define STATEMENTS	100
#define CONDITIONS	20
#define VALUES		100

enum fact { TRANSPORT, SOURCE_IP, REFERER, AGENT, TIME };
enum how { BOOL, IN_NET, EQUALS, LIKE, DATE_EQ, DATE_LT, DATE_LE, DATE_GT, DATE_GE };

static const struct {
	const char *name;
	enum how how;
	bool	 negated;
} operators[] = {
	{ "Bool", BOOL, false },
	{ "DateEquals", DATE_EQ, false },
	{ "DateGreaterThan", DATE_GT, false },
	{ "DateGreaterThanEquals", DATE_GE, false },
	{ "DateLessThan", DATE_LT, false },
	{ "DateLessThanEquals", DATE_LE, false },
	{ "DateNotEquals", DATE_EQ, true },
	{ "IpAddress", IN_NET, false },
	{ "NotIpAddress", IN_NET, true },
	{ "StringEquals", EQUALS, false },
	{ "StringLike", LIKE, false },
	{ "StringNotEquals", EQUALS, true },
	{ "StringNotLike", LIKE, true },
};

static const struct {
	const char *name;
	enum fact fact;
	enum how first, last;		/* operators that go with it */
} facts[] = {
	{ "aws:CurrentTime", TIME, DATE_EQ, DATE_GE },
	{ "aws:Referer", REFERER, EQUALS, LIKE },
	{ "aws:SecureTransport", TRANSPORT, BOOL, BOOL },
	{ "aws:SourceIp", SOURCE_IP, IN_NET, IN_NET },
	{ "aws:UserAgent", AGENT, EQUALS, LIKE },
};

static const char *const actions[] = {
	"GetObject", "PutObject", "DeleteObject", "DescribeObject", "ListItems",
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

struct list {			/* of borrowed texts */
	const char **text;
	size_t	 n;
};

struct condition {
	enum fact fact;
	enum how how;
	bool	 negated, yes;
	struct list text;
	struct match_net *net;		/* as many as texts */
	int64_t	*date_ns;
};

struct statement {
	bool	 deny;
	bool	 not_action, not_resource;
	struct list who, action, resource;
	struct condition *condition;
	size_t	 ncondition;
};

struct iam {
	json_t	*doc;			/* what the texts are borrowed from */
	struct statement *statement;
	size_t	 nstatement;
};

static int
bad(char why[static IAM_WHY], const char *what, const char *name)
{
	snprintf(why, IAM_WHY, "%s '%.100s'", what, name);
	return -EINVAL;
}

/* One text, or an array of them. */
static int
parse_list(const json_t *v, const char *name, struct list *l,
    char why[static IAM_WHY])
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;

	if (n == 0 || n > VALUES)
		return bad(why, "no value, or too many, in", name);
	l->text = calloc(n, sizeof(*l->text));
	if (l->text == NULL)
		return -ENOMEM;
	l->n = n;
	for (size_t i = 0; i < n; i++) {
		l->text[i] = json_string_value(json_is_array(v) ?
		    json_array_get(v, i) : v);
		if (l->text[i] == NULL)
			return bad(why, "not a text, nor a list of them:", name);
	}
	return 0;
}

/* "*" or { "AWS": ... }, of which a key id or the end of an ARN counts. */
static int
parse_principal(const json_t *v, struct list *l, char why[static IAM_WHY])
{
	if (json_is_string(v) && strcmp(json_string_value(v), "*") == 0)
		return parse_list(v, "Principal", l, why);
	if (!json_is_object(v) || json_object_size(v) != 1 ||
	    json_object_get(v, "AWS") == NULL)
		return bad(why, "neither \"*\" nor an object with \"AWS\":", "Principal");
	return parse_list(json_object_get(v, "AWS"), "Principal", l, why);
}

/* Leave the prefix out; what fits no action is a mistake. */
static int
parse_actions(const json_t *v, struct list *l, char why[static IAM_WHY])
{
	int err = parse_list(v, "Action", l, why);

	for (size_t i = 0; err == 0 && i < l->n; i++) {
		const char *all = l->text[i], *name = all;
		bool known = false;

		if (strncasecmp(name, "mediastore:", 11) == 0)
			name += 11;
		else if (strcmp(name, "*") != 0)
			return bad(why, "not an action of mediastore:", all);
		for (size_t k = 0; k < COUNT(actions); k++)
			known |= match_glob(name, actions[k], strlen(actions[k]));
		if (!known)
			return bad(why, "no action is meant by", all);
		l->text[i] = name;
	}
	return err;
}

/* arn:aws:mediastore:REGION:ACCOUNT:container/NAME/PATH: the last part counts. */
static int
parse_resources(const json_t *v, struct list *l, char why[static IAM_WHY])
{
	int err = parse_list(v, "Resource", l, why);

	for (size_t i = 0; err == 0 && i < l->n; i++) {
		const char *all = l->text[i], *p = all;

		if (strcmp(all, "*") == 0)
			continue;
		for (int k = 0; k < 5 && p != NULL; k++)
			if ((p = strchr(p, ':')) != NULL)
				p++;
		if (strncmp(all, "arn:", 4) != 0 || p == NULL || (*p != '*' &&
		    strncmp(p, "container/", 10) != 0))
			return bad(why, "neither * nor "
			    "arn:aws:mediastore:...:container/NAME/PATH:", all);
		l->text[i] = p;
	}
	return err;
}

static int
parse_values(struct condition *c, char why[static IAM_WHY])
{
	c->net = c->how == IN_NET ? calloc(c->text.n, sizeof(*c->net)) : NULL;
	c->date_ns = c->how >= DATE_EQ ? calloc(c->text.n, sizeof(*c->date_ns)) : NULL;
	if ((c->how == IN_NET && c->net == NULL) ||
	    (c->how >= DATE_EQ && c->date_ns == NULL))
		return -ENOMEM;
	for (size_t i = 0; i < c->text.n; i++) {
		const char *v = c->text.text[i];

		if (c->how == BOOL && (c->text.n > 1 ||
		    (strcasecmp(v, "true") != 0 && strcasecmp(v, "false") != 0)))
			return bad(why, "neither \"true\" nor \"false\":", v);
		c->yes = c->how == BOOL && strcasecmp(v, "true") == 0;
		if (c->net != NULL && match_parse_net(v, &c->net[i]) < 0)
			return bad(why, "no address or network:", v);
		if (c->date_ns != NULL && clk_parse_iso(v, &c->date_ns[i]) < 0)
			return bad(why, "no date:", v);
	}
	return 0;
}

static int
parse_condition(const char *op, const char *key, const json_t *v,
    struct condition *c, char why[static IAM_WHY])
{
	static const char *const truth[] = { "false", "true" };
	size_t o = 0, f = 0;
	int err;

	while (o < COUNT(operators) && strcmp(operators[o].name, op) != 0)
		o++;
	while (f < COUNT(facts) && strcasecmp(facts[f].name, key) != 0)
		f++;
	if (o == COUNT(operators))
		return bad(why, "unknown condition", op);
	if (f == COUNT(facts))
		return bad(why, "unknown key of a condition", key);
	if (operators[o].how < facts[f].first || operators[o].how > facts[f].last)
		return bad(why, "this key does not go with its operator:", key);
	c->fact = facts[f].fact;
	c->how = operators[o].how;
	c->negated = operators[o].negated;
	if (json_is_boolean(v) && c->how == BOOL) {
		c->yes = json_is_true(v);
		c->text.text = calloc(1, sizeof(*c->text.text));
		if (c->text.text == NULL)
			return -ENOMEM;
		c->text.text[0] = truth[c->yes];
		c->text.n = 1;
		return 0;
	}
	err = parse_list(v, key, &c->text, why);
	return err < 0 ? err : parse_values(c, why);
}

static int
parse_conditions(json_t *v, struct statement *s, char why[static IAM_WHY])
{
	const char *op, *key;
	json_t *keys, *value;
	int err = 0;

	if (!json_is_object(v))
		return bad(why, "not an object:", "Condition");
	s->condition = calloc(CONDITIONS, sizeof(*s->condition));
	if (s->condition == NULL)
		return -ENOMEM;
	json_object_foreach(v, op, keys) {
		if (!json_is_object(keys) || json_object_size(keys) == 0)
			return bad(why, "a condition without keys:", op);
		json_object_foreach(keys, key, value) {
			if (s->ncondition == CONDITIONS)
				return bad(why, "too many conditions at", op);
			err = parse_condition(op, key, value,
			    &s->condition[s->ncondition++], why);
			if (err < 0)
				return err;
		}
	}
	return err;
}

static int
parse_statement(const json_t *v, struct statement *s, char why[static IAM_WHY])
{
	const char *key, *effect;
	json_t *value;
	int err = 0;

	if (!json_is_object(v))
		return bad(why, "not an object:", "Statement");
	json_object_foreach((json_t *)(uintptr_t)v, key, value) {
		bool action = strcmp(key, "Action") == 0;
		bool resource = strcmp(key, "Resource") == 0;

		if (strcmp(key, "Effect") == 0) {
			effect = json_string_value(value);
			if (effect == NULL || (strcmp(effect, "Allow") != 0 &&
			    strcmp(effect, "Deny") != 0))
				err = bad(why, "neither Allow nor Deny:", "Effect");
			else
				s->deny = effect[0] == 'D';
		} else if (strcmp(key, "Principal") == 0) {
			err = parse_principal(value, &s->who, why);
		} else if (action || strcmp(key, "NotAction") == 0) {
			s->not_action = !action;
			err = s->action.n > 0 ? bad(why, "twice:", key) :
			    parse_actions(value, &s->action, why);
		} else if (resource || strcmp(key, "NotResource") == 0) {
			s->not_resource = !resource;
			err = s->resource.n > 0 ? bad(why, "twice:", key) :
			    parse_resources(value, &s->resource, why);
		} else if (strcmp(key, "Condition") == 0) {
			err = parse_conditions(value, s, why);
		} else if (strcmp(key, "Sid") != 0) {
			err = bad(why, "unknown element", key);
		}
		if (err < 0)
			return err;
	}
	if (json_object_get(v, "Effect") == NULL)
		return bad(why, "missing:", "Effect");
	if (s->who.n == 0 || s->action.n == 0 || s->resource.n == 0)
		return bad(why, "missing:", s->who.n == 0 ? "Principal" :
		    s->action.n == 0 ? "Action" : "Resource");
	return 0;
}

int
iam_parse(const json_t *doc, struct iam **out, char why[static IAM_WHY])
{
	json_t *list = json_object_get(doc, "Statement"), *v;
	size_t n = json_is_array(list) ? json_array_size(list) : 1;
	struct iam *i;
	const char *key;
	int err = 0;

	if (list == NULL || n == 0 || n > STATEMENTS)
		return bad(why, "missing, or too many:", "Statement");
	json_object_foreach((json_t *)(uintptr_t)doc, key, v)
		if (strcmp(key, "Version") != 0 && strcmp(key, "Id") != 0 &&
		    strcmp(key, "Statement") != 0)
			return bad(why, "unknown element", key);
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return -ENOMEM;
	i->doc = json_deep_copy(doc);	/* whose texts stay */
	i->statement = calloc(n, sizeof(*i->statement));
	if (i->doc == NULL || i->statement == NULL)
		err = -ENOMEM;
	list = json_object_get(i->doc, "Statement");
	while (err == 0 && i->nstatement < n) {
		size_t k = i->nstatement++;

		err = parse_statement(json_is_array(list) ? json_array_get(list, k) :
		    list, &i->statement[k], why);
	}
	if (err < 0)
		iam_free(i);
	else
		*out = i;
	return err;
}

void
iam_free(struct iam *i)
{
	if (i == NULL)
		return;
	for (size_t k = 0; k < i->nstatement; k++) {
		struct statement *s = &i->statement[k];

		for (size_t n = 0; n < s->ncondition; n++) {
			free(s->condition[n].text.text);
			free(s->condition[n].net);
			free(s->condition[n].date_ns);
		}
		free(s->condition);
		free(s->who.text);
		free(s->action.text);
		free(s->resource.text);
	}
	free(i->statement);
	json_decref(i->doc);
	free(i);
}

/* A key by its id, or by an ARN that ends in /id. */
static bool
is_principal(const struct list *l, const char *who)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *p = l->text[i], *slash = strrchr(p, '/');

		if (strcmp(p, "*") == 0 || (who != NULL && (strcmp(p, who) == 0 ||
		    (slash != NULL && strcmp(slash + 1, who) == 0))))
			return true;
	}
	return false;
}

static bool
any(const struct list *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (match_glob(l->text[i], text, strlen(text)))
			return true;
	return false;
}

static bool
any_action(const struct list *l, const char *action)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcasecmp(l->text[i], action) == 0 ||
		    match_glob(l->text[i], action, strlen(action)))
			return true;
	return false;
}

static bool
in_time(const struct condition *c, size_t i, int64_t now_ns)
{
	switch (c->how) {
	case DATE_LT:
		return now_ns < c->date_ns[i];
	case DATE_LE:
		return now_ns <= c->date_ns[i];
	case DATE_GT:
		return now_ns > c->date_ns[i];
	case DATE_GE:
		return now_ns >= c->date_ns[i];
	default:
		return now_ns == c->date_ns[i];
	}
}

/* One of the values is enough; of a negated one, none may be so. */
static bool
holds(const struct condition *c, const struct iam_request *r)
{
	struct h1_str text = c->fact == REFERER ? r->referer : r->agent;
	bool found = false;

	if (c->how == BOOL)
		return c->yes == r->secure;
	for (size_t i = 0; i < c->text.n && !found; i++) {
		const char *v = c->text.text[i];

		if (c->how == IN_NET)
			found = match_net(&c->net[i], r->peer);
		else if (c->how >= DATE_EQ)
			found = in_time(c, i, r->now_ns);
		else if (text.p == NULL)	/* not sent, is like nothing */
			break;
		else if (c->how == LIKE)
			found = match_glob(v, text.p, text.len);
		else
			found = strlen(v) == text.len && memcmp(v, text.p, text.len) == 0;
	}
	return found != c->negated;
}

static bool
applies(const struct statement *s, const struct iam_request *r, const char *resource)
{
	if (!is_principal(&s->who, r->who) ||
	    any_action(&s->action, r->action) == s->not_action ||
	    any(&s->resource, resource) == s->not_resource)
		return false;
	for (size_t i = 0; i < s->ncondition; i++)
		if (!holds(&s->condition[i], r))
			return false;
	return true;
}

enum iam_verdict
iam_ask(const struct iam *i, const struct iam_request *r)
{
	enum iam_verdict v = IAM_SILENT;
	char resource[2048];

	snprintf(resource, sizeof(resource), "container/%s/%s", r->container, r->path);
	for (size_t k = 0; k < i->nstatement && v != IAM_DENY; k++)
		if (applies(&i->statement[k], r, resource))
			v = i->statement[k].deny ? IAM_DENY : IAM_ALLOW;
	return v;
}
