/* Any credentials file: the keys that come out are lines of it. */
#include <stdlib.h>
#include <string.h>

#include "lib/net/s3addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct s3_keys k;
	const char *text = (const char *)data;

	if (s3_keys_parse(&k, text, len, "default") < 0)
		return 0;
	if (*k.id == '\0' || *k.secret == '\0' ||
	    memmem(text, len, k.id, strlen(k.id)) == NULL ||
	    memmem(text, len, k.secret, strlen(k.secret)) == NULL ||
	    strpbrk(k.id, "\n") != NULL || strpbrk(k.token, "\n") != NULL)
		abort();
	return 0;
}
