#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/http.h"
#include "origin/tree.h"

#define LOCK_WAIT	(3 * CLK_SECOND)

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

int
tree_clean(const struct tree *t)
{
	int fd = openat(t->temp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (dir == NULL)
		return -errno;
	while ((e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, "put-", 4) == 0)
			unlinkat(t->temp, e->d_name, 0);
	closedir(dir);
	return 0;
}

/*
 * One server for a root.  One that was killed keeps its lock for a moment, while
 * the system takes it apart: whoever starts it again should not have to wait.
 */
static int
take_lock(int fd)
{
	int64_t until = clk_mono_ns() + LOCK_WAIT;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (clk_mono_ns() >= until ||
		    clk_sleep_until(clk_mono_ns() + CLK_SECOND / 50) < 0)
			return -EBUSY;
	}
	return 0;
}

int
tree_open(struct tree *t, const char *root)
{
	int err;

	*t = (struct tree){ .path = root, .temp = -1, .lock = -1,
	    .instance = (uint64_t)clk_utc_ns() };
	pthread_mutex_init(&t->mend, NULL);
	t->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->root < 0)
		return -errno;
	if (mkdirat(t->root, ".mstore", 0700) == 0 || errno == EEXIST)
		t->temp = open_beneath(t->root, ".mstore", O_RDONLY | O_DIRECTORY);
	if (t->temp >= 0)
		t->lock = openat(t->temp, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	err = t->lock < 0 ? -errno : take_lock(t->lock);
	if (err < 0)
		tree_close(t);
	return err;
}

void
tree_close(struct tree *t)
{
	int fd[] = { t->lock, t->temp, t->root };

	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

int
tree_look(const struct tree *t)
{
	struct stat st, named;

	if (fstat(t->root, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -EIDRM;
	return stat(t->path, &named) == 0 && named.st_dev == st.st_dev &&
	    named.st_ino == st.st_ino ? 0 : -EXDEV;
}

/* Is dir the folder like, or anywhere below it?  What cannot be seen is not. */
static bool
is_below(int dir, const struct stat *like)
{
	struct stat st = { .st_ino = 0 }, up;
	int fd = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), next;
	bool found = false;

	while (fd >= 0 && !found && fstat(fd, &up) == 0 &&
	    (up.st_ino != st.st_ino || up.st_dev != st.st_dev)) {
		st = up;
		found = st.st_ino == like->st_ino && st.st_dev == like->st_dev;
		next = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	if (fd >= 0)
		close(fd);
	return found;
}

bool
tree_overlaps(const struct tree *t, int dir)
{
	struct stat own, other;

	return fstat(t->root, &own) == 0 && fstat(dir, &other) == 0 &&
	    (is_below(dir, &own) || is_below(t->root, &other));
}

/* What stands for "there is no such object". */
static int
missing(int err)
{
	switch (err) {
	case -ENOTDIR:
	case -ELOOP:
	case -EXDEV:
	case -ENXIO:
	case -EISDIR:
		return -ENOENT;
	default:
		return err;
	}
}

int
tree_open_object(const struct tree *t, const char *path, struct stat *st)
{
	int fd = open_beneath(t->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return missing(fd);
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -ENOENT;
}

int
tree_open_folder(const struct tree *t, const char *path)
{
	int fd = open_beneath(t->root, *path != '\0' ? path : ".",
	    O_RDONLY | O_DIRECTORY);

	return fd < 0 ? missing(fd) : fd;
}

int
tree_stat(const struct tree *t, const char *path, struct stat *st)
{
	if (fstatat(t->root, path, st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return missing(-errno);
}

/*
 * Someone has removed .mstore: make it anew.  It takes the place of the one before
 * at once, for all threads.
 */
static int
mend_temp(struct tree *t)
{
	int temp, lock, err = 0;

	if (mkdirat(t->root, ".mstore", 0700) < 0 && errno != EEXIST)
		return errno == ENOENT ? -EIDRM : -errno;
	temp = open_beneath(t->root, ".mstore", O_RDONLY | O_DIRECTORY);
	if (temp < 0)
		return temp;
	lock = openat(temp, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0 ||
	    dup3(lock, t->lock, O_CLOEXEC) < 0 || dup3(temp, t->temp, O_CLOEXEC) < 0)
		err = -errno;
	if (lock >= 0)
		close(lock);
	close(temp);
	return err;
}

static int
make_temp(const struct tree *t, char name[static TREE_TEMP])
{
	static _Thread_local uint64_t count;
	int fd;

	do {
		snprintf(name, TREE_TEMP, "put-%" PRIx64 "-%x-%" PRIx64, t->instance,
		    (unsigned)gettid(), ++count);
		fd = openat(t->temp, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	} while (fd < 0 && errno == EEXIST);
	return fd < 0 ? -errno : fd;
}

int
tree_temp(struct tree *t, char name[static TREE_TEMP])
{
	int fd = make_temp(t, name), err;

	if (fd != -ENOENT)
		return fd;
	pthread_mutex_lock(&t->mend);
	fd = make_temp(t, name);	/* another may have been here */
	if (fd == -ENOENT)
		fd = (err = mend_temp(t)) < 0 ? err : make_temp(t, name);
	pthread_mutex_unlock(&t->mend);
	return fd;
}

void
tree_drop_temp(const struct tree *t, const char *name)
{
	unlinkat(t->temp, name, 0);
}

/* Make the folders on the way that are not there. */
static int
make_parents(const struct tree *t, const char *path, bool durable)
{
	int dir = fcntl(t->root, F_DUPFD_CLOEXEC, 3), next;
	char part[HTTP_NAME_MAX + 1];

	while (dir >= 0) {
		size_t len = strcspn(path, "/");

		if (path[len] == '\0')
			return dir;
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		path += len + 1;
		if (mkdirat(dir, part, 0755) == 0) {
			if (durable)
				fsync(dir);
		} else if (errno != EEXIST) {
			next = -errno;
			close(dir);
			return next;
		}
		next = open_beneath(dir, part, O_RDONLY | O_DIRECTORY);
		close(dir);
		if (next < 0)
			return next;
		dir = next;
	}
	return -errno;
}

int
tree_open_parent(const struct tree *t, const char *path, bool create,
    bool durable, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[HTTP_PATH_MAX];
	int fd;

	*name = slash == NULL ? path : slash + 1;
	if (slash == NULL) {
		fd = fcntl(t->root, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	fd = open_beneath(t->root, dir, O_RDONLY | O_DIRECTORY);
	return fd == -ENOENT && create ? make_parents(t, path, durable) : fd;
}

int
tree_check_parent(const struct tree *t, const char *path)
{
	const char *name;
	int fd = tree_open_parent(t, path, false, false, &name);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -ENOENT ? 0 : fd;
}

int
tree_commit(const struct tree *t, const char *temp, const char *path, bool durable)
{
	const char *name;
	int dir = tree_open_parent(t, path, true, durable, &name), err = 0;

	if (dir < 0)
		return dir;
	if (renameat(t->temp, temp, dir, name) < 0 || (durable && fsync(dir) < 0))
		err = -errno;
	close(dir);
	return err;
}

/* The folders above path that are empty. */
static int
remove_parents(const struct tree *t, const char *path)
{
	char dir[HTTP_PATH_MAX], *slash;
	const char *name;
	int fd, err = 0;

	snprintf(dir, sizeof(dir), "%s", path);
	while (err == 0 && (slash = strrchr(dir, '/')) != NULL) {
		*slash = '\0';
		fd = tree_open_parent(t, dir, false, false, &name);
		if (fd < 0)
			break;
		err = unlinkat(fd, name, AT_REMOVEDIR);
		close(fd);
	}
	return 0;	/* one that holds something else: that is all */
}

int
tree_remove(const struct tree *t, const char *path, bool durable)
{
	const char *name;
	int fd = tree_open_parent(t, path, false, false, &name), err = 0;
	struct stat st;

	if (fd < 0)
		return missing(fd);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		err = -ENOENT;
	else if (unlinkat(fd, name, 0) < 0 || (durable && fsync(fd) < 0))
		err = -errno;
	close(fd);
	return err < 0 ? err : remove_parents(t, path);
}

int
tree_withdraw(const struct tree *t, const char *path, const char *temp)
{
	const char *name;
	int fd = tree_open_parent(t, path, false, false, &name), err = 0;
	struct stat st;

	if (fd < 0)
		return missing(fd);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		err = -ENOENT;
	else if (renameat(fd, name, t->temp, temp) < 0)
		err = -errno;
	close(fd);
	return err < 0 ? err : remove_parents(t, path);
}
