/* Stream ids: the user of one is a part of it, and has room. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/leg/streamid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *id = strndup((const char *)data, len), *user = malloc(9), *at;

	if (id == NULL || user == NULL)
		abort();
	if (streamid_user(id, user, 9)) {
		at = strstr(id, user);
		if (strlen(user) == 0 || strlen(user) > 8 || strchr(user, ',') != NULL ||
		    at == NULL || strncmp(id, "#!::", 4) != 0)
			abort();
	}
	free(id);
	free(user);
	return 0;
}
