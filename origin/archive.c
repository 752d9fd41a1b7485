#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/net/http.h"
#include "origin/archive.h"

#define TEMP	".mstore-put-"

static int
open_beneath(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : (int)fd;
}

/* Copies that a process left that was killed. */
static void
clean(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, TEMP, sizeof(TEMP) - 1) == 0)
			unlinkat(dir, e->d_name, 0);
	if (d != NULL)
		closedir(d);
}

int
archive_open(struct archive *a, const char *path)
{
	a->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->dir < 0)
		return -errno;
	if (flock(a->dir, LOCK_EX | LOCK_NB) < 0) {
		archive_close(a);
		return -EBUSY;
	}
	clean(a->dir);
	return 0;
}

void
archive_close(struct archive *a)
{
	if (a->dir >= 0)
		close(a->dir);
	a->dir = -1;
}

int
archive_get(const struct archive *a, const char *path, struct stat *st)
{
	int fd = a->dir < 0 ? -ENOENT : open_beneath(a->dir, path,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return fd;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -ENOENT;
}

int
archive_open_folder(const struct archive *a, const char *path)
{
	return a->dir < 0 ? -ENOENT : open_beneath(a->dir, *path != '\0' ? path : ".",
	    O_RDONLY | O_DIRECTORY);
}

int
archive_stat(const struct archive *a, const char *path, struct stat *st)
{
	if (a->dir < 0)
		return -ENOENT;
	return fstatat(a->dir, path, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int
copy_bytes(int from, int to)
{
	loff_t at = 0;
	ssize_t n;
	char buf[65536];

	while ((n = copy_file_range(from, &at, to, NULL, 1 << 24, 0)) > 0)
		;
	while (n < 0 || at == 0) {	/* not between these: by hand */
		n = pread(from, buf, sizeof(buf), at);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(to, buf + done, (size_t)(n - done))) <= 0)
				return w < 0 ? -errno : -EIO;
		at += n;
		n = -1;
	}
	return 0;
}

static void
copy_attributes(int from, int to)
{
	char names[4096], value[4096];
	ssize_t len = flistxattr(from, names, sizeof(names));

	for (const char *p = names; len > 0 && p < names + len; p += strlen(p) + 1) {
		ssize_t n = strncmp(p, "user.", 5) != 0 ? -1 :
		    fgetxattr(from, p, value, sizeof(value));

		if (n >= 0)
			fsetxattr(to, p, value, (size_t)n, 0);
	}
}

int
archive_put(const struct archive *a, int fd, char temp[static ARCHIVE_TEMP])
{
	static _Atomic uint64_t count;
	struct stat st, copied;
	int to, err = 0;

	if (a->dir < 0)
		return -ENOENT;
	snprintf(temp, ARCHIVE_TEMP, TEMP "%" PRIx64, atomic_fetch_add(&count, 1));
	to = openat(a->dir, temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else
		err = copy_bytes(fd, to);
	if (err == 0) {
		struct timespec t[2] = { st.st_atim, st.st_mtim };

		copy_attributes(fd, to);
		if (futimens(to, t) < 0 || fsync(to) < 0 || fstat(to, &copied) < 0)
			err = -errno;
		else if (copied.st_size != st.st_size)
			err = -EIO;
	}
	close(to);
	if (err < 0)
		archive_drop(a, temp);
	return err;
}

void
archive_drop(const struct archive *a, const char *temp)
{
	unlinkat(a->dir, temp, 0);
}

/* The folder of a path, made if need be, and on the disk. */
static int
make_parents(const struct archive *a, const char *path, const char **name)
{
	int dir = fcntl(a->dir, F_DUPFD_CLOEXEC, 3), next;
	char part[HTTP_NAME_MAX + 1];
	size_t len;

	while (dir >= 0 && path[len = strcspn(path, "/")] != '\0') {
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		path += len + 1;
		if (mkdirat(dir, part, 0755) == 0)
			fsync(dir);
		next = open_beneath(dir, part, O_RDONLY | O_DIRECTORY);
		close(dir);
		dir = next;
	}
	*name = path;
	return dir;
}

int
archive_commit(const struct archive *a, const char *temp, const char *path)
{
	const char *name;
	int dir = make_parents(a, path, &name), err = 0;

	if (dir < 0)
		return dir;
	if (renameat(a->dir, temp, dir, name) < 0 || fsync(dir) < 0)
		err = -errno;
	close(dir);
	return err;
}

int
archive_delete(const struct archive *a, const char *path, bool durable)
{
	char dir[HTTP_PATH_MAX], *slash;
	struct stat st;
	int err = archive_stat(a, path, &st), fd;

	if (err < 0)
		return err == -ENOTDIR ? -ENOENT : err;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	fd = slash == NULL ? fcntl(a->dir, F_DUPFD_CLOEXEC, 3) :
	    open_beneath(a->dir, dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (unlinkat(fd, slash == NULL ? path : path + (slash - dir) + 1, 0) < 0 ||
	    (durable && fsync(fd) < 0))
		err = -errno;
	close(fd);
	while (err == 0 && slash != NULL && unlinkat(a->dir, dir, AT_REMOVEDIR) == 0) {
		slash = strrchr(dir, '/');
		if (slash != NULL)
			*slash = '\0';
	}
	return err;
}
