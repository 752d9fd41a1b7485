#include <stdio.h>
#include <string.h>

#include "ingest/failon.h"
#include "lib/base/clk.h"
#include "lib/base/opt.h"

#define LEAST		(CLK_SECOND / 10)
#define MILLION		1000000

void
failon_init(struct failon *f)
{
	*f = (struct failon){ .loss_ns = CLK_SECOND, .black_part = 980000 };
}

static _Noreturn void
wrong(const char *item)
{
	fatal(EXIT_USAGE, 0, "--fail-on '%s' is no condition", item);
}

static int64_t
duration(const char *item, const char *value)
{
	int64_t ns = (int64_t)opt_duration("fail-on", value);

	if (ns < LEAST)
		fatal(EXIT_USAGE, 0, "--fail-on '%s' is less than 100ms", item);
	return ns;
}

/* 5s or 5s/98% */
static void
parse_black(struct failon *f, const char *item, char *value)
{
	static const struct opt_unit percent[] = { { "%", 10000 }, { NULL, 0 } };
	char *slash = strchr(value, '/');
	uint64_t part = MILLION;

	if (slash != NULL) {
		*slash = '\0';
		if (opt_scaled(slash + 1, percent, &part) < 0 || part == 0 || part > MILLION)
			fatal(EXIT_USAGE, 0, "--fail-on '%s': a part is such as 98%%", item);
		f->black_part = (int64_t)part;
	}
	f->black_ns = duration(item, value);
}

/* 5/10s */
static void
parse_count(struct failon_count *c, const char *item, char *value)
{
	static const struct opt_unit plain[] = { { "", 1 }, { NULL, 0 } };
	char *slash = strchr(value, '/');
	uint64_t n;

	if (slash == NULL)
		wrong(item);
	*slash = '\0';
	if (opt_scaled(value, plain, &n) < 0 || n == 0 || n > FAILON_COUNT)
		fatal(EXIT_USAGE, 0, "--fail-on '%s': the number is not in 1..%u", item,
		    FAILON_COUNT);
	c->n = (unsigned)n;
	c->window_ns = duration(item, slash + 1);
}

static void
parse_item(struct failon *f, const char *item)
{
	char text[64], *value;

	snprintf(text, sizeof(text), "%s", item);
	value = strchr(text, '=');
	if (value == NULL)
		wrong(item);
	*value++ = '\0';
	if (strcmp(text, "loss") == 0)
		f->loss_ns = duration(item, value);
	else if (strcmp(text, "black") == 0)
		parse_black(f, item, value);
	else if (strcmp(text, "freeze") == 0)
		f->freeze_ns = duration(item, value);
	else if (strcmp(text, "silence") == 0)
		f->silence_ns = duration(item, value);
	else if (strcmp(text, "cc") == 0)
		parse_count(&f->cc, item, value);
	else if (strcmp(text, "errors") == 0)
		parse_count(&f->errors, item, value);
	else
		wrong(item);
}

void
failon_parse(struct failon *f, const char *list)
{
	char item[64];

	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");

		if (n >= sizeof(item))
			wrong(p);
		snprintf(item, sizeof(item), "%.*s", (int)n, p);
		parse_item(f, item);
		p += n;
		if (*p == '\0')
			return;
	}
}

bool
failon_decodes(const struct failon *f)
{
	return f->black_ns > 0 || f->freeze_ns > 0 || f->silence_ns > 0 || f->errors.n > 0;
}

bool
failon_spares(const struct failon *f, int64_t group_ns)
{
	return f->errors.n == 0 && group_ns > 0 &&
	    (f->black_ns == 0 || 2 * group_ns <= f->black_ns) &&
	    (f->freeze_ns == 0 || 2 * group_ns <= f->freeze_ns);
}

bool
burst_holds(struct burst *b, const struct failon_count *c, uint64_t count, int64_t now_ns)
{
	if (c->n == 0)
		return false;
	for (; b->seen < count; b->seen++)
		b->at_ns[b->events++ % c->n] = now_ns;
	return b->events >= c->n && now_ns - b->at_ns[b->events % c->n] < c->window_ns;
}
