/*
 * What lies beside the playlists of an earlier run, or pretends to: no crash, and
 * what can be read comes out the same when it is written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "package/pres.c"
#include "package/state.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct pres p, again;
	char *text, *second;
	size_t n, m;

	memset(&p, 0, sizeof(p));
	memset(&again, 0, sizeof(again));
	if (state_parse(&p, (const char *)data, len) == 0) {
		if ((text = state_put(&p, &n)) == NULL)
			abort();
		if (state_parse(&again, text, n) < 0)
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
