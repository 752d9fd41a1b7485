/* The transport of sink.c into a directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/readfile.h"
#include "lib/net/place.h"
#include "lib/net/sinkq.h"

/*
 * Not yet whole objects have this name, in the folder they belong to, and are locked; with
 * our number behind it while another process has it.  So what one that was killed has left
 * there is used by the next.
 */
#define PART	".mlive-part"
#define PART_MAX	(SINK_NAME_MAX + sizeof(PART) + 16)

struct dir {
	int	 fd;
	char	 part[sizeof(PART) + 16];
};

static void *
dir_open(const char *url, const struct sink_config *c, int *err)
{
	struct dir *d;

	(void)c;
	url = place_path(url);
	if ((*err = io_make_dirs(AT_FDCWD, url)) < 0)
		return NULL;
	d = malloc(sizeof(*d));
	*err = -ENOMEM;
	if (d == NULL)
		return NULL;
	snprintf(d->part, sizeof(d->part), PART ".%ld", (long)getpid());
	d->fd = open(url, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd >= 0 && faccessat(d->fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return d;
	*err = -errno;
	if (d->fd >= 0)
		close(d->fd);
	free(d);
	return NULL;
}

static void
dir_close(void *t)
{
	struct dir *d = t;

	close(d->fd);
	free(d);
}

static int
write_all(int fd, const struct iovec *from, unsigned n)
{
	struct iovec iov[SINK_PIECES], *v = iov;

	memcpy(iov, from, n * sizeof(iov[0]));
	while (n > 0) {
		ssize_t w = writev(fd, v, (int)n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		while (n > 0 && (size_t)w >= v->iov_len) {
			w -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + w;
			v->iov_len -= (size_t)w;
		}
	}
	return 0;
}

/* -EBUSY: another process or user has it, or has just made an object of it. */
static int
open_locked(struct dir *d, const char *part)
{
	int fd = openat(d->fd, part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	struct stat ours, there;

	if (fd < 0)
		return errno == EACCES ? -EBUSY : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &ours) == 0 &&
	    fstatat(d->fd, part, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev &&
	    ftruncate(fd, 0) == 0)
		return fd;
	close(fd);
	return -EBUSY;
}

/* A new file beside those of an object, and its name. */
static int
open_part(struct dir *d, const struct sink_object *o,
    char part[static PART_MAX])
{
	const char *slash = strrchr(o->name, '/');
	size_t folder = slash != NULL ? (size_t)(slash - o->name) + 1 : 0;
	char parents[SINK_NAME_MAX];
	int fd, r;

	memcpy(part, o->name, folder);
	memcpy(part + folder, PART, sizeof(PART));
	fd = open_locked(d, part);
	if (fd == -ENOENT && folder > 0) {
		memcpy(parents, o->name, folder - 1);
		parents[folder - 1] = '\0';
		if ((r = io_make_dirs(d->fd, parents)) < 0)
			return r;
		fd = open_locked(d, part);
	}
	if (fd != -EBUSY)
		return fd;
	memcpy(part + folder, d->part, strlen(d->part) + 1);
	fd = openat(d->fd, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

static int
put(struct dir *d, const struct sink_object *o)
{
	char part[PART_MAX];
	int fd = open_part(d, o, part), lock, r;

	if (fd < 0)
		return fd;
	r = write_all(fd, o->iov, o->niov);
	/* That it is closed tells whether all was written; the lock has to last. */
	if ((lock = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0 && r == 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(d->fd, part, d->fd, o->name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(d->fd, part, 0);
	if (lock >= 0)
		close(lock);
	return r;
}

/* ---- one that grows */

static int
dir_more(void *t, struct sink_item *i, char reason[static 256])
{
	size_t at = 0;
	int r = 0;

	(void)t;
	for (unsigned n = 0; n < i->npiece && r == 0; at += i->piece[n++].len) {
		struct iovec v = { i->piece[n].p, i->piece[n].len };

		if (at >= i->sent && (r = write_all(i->fd, &v, 1)) == 0)
			i->sent = at + v.iov_len;
	}
	if (r == 0 && !i->closed)
		return 1;
	if (close(i->fd) < 0 && r == 0)
		r = -errno;
	i->fd = -1;
	if (r < 0)
		snprintf(reason, 256, "%s", strerror(-r));
	return r;
}

/* It has its name before its bytes: of an older one nothing is mixed with it. */
static int
start_growing(struct dir *d, struct sink_item *i, char reason[static 256])
{
	char part[PART_MAX];
	int r = 0;

	i->fd = open_part(d, &i->o, part);
	if (i->fd < 0) {
		r = i->fd;
	} else if (renameat(d->fd, part, d->fd, i->o.name) < 0) {
		r = -errno;
		close(i->fd);
		unlinkat(d->fd, part, 0);
	}
	if (r == 0)
		return dir_more(d, i, reason);
	snprintf(reason, 256, "%s", strerror(-r));
	return r;
}

static int
dir_start(void *t, struct sink_item *i, char reason[static 256])
{
	struct dir *d = t;
	int r;

	if (i->grows)
		return start_growing(d, i, reason);
	if (i->remove)
		r = unlinkat(d->fd, i->o.name, 0) < 0 && errno != ENOENT ? -errno : 0;
	else
		r = put(d, &i->o);
	if (r < 0)
		snprintf(reason, 256, "%s", strerror(-r));
	return r;
}

static void
dir_cancel(void *t, struct sink_item *i)
{
	(void)t;
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

static int
dir_get(void *t, const char *name, char **data, size_t *len, char reason[static 256])
{
	const struct dir *d = t;
	int r = read_file(d->fd, name, (size_t)1 << 40, data, len);

	if (r < 0)
		snprintf(reason, 256, "%s", strerror(-r));
	return r;
}

const struct sink_transport sink_dir = {
	.open = dir_open, .close = dir_close, .start = dir_start,
	.more = dir_more, .cancel = dir_cancel, .get = dir_get,
};
