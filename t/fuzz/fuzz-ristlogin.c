/* A user's name, a zero, and a line of a file of users: what is found is whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/leg/ristlogin.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 2), *verifier = NULL, *salt = NULL;
	size_t verifier_len = 0, salt_len = 0;
	const char *line;

	if (text == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = text[len + 1] = '\0';
	line = text + strlen(text) + 1;
	if (line > text + len + 1)
		abort();
	if (ristlogin_line(line, text, &verifier_len, &verifier, &salt_len, &salt)) {
		if (verifier == NULL || salt == NULL || verifier_len == 0 || salt_len == 0 ||
		    verifier_len + salt_len > len)
			abort();
	} else if (verifier != NULL || salt != NULL || verifier_len + salt_len != 0) {
		abort();
	}
	free(verifier);
	free(salt);
	free(text);
	return 0;
}
