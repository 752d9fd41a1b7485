/*
 * control.h - commands of one line each, answered by one line of JSON.
 *
 *     add URL         remove ID       pause ID        resume ID
 *     add-input URL   remove-input ID
 *     list            stats           stop
 *
 * Shape    A stream socket of the file system, many clients; those who do not read
 *          their answers are put out.
 * Memory   control_free() gives all back.
 * Threads  One.
 * Errors   control_open(): negative errno.  A wrong command: {"error": reason}.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdint.h>

#include "transport/relay.h"

#define CONTROL_CLIENTS	32
#define CONTROL_LINE	9216		/* a URL may be long */

enum control_verb {
	CONTROL_NONE,			/* an empty line, or a comment */
	CONTROL_ADD, CONTROL_REMOVE, CONTROL_PAUSE, CONTROL_RESUME,
	CONTROL_ADD_INPUT, CONTROL_REMOVE_INPUT, CONTROL_LIST, CONTROL_STATS,
	CONTROL_STOP, CONTROL_WRONG,
};

/*
 * Read a line, which is changed.  *arg points into it; CONTROL_WRONG: to what is
 * wrong.
 */
enum control_verb control_parse(char *line, const char **arg);

/* Do it.  Gives the answer. */
json_t *control_do(struct relay *r, enum control_verb verb, const char *arg);

struct control {
	char	*path;
	int	 fd;
	struct control_client {
		int	 fd;			/* -1: free */
		size_t	 fill;
		bool	 overlong;
		char	 line[CONTROL_LINE];
	} client[CONTROL_CLIENTS];
};

int control_open(struct control *c, const char *path, struct relay *r);
void control_free(struct control *c);

/* The listener (n is CONTROL_CLIENTS) or a client has something. */
void control_ready(struct control *c, unsigned n, struct relay *r);

#endif
