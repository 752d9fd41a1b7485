/*
 * Conditions: no crash, the mistake is inside the text, and what is understood is the same
 * when it is negated twice.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/expr.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
find(const char *name)
{
	return strlen(name) % 2 == 0 ? (int)strlen(name) : -1;
}

static struct expr_value
value(void *arg, int id)
{
	(void)arg;
	return (struct expr_value){ id % 4 == 0, (int64_t)id * 1500 };
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct expr e, again;
	char *text = strndup((const char *)data, len), *twice;
	const char *wrong;
	size_t n;
	int r;

	if (text == NULL)
		abort();
	n = strlen(text);
	r = expr_parse(&e, text, find, &wrong);
	if (wrong < text || wrong > text + n)
		abort();
	if (r == 0) {
		twice = malloc(n + 8);
		if (twice == NULL)
			abort();
		memcpy(twice, "!!(", 3);
		memcpy(twice + 3, text, n);
		memcpy(twice + 3 + n, ")", 2);
		r = expr_parse(&again, twice, find, &wrong);
		if (r != -E2BIG && (r != 0 || expr_holds(&e, value, NULL) !=
		    expr_holds(&again, value, NULL)))
			abort();
		free(twice);
	}
	expr_distance(text, "source_continuity_counter");
	free(text);
	return 0;
}
