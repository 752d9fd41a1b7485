/*
 * What lies beside the playlists of an earlier run, or pretends to: no crash, and
 * what can be read comes out the same when it is written and read again.  Behind a
 * zero byte in the input is what each of its archives has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "package/pres.c"
#include "package/state.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
	const uint8_t *data;
	size_t	 len;
};

static int
get(void *arg, const char *name, char **text, size_t *len)
{
	const struct input *archive = arg;

	(void)name;
	if (archive->data == NULL || (*text = malloc(archive->len + 1)) == NULL)
		return -ENOENT;
	memcpy(*text, archive->data, archive->len);
	*len = archive->len;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct pres p, again;
	struct input archive = { .data = len > 0 ? memchr(data, 0, len) : NULL };
	char *text, *second;
	size_t n, m;

	if (archive.data != NULL) {
		archive.len = len - (size_t)(++archive.data - data);
		len -= archive.len + 1;
	}

	memset(&p, 0, sizeof(p));
	memset(&again, 0, sizeof(again));
	if (state_parse(&p, (const char *)data, len, get, &archive) == 0) {
		if ((text = state_put(&p, &n)) == NULL)
			abort();
		if (state_parse(&again, text, n, get, &archive) < 0)
			abort();
		if ((second = state_put(&again, &m)) == NULL || strcmp(text, second) != 0)
			abort();
		free(text);
		free(second);
	}
	pres_free(&p);
	pres_free(&again);
	return 0;
}
