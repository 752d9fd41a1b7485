/*
 * archive.h - where objects go that are seldom read: put, get, stat, delete.
 *
 * Shape    A tree like the root, in another file system; or a bucket of S3, with a
 *          stub for each object in ROOT/.mstore/archive: a file without blocks,
 *          that has the size, the time and the attributes of the object, so that
 *          only reading its bytes asks S3 (archget.h).  An object that is in the
 *          root as well is the root's; the other is a copy that was under way, or
 *          an older version, and is replaced or removed.
 * Memory   Copies in the kernel, or by a buffer; to S3 part by part.
 * Threads  Any; the caller sees to it that a path is changed by one at a time.
 * Errors   Negative errno; -ENOENT also when there is no archive.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "origin/tree.h"

struct archs3;

struct archive {
	bool	 on;
	struct tree tree;		/* of the objects, or of their stubs */
	struct archs3 *s3;		/* where their bytes are then, or NULL */
};

#define ARCHIVE_WHY	256

/*
 * where: a folder, or s3://bucket/prefix; root is the server's.  -EBUSY when another
 * process has it, -EINVAL for a wrong address or another bucket than before; why is
 * set on any error.
 */
int archive_open(struct archive *a, const char *where, const struct tree *root,
    char why[static ARCHIVE_WHY]);
void archive_close(struct archive *a);

/* Does this root have objects in a bucket, which *why names? */
bool archive_forgotten(const struct tree *root, char why[static ARCHIVE_WHY]);

/* An open file: of the object, or its stub when the archive is S3. */
int archive_get(const struct archive *a, const char *path, struct stat *st);
/* A folder, to read its names; path may be empty. */
int archive_open_folder(const struct archive *a, const char *path);
int archive_stat(const struct archive *a, const char *path, struct stat *st);

/*
 * A copy of fd, the object of path, with its attributes and its time, on the disk or
 * in the bucket, under a name of its own; archive_commit() gives it the path,
 * archive_drop() gives it up.
 */
int archive_put(struct archive *a, int fd, const char *path,
    char temp[static TREE_TEMP], char why[static ARCHIVE_WHY]);
int archive_commit(const struct archive *a, const char *temp, const char *path);
void archive_drop(struct archive *a, const char *temp);

/* Remove it, and the folders that are empty then. */
int archive_delete(struct archive *a, const char *path, bool durable);

#endif
