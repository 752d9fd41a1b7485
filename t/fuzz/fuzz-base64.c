/* What is decoded is encoded as the same text, but for padding and spare bits. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *again;
	uint8_t *out = malloc(len + 1);
	int n;

	if (text == NULL || out == NULL)
		abort();
	if (len > 0)
		memcpy(text, data, len);
	n = base64_decode(text, len, out, len);
	if (n > 0) {
		if ((size_t)n > len / 4 * 3 + 2 || (again = malloc(BASE64_SIZE((size_t)n))) == NULL)
			abort();
		base64_encode(out, (size_t)n, again);
		/* The last character may have had bits that say nothing. */
		if (memcmp(text, again, ((size_t)n * 8 + 5) / 6 - 1) != 0)
			abort();
		free(again);
	}
	free(out);
	free(text);
	return 0;
}
