/*
 * order.h - commands from a named pipe, one a line: "switch N", "auto".
 *
 * Memory   Caller's struct.
 * Threads  One.
 * Errors   Opening: fatal().  A line that is no command is a warning.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stddef.h>

enum order_verb { ORDER_NONE, ORDER_AUTO, ORDER_SWITCH };

struct order {
	const char *path;
	int	 fd;			/* -1: there is no pipe */
	bool	 made;			/* by us: it goes with us */
	bool	 overlong;
	size_t	 len;
	char	 line[256];
};

/* The named pipe is made if it is not there; path NULL: no commands. */
void order_open(struct order *o, const char *path);
void order_close(struct order *o);

/* The next command; *n is the number after the word.  Does not wait. */
enum order_verb order_next(struct order *o, unsigned *n);

/* What one line says; NONE also for nothing and for a comment, *wrong for others. */
enum order_verb order_parse(const char *line, unsigned *n, bool *wrong);

#endif
