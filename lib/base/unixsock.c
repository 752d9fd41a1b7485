#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/unixsock.h"

/* Is the path free, or can it be made so? */
static int
make_way(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 || errno == EAGAIN)
		r = -EADDRINUSE;
	else if (errno != ECONNREFUSED || unlink(sa->sun_path) < 0)
		r = -errno;
	close(fd);
	return r;
}

int
unixsock_listen(struct unixsock *u, const char *path, int backlog)
{
	struct stat st;
	int r;

	*u = (struct unixsock){ .fd = -1, .sa.sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(u->sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(u->sa.sun_path, path, strlen(path) + 1);
	if ((r = make_way(&u->sa)) < 0)
		return r;
	u->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode before the name, so that it is never there with another. */
	if (u->fd < 0 || fchmod(u->fd, 0600) < 0 ||
	    bind(u->fd, (const struct sockaddr *)&u->sa, sizeof(u->sa)) < 0) {
		r = -errno;
	} else {
		if (stat(path, &st) == 0) {
			u->dev = st.st_dev;
			u->ino = st.st_ino;
		}
		r = listen(u->fd, backlog) < 0 ? -errno : 0;
	}
	if (r < 0)
		unixsock_close(u);
	return r;
}

void
unixsock_close(struct unixsock *u)
{
	struct stat st;

	if (u->fd < 0)
		return;
	close(u->fd);
	u->fd = -1;
	if (u->ino != 0 && stat(u->sa.sun_path, &st) == 0 && st.st_ino == u->ino &&
	    st.st_dev == u->dev)
		unlink(u->sa.sun_path);
}
