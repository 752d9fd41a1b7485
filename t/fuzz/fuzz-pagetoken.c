/* A token that is taken is the one that is made of its name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/pagetoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h1_str text = { (const char *)data, size };
	char name[PAGETOKEN_NAME], again[PAGETOKEN_MAX];

	if (pagetoken_parse(text, "a", name) != 0)
		return 0;
	pagetoken_put("a", name, again);
	if (strlen(again) != size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
