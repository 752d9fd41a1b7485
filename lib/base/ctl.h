/*
 * ctl.h - lines at run time: from a FIFO, or over a Unix stream socket.
 *
 * Lines may come in any pieces.  On a socket each that is not blank is answered with
 * one; what is wrong on a FIFO goes to standard error.  A FIFO stays open when its
 * writer goes; a socket is made, and removed at the end.
 *
 * Memory   One struct, big; nothing allocates.
 * Errors   Opening ends with fatal(); later ones touch one client, or are said.
 */
#ifndef CTL_H
#define CTL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/unixsock.h"

#define CTL_CLIENTS	16
#define CTL_LINE	(32 << 10)	/* longer ones are refused */
#define CTL_ANSWER	1000
#define CTL_POLL	(1 + CTL_CLIENTS)

/* Takes a line, without its end, and says "ok ..." or "error: ...", or nothing. */
typedef void ctl_line(void *arg, char *line, char answer[static CTL_ANSWER]);

struct ctl {
	const char *path;		/* NULL: closed */
	int	 fd;			/* the FIFO, or what listens */
	struct unixsock listener;	/* if it is none */
	bool	 fifo;
	ctl_line *line;
	void	*arg;
	struct ctl_client {
		int	 fd;		/* -1: free */
		bool	 skip;		/* up to the end of a line that is too long */
		size_t	 len;
		char	 text[CTL_LINE];
	} client[CTL_CLIENTS];
};

void ctl_open(struct ctl *c, const char *path, ctl_line *line, void *arg);

/* What to wait for.  Returns how many. */
unsigned ctl_poll(const struct ctl *c, struct pollfd pfd[static CTL_POLL]);

/* After the wait, with what it has filled in. */
void ctl_ready(struct ctl *c, const struct pollfd *pfd, unsigned n);

void ctl_close(struct ctl *c);

#endif
