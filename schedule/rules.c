#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schedule/recast.h"
#include "schedule/rules.h"

#define DEFAULT_START	0x34		/* Provider Placement Opportunity */

static const struct {
	const char *name;
	enum rule_match match;
	uint8_t	 command;
} matches[] = {
	{ "any", MATCH_ANY, 0 },
	{ "out", MATCH_OUT, 0 },
	{ "in", MATCH_IN, 0 },
	{ "cancel", MATCH_CANCEL, 0 },
	{ "null", MATCH_COMMAND, SCTE35_SPLICE_NULL },
	{ "splice_null", MATCH_COMMAND, SCTE35_SPLICE_NULL },
	{ "splice_schedule", MATCH_COMMAND, SCTE35_SPLICE_SCHEDULE },
	{ "splice_insert", MATCH_COMMAND, SCTE35_SPLICE_INSERT },
	{ "time_signal", MATCH_COMMAND, SCTE35_TIME_SIGNAL },
	{ "bandwidth_reservation", MATCH_COMMAND, SCTE35_BANDWIDTH_RESERVATION },
	{ "private_command", MATCH_COMMAND, SCTE35_PRIVATE_COMMAND },
};

/* ---- MATCH */

/* "=x", "=x-y", "<x", "<=x", ">x", ">=x" */
static bool
parse_range(struct rule_test *t, const char *op, char *value)
{
	char *dash = op[0] == '=' ? strchr(value, '-') : NULL;
	uint64_t v;

	if (dash != NULL && !field_value(t->field, value, &v)) {	/* of no name */
		*dash = '\0';
		if (!field_value(t->field, value, &t->lo) ||
		    !field_value(t->field, dash + 1, &t->hi) || t->lo > t->hi) {
			*dash = '-';
			return false;
		}
		*dash = '-';
		return true;
	}
	if (!field_value(t->field, value, &v))
		return false;
	t->lo = op[0] == '<' ? 0 : op[0] == '>' && op[1] != '=' ? v + 1 : v;
	t->hi = op[0] == '>' ? UINT64_MAX : op[0] == '<' && op[1] != '=' ? v - 1 : v;
	return op[0] != '<' || op[1] == '=' || v > 0;
}

static bool
parse_test(struct rule *r, char *word, char err[static FIELDS_ERROR])
{
	static const uint32_t tested = FIELD_BIT(FIELD_ID) | FIELD_BIT(FIELD_DURATION) |
	    FIELD_BIT(FIELD_TYPE) | FIELD_BIT(FIELD_UPID) | FIELD_BIT(FIELD_TIER) |
	    FIELD_BIT(FIELD_PROGRAM);
	size_t name = strcspn(word, "=<>"), op;
	struct rule_test *t = &r->test[r->ntest];

	op = strspn(word + name, "=<>");
	if (word[name] == '\0' || (t->field = field_named(word, name)) == FIELD_COUNT ||
	    (tested & FIELD_BIT(t->field)) == 0)
		return fields_error(err, "'%.80s' is nothing to match", word);
	if (r->ntest == RULE_TESTS)
		return fields_error(err, "there are more than %d tests, from '%.80s' on",
		    RULE_TESTS, word);
	r->ntest++;
	if (op > 2 || (op == 2 && (word[name] == '=' || word[name + 1] != '=')))
		return fields_error(err, "'%.80s': there is no '%.*s'", word, (int)op, word + name);
	if (t->field == FIELD_UPID && word[name] != '=')
		return fields_error(err, "'%.80s': a UPID is only the same or not", word);
	if (t->field == FIELD_UPID)
		return fields_take(&t->upid, FIELD_BIT(FIELD_UPID), word, "a match", err);
	if (!parse_range(t, word + name, word + name + op))
		return fields_error(err, "'%.80s' is not %s%s", word, field_shape(t->field),
		    word[name] == '=' ? ", or two with - between" : "");
	return true;
}

static bool
parse_match(struct rule *r, char **word, int n, char err[static FIELDS_ERROR])
{
	int at = 0;

	for (size_t i = 0; n > 0 && i < sizeof(matches) / sizeof(matches[0]); i++)
		if (strcmp(word[0], matches[i].name) == 0) {
			r->match = matches[i].match;
			r->command = matches[i].command;
			at = 1;
		}
	if (n == 0)
		return fields_error(err, "there is nothing to match before '->'");
	for (; at < n; at++)
		if (!parse_test(r, word[at], err))
			return false;
	return true;
}

/* ---- ACTION */

/* type=START/END, or START whose end is one more. */
static bool
parse_pair(struct rule *r, char *word, char err[static FIELDS_ERROR])
{
	char *slash = strchr(word, '/');
	uint64_t end;
	bool ok;

	if (strncmp(word, "type=", 5) != 0 || slash == NULL)
		return fields_take(&r->set, FIELDS_SEGMENTATION | FIELD_BIT(FIELD_TIER) |
		    FIELD_BIT(FIELD_OFFSET), word, "time_signal", err);
	*slash = '\0';
	ok = !fields_has(&r->set, FIELD_TYPE) &&
	    field_value(FIELD_TYPE, word + 5, &r->set.v[FIELD_TYPE]) &&
	    field_value(FIELD_TYPE, slash + 1, &end);
	*slash = '/';
	if (!ok)
		return fields_error(err, "'%.80s' is not two types such as 0x34/0x35", word);
	r->set.set |= FIELD_BIT(FIELD_TYPE);
	r->end_type = (uint8_t)end;
	return true;
}

static bool
parse_fields(struct rule *r, char **word, int n, uint32_t allowed, const char *of,
    char err[static FIELDS_ERROR])
{
	for (int i = 0; i < n; i++)
		if (r->action == ACTION_SIGNAL ? !parse_pair(r, word[i], err) :
		    !fields_take(&r->set, allowed, word[i], of, err))
			return false;
	if (r->action != ACTION_SIGNAL)
		return true;
	if (!fields_has(&r->set, FIELD_TYPE)) {
		r->set.set |= FIELD_BIT(FIELD_TYPE);
		r->set.v[FIELD_TYPE] = DEFAULT_START;
	}
	if (r->end_type == 0 && r->set.v[FIELD_TYPE] == 0xff)
		return fields_error(err, "'type=0xff' has no end that is one more");
	if (r->end_type == 0)
		r->end_type = (uint8_t)(r->set.v[FIELD_TYPE] + 1);
	return true;
}

/* The fields that an action can set in what this rule matches. */
static uint32_t
settable(const struct rule *r)
{
	uint32_t each = FIELD_BIT(FIELD_TIER) | FIELD_BIT(FIELD_OFFSET);

	if (r->match == MATCH_ANY)
		return FIELDS_EVENT | FIELDS_SEGMENTATION | each;
	if (r->match != MATCH_COMMAND || r->command == SCTE35_SPLICE_INSERT)
		return FIELDS_EVENT | each;
	if (r->command == SCTE35_TIME_SIGNAL)
		return FIELDS_SEGMENTATION | each;
	return each;
}

static bool
parse_action(struct rule *r, char **word, int n, char err[static FIELDS_ERROR])
{
	if (n == 0)
		return fields_error(err, "there is no action after '->'");
	if (strcmp(word[0], "drop") == 0 || strcmp(word[0], "pass") == 0) {
		r->action = word[0][0] == 'd' ? ACTION_DROP : ACTION_PASS;
		return n == 1 || fields_error(err, "'%.80s' is nothing that %s has", word[1],
		    word[0]);
	}
	if (strcmp(word[0], "time_signal") == 0) {
		r->action = ACTION_SIGNAL;
		return parse_fields(r, word + 1, n - 1, 0, word[0], err);
	}
	if (strcmp(word[0], "splice_insert") == 0) {
		r->action = ACTION_INSERT;
		return parse_fields(r, word + 1, n - 1, FIELDS_EVENT | FIELD_BIT(FIELD_TIER) |
		    FIELD_BIT(FIELD_OFFSET), word[0], err);
	}
	if (strchr(word[0], '=') == NULL && strcmp(word[0], "auto") != 0)
		return fields_error(err, "'%.80s' is no action: drop, pass, time_signal, "
		    "splice_insert or fields such as tier=1", word[0]);
	r->action = ACTION_SET;
	return parse_fields(r, word, n, settable(r), "what is matched", err);
}

bool
rules_parse(struct rules *rules, char *line, char err[static FIELDS_ERROR])
{
	struct rule *r = &rules->rule[rules->n];
	char *word[FIELDS_WORDS];
	int n = words_split(line, word, err), arrow = 0;

	if (n <= 0)
		return n == 0;
	if (rules->n == RULES_MAX)
		return fields_error(err, "there are more than %d rules", RULES_MAX);
	while (arrow < n && strcmp(word[arrow], "->") != 0)
		arrow++;
	if (arrow == n)
		return fields_error(err, "'%.80s': there is no '->' after it", word[n - 1]);
	memset(r, 0, sizeof(*r));
	if (!parse_match(r, word, arrow, err) ||
	    !parse_action(r, word + arrow + 1, n - arrow - 1, err))
		return false;
	rules->n++;
	return true;
}

/* ---- messages */

static bool
is_kind(const struct rule *r, const struct scte35 *s)
{
	bool insert = s->command == SCTE35_SPLICE_INSERT;

	switch (r->match) {
	case MATCH_OUT:
		return insert && !s->insert.cancel && s->insert.out_of_network;
	case MATCH_IN:
		return insert && !s->insert.cancel && !s->insert.out_of_network;
	case MATCH_CANCEL:
		return insert && s->insert.cancel;
	case MATCH_COMMAND:
		return s->command == r->command;
	default:
		return true;
	}
}

/* What a message has of a field; g is the segmentation that is looked at, or NULL. */
static bool
value_of(enum field f, const struct scte35 *s, const struct scte35_segmentation *g,
    uint64_t *v)
{
	bool insert = s->command == SCTE35_SPLICE_INSERT;

	switch (f) {
	case FIELD_TIER:
		*v = s->tier;
		return true;
	case FIELD_ID:
		*v = insert ? s->insert.id : g != NULL ? g->event_id : 0;
		return insert || g != NULL;
	case FIELD_DURATION:
		*v = insert ? s->insert.duration.duration : g != NULL ? g->duration : 0;
		return insert ? !s->insert.cancel && s->insert.has_duration :
		    g != NULL && !g->cancel && g->has_duration;
	case FIELD_PROGRAM:
		*v = s->insert.unique_program_id;
		return insert && !s->insert.cancel;
	case FIELD_TYPE:
		*v = g != NULL ? g->type_id : 0;
		return g != NULL && !g->cancel;
	default:
		return false;
	}
}

static bool
same_upid(const struct fields *f, const struct scte35_segmentation *g)
{
	return g != NULL && !g->cancel && g->upid_type == f->upid_type &&
	    g->upid.len == f->upid_len &&
	    (f->upid_len == 0 || memcmp(g->upid.p, f->upid, f->upid_len) == 0);
}

bool
rule_fits(const struct rule *r, const struct scte35 *s,
    const struct scte35_segmentation *g)
{
	uint64_t v;

	for (unsigned i = 0; i < r->ntest; i++) {
		const struct rule_test *t = &r->test[i];

		if (t->field == FIELD_UPID ? !same_upid(&t->upid, g) :
		    !value_of(t->field, s, g, &v) || v < t->lo || v > t->hi)
			return false;
	}
	return true;
}

enum rules_result
rules_apply(const struct rules *rules, struct scte35 *s, bool *unfit)
{
	*unfit = false;
	for (unsigned i = 0; i < rules->n; i++) {
		const struct rule *r = &rules->rule[i];
		unsigned d = splice_segmentation(s, 0);
		bool fits;

		if (!is_kind(r, s))
			continue;
		fits = d == s->ndescriptor && rule_fits(r, s, NULL);
		while (!fits && d < s->ndescriptor)
			if (!(fits = rule_fits(r, s, &s->descriptor[d].seg)))
				d = splice_segmentation(s, d + 1);
		if (fits)
			return recast(r, s, d, unfit);
	}
	return RULES_SAME;
}
