/*
 * expr.h - a condition over named numbers: "cc_errors > 0 || pcr_jitter_us > 500".
 *
 *     either  = both { "||" both }
 *     both    = not { "&&" not }
 *     not     = "!" not | comparison
 *     comparison = operand [ ("<" | "<=" | ">" | ">=" | "==" | "!=") operand ]
 *     operand = number | name | "(" either ")"
 *     number  = [ "-" ] digits [ "." digits ] [ "k" | "M" | "G" ]
 *
 * Units    Values are in thousandths, exactly; a number has three decimals at most
 *          (of its unit, with k, M, G).
 * Memory   One struct; the text is not needed any more once it is parsed.
 * Errors   -EINVAL syntax, -ENOENT a name that is not known, -E2BIG too long or too deep.
 */
#ifndef EXPR_H
#define EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPR_UNIT	1000
#define EXPR_NODES	256
#define EXPR_DEPTH	32
#define EXPR_NAME	64

struct expr_value {
	bool	known;
	int64_t	v;
};

enum expr_what {
	EXPR_NUMBER, EXPR_NAMED, EXPR_NOT, EXPR_AND, EXPR_OR,
	EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE, EXPR_EQ, EXPR_NE,
};

struct expr {
	unsigned n;
	struct expr_node {		/* in the order of a stack machine */
		enum expr_what what;
		int64_t	v;		/* the number, or what find() has given */
	} node[EXPR_NODES];
};

/*
 * find() gives a number that stands for a name, or a negative one.  *wrong is where in
 * the text the mistake is.
 */
int expr_parse(struct expr *e, const char *text, int (*find)(const char *name),
    const char **wrong);

/*
 * A comparison with what is not known is false, and so is that itself.  A number alone
 * is true if it is not 0.
 */
bool expr_holds(const struct expr *e, struct expr_value (*value)(void *arg, int id),
    void *arg);

/* The first name in the text at s, for messages. */
void expr_name(const char *s, char name[static EXPR_NAME]);

/* How unlike two words are: how many letters are to be changed, put in or left out. */
unsigned expr_distance(const char *a, const char *b);

/*
 * Of the words nth() gives, up to NULL, three at most that are like the name, or have it
 * in them, as text for a message; "" is no word.
 */
void expr_near(const char *name, const char *(*nth)(int k), char *out, size_t size);

#endif
