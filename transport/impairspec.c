/* The words for a bad network: impair_parse(). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/opt.h"
#include "transport/impair.h"

#define NEEDS	32		/* items that are looked at */

static const struct opt_unit durations[] = {
	{ "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	{ "min", UINT64_C(60000000000) }, { "h", UINT64_C(3600000000000) }, { 0 },
};
static const struct opt_unit rates[] = {
	{ "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { 0 },
};
/* Of 10^9: a percentage may have seven decimals. */
static const struct opt_unit chances[] = { { "%", 10000000 }, { 0 } };
static const struct opt_unit thousandths[] = { { "", 1000 }, { 0 } };

static int
parse_time(const char *text, int64_t *out)
{
	uint64_t v;

	if (opt_scaled(text, durations, &v) < 0 || v > UINT64_C(86400000000000))
		return -EINVAL;
	*out = (int64_t)v;
	return 0;
}

static int
parse_chance(const char *text, uint64_t *out)
{
	uint64_t v;

	if (opt_scaled(text, chances, &v) < 0 || v > 1000000000)
		return -EINVAL;
	*out = (uint64_t)(((unsigned __int128)v * IMPAIR_ALWAYS + 500000000) / 1000000000);
	return 0;
}

/* START+LENGTH[/EVERY] */
static int
parse_outage(struct impair_spec *s, char *text)
{
	struct impair_outage *o = &s->outage[s->noutage];
	char *len = strchr(text, '+'), *every = strchr(text, '/');

	if (s->noutage == IMPAIR_OUTAGES || len == NULL)
		return -EINVAL;
	*len++ = '\0';
	if (every != NULL)
		*every++ = '\0';
	if (parse_time(text, &o->start_ns) < 0 || parse_time(len, &o->len_ns) < 0 ||
	    (every != NULL && (parse_time(every, &o->every_ns) < 0 ||
	    o->every_ns <= o->len_ns)))
		return -EINVAL;
	s->noutage++;
	return 0;
}

/* WORSEN:MEND[:LOSS-BAD[:LOSS-GOOD]] */
static int
parse_states(struct impair_spec *s, char *text)
{
	uint64_t *to[] = { &s->worsen, &s->mend, &s->loss_bad, &s->loss_good };
	char *item;
	int n = 0;

	s->loss_bad = IMPAIR_ALWAYS;
	s->loss_good = 0;
	while ((item = strsep(&text, ":")) != NULL) {
		if (n == 4 || parse_chance(item, to[n]) < 0)
			return -EINVAL;
		n++;
	}
	return n >= 2 ? 0 : -EINVAL;
}

/* What a loss and a mean length of bursts make of the two states. */
static int
set_loss(struct impair_spec *s, uint64_t loss, uint64_t burst)
{
	if (burst <= 1000) {
		s->worsen = s->mend = s->loss_bad = 0;
		s->loss_good = loss;
		return 0;
	}
	if (loss >= IMPAIR_ALWAYS)
		return -EINVAL;
	s->loss_good = 0;
	s->loss_bad = IMPAIR_ALWAYS;
	s->mend = IMPAIR_ALWAYS * 1000 / burst;
	s->worsen = (uint64_t)((unsigned __int128)s->mend * loss / (IMPAIR_ALWAYS - loss));
	return s->worsen <= IMPAIR_ALWAYS ? 0 : -EINVAL;
}

static int
set_item(struct impair_spec *s, const char *key, char *value, uint64_t *loss,
    uint64_t *burst)
{
	static const struct {
		const char *key;
		size_t at;
		bool chance;
	} plain[] = {
		{ "delay", offsetof(struct impair_spec, delay_ns), false },
		{ "jitter", offsetof(struct impair_spec, jitter_ns), false },
		{ "queue", offsetof(struct impair_spec, queue_ns), false },
		{ "reorder-by", offsetof(struct impair_spec, reorder_ns), false },
		{ "reorder", offsetof(struct impair_spec, reorder), true },
		{ "dup", offsetof(struct impair_spec, duplicate), true },
		{ "corrupt", offsetof(struct impair_spec, corrupt), true },
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		void *to = (char *)s + plain[i].at;

		if (strcmp(key, plain[i].key) == 0)
			return plain[i].chance ? parse_chance(value, to) :
			    parse_time(value, to);
	}
	if (strcmp(key, "loss") == 0)
		return parse_chance(value, loss);
	if (strcmp(key, "burst") == 0)
		return opt_scaled(value, thousandths, burst) < 0 || *burst < 1000 ?
		    -EINVAL : 0;
	if (strcmp(key, "states") == 0)
		return parse_states(s, value);
	if (strcmp(key, "outage") == 0)
		return parse_outage(s, value);
	if (strcmp(key, "rate-trace") == 0)
		return *value == '\0' || snprintf(s->trace_path, sizeof(s->trace_path), "%s",
		    value) >= (int)sizeof(s->trace_path) ? -EINVAL : 0;
	if (strcmp(key, "rate") == 0)
		return opt_scaled(value, rates, &s->rate) < 0 || s->rate == 0 ? -EINVAL : 0;
	return -EINVAL;
}

/* What changes something else is no use without it; NULL: it is there. */
static const char *
lacks(const struct impair_spec *s, const char *item, bool loss)
{
	static const char *const key[] = { "burst=", "queue=", "reorder-by=", "overtake" };
	const bool there[] = { loss, s->rate != 0 || *s->trace_path != '\0',
	    s->reorder != 0, s->jitter_ns != 0 };
	static const char *const what[] = { "loss", "rate", "reorder", "jitter" };

	for (unsigned i = 0; i < sizeof(key) / sizeof(key[0]); i++)
		if (strncmp(item, key[i], strlen(key[i])) == 0)
			return there[i] ? NULL : what[i];
	return NULL;
}

int
impair_parse(struct impair_spec *s, char *text, const char **wrong, const char **lack)
{
	uint64_t loss = UINT64_MAX, burst = 1000;
	const char *need[NEEDS];
	unsigned needs = 0;
	char *item;

	*lack = NULL;

	while ((item = strsep(&text, ",")) != NULL) {
		char *eq = strchr(item, '=');
		int err;

		*wrong = item;
		if (needs < NEEDS)
			need[needs++] = item;
		if (strcmp(item, "overtake") == 0) {
			s->overtake = true;
			continue;
		}
		if (eq == NULL)
			return -EINVAL;
		*eq = '\0';
		err = set_item(s, item, eq + 1, &loss, &burst);
		*eq = '=';
		if (err < 0)
			return err;
	}
	for (unsigned i = 0; i < needs; i++) {
		*wrong = need[i];
		if (s->rate != 0 && *s->trace_path != '\0' &&
		    strncmp(need[i], "rate", 4) == 0)
			return -EINVAL;
		if ((*lack = lacks(s, need[i], loss != UINT64_MAX)) != NULL)
			return -EINVAL;
	}
	if (loss == UINT64_MAX)
		return 0;
	return set_loss(s, loss, burst);
}
