/*
 * unixsock.h - a Unix stream socket that listens at a path.
 *
 * Shape    One that is left of a process that was killed is replaced; one that somebody
 *          listens on is not.  Only its owner can connect.
 * Memory   unixsock_close() removes the path, if it is still ours.
 * Errors   Negative errno: -EADDRINUSE somebody listens there, -EEXIST it is no socket,
 *          -ENAMETOOLONG.
 */
#ifndef UNIXSOCK_H
#define UNIXSOCK_H

#include <sys/types.h>
#include <sys/un.h>

struct unixsock {
	int	 fd;		/* to accept(2) from, never blocks; -1 closed */
	struct sockaddr_un sa;
	dev_t	 dev;
	ino_t	 ino;
};

int unixsock_listen(struct unixsock *u, const char *path, int backlog);
void unixsock_close(struct unixsock *u);

#endif
