/* Lines of commands and of a configuration: what is found in them stays inside them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/command.c"
#undef BLANKS
#include "transport/relayconf.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1), *word, *value;
	const char *arg = NULL;
	enum command_verb verb;

	if (line == NULL)
		abort();
	memcpy(line, data, len);
	line[len] = '\0';
	verb = command_parse(line, &arg);
	if (arg < line || arg + strlen(arg) > line + len)
		abort();
	if ((verb == COMMAND_ADD || verb == COMMAND_REMOVE) && *arg == '\0')
		abort();
	memcpy(line, data, len);
	if (relayconf_line(line, &word, &value) == 1 && (*word == '\0' || *word == '#' ||
	    value < word || value + strlen(value) > line + len))
		abort();
	free(line);
	return 0;
}
