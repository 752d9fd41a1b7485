/*
 * recordq.h - bytes on their way to files, written by a thread of its own, so that a
 * slow disk holds nobody up.
 *
 * Shape    Chunks of RECORDQ_CHUNK bytes, RECORDQ_LIMIT of them in all: when the writer
 *          is that far behind there is no room.  A block stands in one chunk, whole; a
 *          chunk goes to one file.  After the first error nothing is written any more,
 *          and the file ends with its last whole chunk.
 * Memory   recordq_free() gives all back, but waits for a disk that hangs for
 *          RECORDQ_PATIENCE_NS only, and leaves it to it then.
 * Threads  The functions: one.  The writer takes a lock for the lists of chunks, never
 *          while it writes.
 * Errors   -ENOMEM or another negative errno.
 */
#ifndef RECORDQ_H
#define RECORDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDQ_CHUNK		131072
#define RECORDQ_LIMIT		128
#define RECORDQ_PATIENCE_NS	INT64_C(5000000000)

struct recordq;

/* fd of the first file: is taken. */
int recordq_new(struct recordq **q, int fd);
/* *error: why not all of it is written, or 0. */
void recordq_free(struct recordq *q, int *error);

/* Room for a block, which counts as written; NULL: there is none. */
uint8_t *recordq_room(struct recordq *q, size_t len);

/* What comes now goes to the file of that name.  false: there is no room. */
bool recordq_file(struct recordq *q, const char *path);

/* What there is goes to the writer now. */
void recordq_push(struct recordq *q);

/* Bytes in files; and why no more are written: an errno, or 0. */
uint64_t recordq_bytes(struct recordq *q);
int recordq_error(struct recordq *q);

#endif
