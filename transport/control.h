/*
 * control.h - commands (command.h) of one line each, answered by one line of JSON.
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

#include "lib/base/unixsock.h"
#include "transport/command.h"
#include "transport/relay.h"

#define CONTROL_CLIENTS	32
#define CONTROL_LINE	9216		/* a URL may be long */

/* Do it.  Gives the answer. */
json_t *control_do(struct relay *r, enum command_verb verb, const char *arg);

struct control {
	struct unixsock listener;
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
