/*
 * archs3.h - the archive in a bucket of S3: private to archive.
 *
 * Shape    The bytes of an object are under PREFIX/PATH/NAME, NAME that of its stub
 *          when that was made: no key is ever used twice, so that a request that
 *          the store carries out late does no harm.  A stub is on the disk before
 *          its key is in the bucket, and leaves it after: .mstore/put-* is being
 *          sent, .mstore/gone-* is to be deleted in the bucket, which one thread
 *          does, also what an earlier process left.
 * Memory   A few clients of s3.h, kept for the next upload.
 * Threads  Any; that for deletions is its own.
 * Errors   Negative errno, and a reason.
 */
#ifndef ARCHS3_H
#define ARCHS3_H

#include "lib/net/s3.h"
#include "origin/archive.h"

#define ARCHS3_KEY	(S3_KEY_MAX + 1)

int archs3_open(struct archive *a, const char *where, const struct tree *root,
    char why[static ARCHIVE_WHY]);
void archs3_close(struct archs3 **s);

/* Make the file to one that stands for an object of size bytes at path. */
int archs3_make_stub(int to, const char *path, const char *temp, int64_t size);

/* Send fd, of path, to where stub says, and look whether all of it is there. */
int archs3_upload(struct archs3 *s, int fd, int stub, const char *path,
    char why[static ARCHIVE_WHY]);

/* A stub that has no path, or is to lose it. */
void archs3_drop(struct archive *a, const char *temp);
int archs3_delete(struct archive *a, const char *path);

/* The key of what an open stub stands for.  -EIO: it is none. */
int archs3_key(const struct archs3 *s, int stub, char key[static ARCHS3_KEY]);

/* A client for the caller's thread, with so many retries, that outlives a stop. */
struct s3 *archs3_client(const struct archs3 *s, unsigned retries);

/* Objects that the bucket has yet to delete. */
uint64_t archs3_pending(const struct archs3 *s);

#endif
