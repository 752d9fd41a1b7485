/*
 * archive.h - where objects go that are seldom read: put, get, stat, delete.
 *
 * Shape    A folder with the same paths as the root, in another file system.  An
 *          object that is in both is the root's; the other is a copy that was
 *          under way, or an older version, and is replaced or removed.
 * Memory   Copies in the kernel, or by a buffer.
 * Threads  Any; the caller sees to it that a path is changed by one at a time.
 * Errors   Negative errno; -ENOENT also when there is no archive.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdbool.h>
#include <sys/stat.h>

#define ARCHIVE_TEMP	64

struct archive {
	int	 dir;			/* or -1: none */
};

/* -EBUSY when another process has it. */
int archive_open(struct archive *a, const char *path);
void archive_close(struct archive *a);

/* An open descriptor to read from. */
int archive_get(const struct archive *a, const char *path, struct stat *st);
/* A folder, to read its names; path may be empty. */
int archive_open_folder(const struct archive *a, const char *path);
int archive_stat(const struct archive *a, const char *path, struct stat *st);

/*
 * A copy of fd, with its attributes and its time, on the disk under a name of its
 * own; archive_commit() gives it the path, archive_drop() gives it up.
 */
int archive_put(const struct archive *a, int fd, char temp[static ARCHIVE_TEMP]);
int archive_commit(const struct archive *a, const char *temp, const char *path);
void archive_drop(const struct archive *a, const char *temp);

/* Remove it, and the folders that are empty then. */
int archive_delete(const struct archive *a, const char *path, bool durable);

#endif
