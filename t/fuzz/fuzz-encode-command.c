/*
 * A command: what it is understood as is within bounds, or there is something wrong with
 * it that is said in one line.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "encode/command.c"
#include "encode/doubling.c"
#include "encode/quality.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1), error[COMMAND_ANSWER] = "";
	struct command c;
	int r;

	if (line == NULL)
		return 0;
	memcpy(line, data, len);
	line[len] = '\0';
	r = command_parse(&c, line, error);
	assert(r >= -1 && r <= 1);
	assert((r < 0) == (error[0] != '\0'));
	if (r > 0) {
		assert(c.rung != NULL && c.rung >= line && c.rung < line + len);
		assert(c.rate == 0 || c.rate >= RUNG_RATE_LEAST);
		assert(c.quality == 0 ||
		    (c.quality >= QUALITY_LEAST && c.quality <= QUALITY_MOST));
		assert(c.show || c.rate > 0 || c.has_quality);
	}
	free(line);
	return 0;
}
