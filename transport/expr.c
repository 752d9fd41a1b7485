#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/expr.h"

struct parser {
	struct expr *e;
	const char *p;
	int (*find)(const char *name);
	unsigned depth;
	int err;			/* sticky, at p */
};

static void either(struct parser *s);

static void
fail(struct parser *s, int err)
{
	if (s->err == 0)
		s->err = err;
}

static void
emit(struct parser *s, enum expr_what what, int64_t v)
{
	if (s->err != 0)
		return;
	if (s->e->n == EXPR_NODES) {
		fail(s, -E2BIG);
		return;
	}
	s->e->node[s->e->n].what = what;
	s->e->node[s->e->n++].v = v;
}

static void
skip(struct parser *s)
{
	while (isspace((unsigned char)*s->p))
		s->p++;
}

/* Is this what comes?  Then it is taken. */
static bool
take(struct parser *s, const char *word)
{
	size_t len = strlen(word);

	skip(s);
	if (s->err != 0 || strncmp(s->p, word, len) != 0)
		return false;
	s->p += len;
	return true;
}

static void
number(struct parser *s)
{
	const char *start = s->p;
	bool minus = *s->p == '-', point = false;
	int64_t v = 0, scale = EXPR_UNIT, unit = 1;
	int digits = 0;

	for (s->p += minus; isdigit((unsigned char)*s->p) || (*s->p == '.' && !point);
	    s->p++) {
		if (*s->p == '.') {
			point = true;
			continue;
		}
		if (++digits > 15 || (point && scale == 1)) {
			s->p = start;
			fail(s, -EINVAL);
			return;
		}
		v = v * 10 + (*s->p - '0');
		if (point)
			scale /= 10;
	}
	if (*s->p == 'k' || *s->p == 'M' || *s->p == 'G')
		unit = *s->p == 'k' ? 1000 : *s->p == 'M' ? 1000000 : 1000000000;
	s->p += unit > 1;
	if (digits == 0 || isalnum((unsigned char)*s->p) || *s->p == '_' ||
	    __builtin_mul_overflow(v, scale, &v) || __builtin_mul_overflow(v, unit, &v)) {
		s->p = start;
		fail(s, -EINVAL);
		return;
	}
	emit(s, EXPR_NUMBER, minus ? -v : v);
}

void
expr_name(const char *s, char name[static EXPR_NAME])
{
	size_t n = 0;

	while ((isalnum((unsigned char)s[n]) || s[n] == '_') && n < EXPR_NAME - 1)
		n++;
	memcpy(name, s, n);
	name[n] = '\0';
}

static void
operand(struct parser *s)
{
	char name[EXPR_NAME];
	int id;

	skip(s);
	if (s->err != 0)
		return;
	if (*s->p == '(') {
		if (++s->depth > EXPR_DEPTH) {
			fail(s, -E2BIG);
			return;
		}
		s->p++;
		either(s);
		if (s->err == 0 && !take(s, ")"))
			fail(s, -EINVAL);
		s->depth--;
	} else if (isdigit((unsigned char)*s->p) || *s->p == '-' || *s->p == '.') {
		number(s);
	} else if (isalpha((unsigned char)*s->p)) {
		expr_name(s->p, name);
		id = s->find(name);
		if (id < 0) {
			fail(s, -ENOENT);
			return;
		}
		s->p += strlen(name);
		emit(s, EXPR_NAMED, id);
	} else {
		fail(s, -EINVAL);
	}
}

static void
comparison(struct parser *s)
{
	static const struct {
		const char *word;
		enum expr_what what;
	} op[] = {
		{ "<=", EXPR_LE }, { ">=", EXPR_GE }, { "==", EXPR_EQ }, { "!=", EXPR_NE },
		{ "<", EXPR_LT }, { ">", EXPR_GT },
	};

	operand(s);
	for (size_t i = 0; i < sizeof(op) / sizeof(op[0]); i++)
		if (take(s, op[i].word)) {
			operand(s);
			emit(s, op[i].what, 0);
			return;
		}
}

static void
not(struct parser *s)
{
	bool odd = false;

	while (take(s, "!"))
		odd = !odd;
	comparison(s);
	if (odd)
		emit(s, EXPR_NOT, 0);
}

static void
both(struct parser *s)
{
	not(s);
	while (take(s, "&&")) {
		not(s);
		emit(s, EXPR_AND, 0);
	}
}

static void
either(struct parser *s)
{
	both(s);
	while (take(s, "||")) {
		both(s);
		emit(s, EXPR_OR, 0);
	}
}

int
expr_parse(struct expr *e, const char *text, int (*find)(const char *name),
    const char **wrong)
{
	struct parser s = { .e = e, .p = text, .find = find };

	e->n = 0;
	either(&s);
	skip(&s);
	if (s.err == 0 && *s.p != '\0')
		fail(&s, -EINVAL);
	*wrong = s.p;
	return s.err;
}

static bool
is_true(struct expr_value v)
{
	return v.known && v.v != 0;
}

static bool
compare(enum expr_what what, struct expr_value a, struct expr_value b)
{
	if (!a.known || !b.known)
		return false;
	switch (what) {
	case EXPR_LT:	return a.v < b.v;
	case EXPR_LE:	return a.v <= b.v;
	case EXPR_GT:	return a.v > b.v;
	case EXPR_GE:	return a.v >= b.v;
	case EXPR_EQ:	return a.v == b.v;
	default:	return a.v != b.v;
	}
}

bool
expr_holds(const struct expr *e, struct expr_value (*value)(void *arg, int id), void *arg)
{
	struct expr_value stack[EXPR_NODES] = { { false, 0 } };
	unsigned n = 0;
	bool r;

	for (unsigned i = 0; i < e->n; i++) {
		const struct expr_node *o = &e->node[i];

		switch (o->what) {
		case EXPR_NUMBER:
			stack[n++] = (struct expr_value){ true, o->v };
			continue;
		case EXPR_NAMED:
			stack[n++] = value(arg, (int)o->v);
			continue;
		case EXPR_NOT:
			r = !is_true(stack[n - 1]);
			n -= 1;
			break;
		case EXPR_AND:
			r = is_true(stack[n - 2]) && is_true(stack[n - 1]);
			n -= 2;
			break;
		case EXPR_OR:
			r = is_true(stack[n - 2]) || is_true(stack[n - 1]);
			n -= 2;
			break;
		default:
			r = compare(o->what, stack[n - 2], stack[n - 1]);
			n -= 2;
		}
		stack[n++] = (struct expr_value){ true, r ? EXPR_UNIT : 0 };
	}
	return n > 0 && is_true(stack[n - 1]);
}

unsigned
expr_distance(const char *a, const char *b)
{
	unsigned row[EXPR_NAME + 1], n = (unsigned)strnlen(b, EXPR_NAME);

	for (unsigned k = 0; k <= n; k++)
		row[k] = k;
	for (unsigned i = 0; a[i] != '\0' && i < EXPR_NAME; i++) {
		unsigned diagonal = row[0];

		row[0] = i + 1;
		for (unsigned k = 1; k <= n; k++) {
			unsigned best = diagonal + (a[i] != b[k - 1]);

			diagonal = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[n];
}

/* Those that are near first. */
void
expr_near(const char *name, const char *(*nth)(int k), char *out, size_t size)
{
	const char *one;
	size_t len = 0;
	int shown = 0;

	out[0] = '\0';
	for (unsigned far = 1; far <= strlen(name) / 2 && shown < 3; far++)
		for (int k = 0; (one = nth(k)) != NULL && shown < 3; k++) {
			bool inside = strlen(name) > 3 && strstr(one, name) != NULL;
			bool earlier = far > 1 && (inside || expr_distance(name, one) < far);

			if (*one == '\0' || (!inside && expr_distance(name, one) != far) ||
			    earlier)
				continue;
			len += (size_t)snprintf(out + len, size - len, "%s'%s'",
			    shown++ > 0 ? ", " : "", one);
			if (len >= size)
				return;
		}
}
