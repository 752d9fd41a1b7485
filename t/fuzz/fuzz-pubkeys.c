/* Lines of the file of stream keys: names are what a file may be called. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/pubkeys.c"

void
rtmpd_digest(const char *app, const char *key, uint8_t digest[static RTMPD_DIGEST])
{
	if (*app != '\0' || strchr(key, '/') == NULL)
		abort();
	memset(digest, 0, RTMPD_DIGEST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = strndup((const char *)data, len);
	const char *reason = NULL;
	struct pubkey key;
	int r;

	if (line == NULL)
		abort();
	r = pubkeys_parse(line, &key, &reason);
	if (r > 0 && (strchr(key.name, '/') != NULL || key.name[0] == '.' || key.name[0] == '\0'))
		abort();
	if (r < 0 && reason == NULL)
		abort();
	free(line);
	return 0;
}
