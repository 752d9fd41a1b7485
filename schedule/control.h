/*
 * control.h - lines at run time: from a FIFO, or over a Unix stream socket.
 *
 * Lines may come in any pieces.  On a socket each that is not blank is answered with
 * one; what is wrong on a FIFO goes to standard error.  A FIFO stays open when its
 * writer goes; a socket is made, and removed at the end.
 *
 * Memory   One struct, big; nothing allocates.
 * Errors   Opening ends with fatal(); later ones touch one client, or are said.
 */
#ifndef SCHEDULE_CONTROL_H
#define SCHEDULE_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define CONTROL_CLIENTS	16
#define CONTROL_LINE	(32 << 10)	/* longer ones are refused */
#define CONTROL_ANSWER	300
#define CONTROL_POLL	(1 + CONTROL_CLIENTS)

/* Takes a line, without its end, and says "ok ..." or "error: ...", or nothing. */
typedef void control_line(void *arg, char *line, char answer[static CONTROL_ANSWER]);

struct control {
	const char *path;		/* NULL: closed */
	int	 fd;			/* the FIFO, or what listens */
	bool	 fifo;
	control_line *line;
	void	*arg;
	struct control_client {
		int	 fd;		/* -1: free */
		bool	 skip;		/* up to the end of a line that is too long */
		size_t	 len;
		char	 text[CONTROL_LINE];
	} client[CONTROL_CLIENTS];
};

void control_open(struct control *c, const char *path, control_line *line, void *arg);

/* What to wait for.  Returns how many. */
unsigned control_poll(const struct control *c, struct pollfd pfd[static CONTROL_POLL]);

/* After the wait, with what it has filled in. */
void control_ready(struct control *c, const struct pollfd *pfd, unsigned n);

void control_close(struct control *c);

#endif
