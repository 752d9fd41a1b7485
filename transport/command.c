#include <string.h>

#include "transport/command.h"

static const struct {
	const char *word;
	bool	 has_arg;
} verbs[] = {
	[COMMAND_NONE] = { "", false },
	[COMMAND_ADD] = { "add", true },
	[COMMAND_CHANGE] = { "change", true },
	[COMMAND_REMOVE] = { "remove", true },
	[COMMAND_PAUSE] = { "pause", true },
	[COMMAND_RESUME] = { "resume", true },
	[COMMAND_ADD_INPUT] = { "add-input", true },
	[COMMAND_REMOVE_INPUT] = { "remove-input", true },
	[COMMAND_LIST] = { "list", false },
	[COMMAND_STATS] = { "stats", false },
	[COMMAND_REVOKE] = { "revoke", true },
	[COMMAND_RELOAD_GRANTS] = { "reload-grants", false },
	[COMMAND_STOP] = { "stop", false },
};

enum command_verb
command_parse(char *line, const char **arg)
{
	char *word = line + strspn(line, " \t"), *rest;
	size_t len;

	for (len = strlen(word); len > 0 && strchr(" \t\r\n", word[len - 1]) != NULL;)
		word[--len] = '\0';
	*arg = word;
	if (*word == '\0' || *word == '#')
		return COMMAND_NONE;
	rest = word + strcspn(word, " \t");
	if (*rest != '\0') {
		*rest++ = '\0';
		rest += strspn(rest, " \t");
	}
	for (unsigned v = COMMAND_ADD; v < sizeof(verbs) / sizeof(verbs[0]); v++)
		if (strcmp(word, verbs[v].word) == 0) {
			if (verbs[v].has_arg == (*rest == '\0'))
				return COMMAND_WRONG;
			*arg = rest;
			return (enum command_verb)v;
		}
	return COMMAND_WRONG;
}
