/*
 * command.h - the commands that mconnect-relay takes while it runs.
 *
 *     add URL         remove ID       pause ID        resume ID       change ID URL
 *     add-input URL   remove-input ID
 *     revoke NAME     reload-grants
 *     list            stats           stop
 *
 * Memory   The argument points into the line, which is changed.
 * Threads  Pure function.
 * Errors   COMMAND_WRONG, and *arg is what is wrong.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

enum command_verb {
	COMMAND_NONE,			/* an empty line, or a comment */
	COMMAND_ADD, COMMAND_CHANGE, COMMAND_REMOVE, COMMAND_PAUSE, COMMAND_RESUME,
	COMMAND_ADD_INPUT, COMMAND_REMOVE_INPUT, COMMAND_LIST, COMMAND_STATS,
	COMMAND_REVOKE, COMMAND_RELOAD_GRANTS, COMMAND_STOP, COMMAND_WRONG,
};

enum command_verb command_parse(char *line, const char **arg);

#endif
