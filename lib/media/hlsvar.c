#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/url.h"
#include "lib/media/hlsvar.h"

static const struct hls_variable *
find(const struct hls *h, const char *name, size_t len)
{
	for (size_t i = 0; h != NULL && i < h->nvariable; i++)
		if (strlen(h->variable[i].name) == len &&
		    memcmp(h->variable[i].name, name, len) == 0)
			return &h->variable[i];
	return NULL;
}

/* The length of the reference at s, "{$name}", or 0. */
static size_t
reference_len(const char *s)
{
	size_t len = 2;

	if (s[0] != '{' || s[1] != '$')
		return 0;
	while (isalnum((unsigned char)s[len]) || s[len] == '-' || s[len] == '_')
		len++;
	return len > 2 && s[len] == '}' ? len + 1 : 0;
}

static const char *
next_reference(const char *s)
{
	while ((s = strstr(s, "{$")) != NULL && reference_len(s) == 0)
		s += 2;
	return s;
}

bool
hlsvar_refers(const char *line)
{
	return (*line != '#' || strncmp(line, "#EXT-X-", 7) == 0) &&
	    next_reference(line) != NULL;
}

int
hlsvar_expand(const struct hls *h, const char *line, size_t max, char **out)
{
	size_t len = strlen(line) + 1;
	const struct hls_variable *v;
	const char *at, *next;
	char *to;

	for (at = line; (next = next_reference(at)) != NULL;
	    at = next + reference_len(next)) {
		v = find(h, next + 2, reference_len(next) - 3);
		if (v == NULL)
			return -EBADMSG;
		len += strlen(v->value) - reference_len(next);
		if (len > max)
			return -E2BIG;
	}
	if ((to = *out = malloc(len)) == NULL)
		return -ENOMEM;
	for (at = line; (next = next_reference(at)) != NULL;
	    at = next + reference_len(next)) {
		v = find(h, next + 2, reference_len(next) - 3);
		to = stpcpy(mempcpy(to, at, (size_t)(next - at)), v->value);
	}
	memcpy(to, at, strlen(at) + 1);
	return 0;
}

/* The value of a parameter of the query, percent-decoded. */
static int
query_value(const char *url, const char *name, char **out)
{
	struct url *u = malloc(sizeof(*u));
	const char *value = NULL;

	if (u == NULL)
		return -ENOMEM;
	if (url != NULL && url_parse(u, url) == 0)
		value = url_get(u, name);
	if (value != NULL && strpbrk(value, "\"\r\n") == NULL)
		*out = strdup(value);
	free(u);
	return *out == NULL ? -EBADMSG : 0;
}

int
hlsvar_define(const struct hls *h, const char *list, const char *url,
    const struct hls *parent, struct hls_variable *v, char **owned)
{
	const struct hls_variable *imported = NULL;
	const char *import = NULL, *query = NULL;
	struct hls_attr a;
	int r;

	*v = (struct hls_variable){ NULL, NULL };
	*owned = NULL;
	while ((r = hls_attr_next(&list, &a)) > 0) {
		if (hls_attr_is(&a, "NAME"))
			v->name = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "VALUE"))
			v->value = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "IMPORT"))
			import = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "QUERYPARAM"))
			query = hls_attr_keep(&a);
	}
	if (r < 0 || (v->name != NULL) + (import != NULL) + (query != NULL) != 1)
		return -EBADMSG;
	if (query != NULL) {
		if ((r = query_value(url, query, owned)) < 0)
			return r;
		*v = (struct hls_variable){ query, *owned };
	} else if (import != NULL) {
		if ((imported = find(parent, import, strlen(import))) == NULL)
			return -EBADMSG;
		*v = *imported;
	}
	if (v->value == NULL || find(h, v->name, strlen(v->name)) != NULL)
		return -EBADMSG;
	return 0;
}
