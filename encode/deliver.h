/*
 * deliver.h - files and texts to a directory, a server by PUT, or S3, one by one.
 *
 * An object appears whole.  In a directory a file of the same file system is linked
 * to its new name, others are copied and synced.
 *
 * Shape    URL: a path, file://, http(s)://, s3://, as in sink.h.
 * Threads  Belongs to one thread, which it blocks.
 * Errors   Negative errno values, with a reason; -EEXIST there is one of this name.
 */
#ifndef ENCODE_DELIVER_H
#define ENCODE_DELIVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/why.h"
#include "lib/net/s3.h"

struct deliver {
	int	 dir;			/* or -1: */
	struct s3 *s3;
	char	 prefix[S3_KEY_MAX + 1];
	char	 why[WHY_ROOM];
	int	 fd;			/* of the file on its way */
	atomic_ullong moved;		/* bytes of files, of all attempts: any thread */
};

int deliver_init(struct deliver *d, const char *url, const char *token);
void deliver_free(struct deliver *d);

/* The file `name` of folder, which is size long; create: only if there is none. */
int deliver_file(struct deliver *d, int folder, const char *file, int64_t size,
    const char *name, const char *content_type, bool create);

int deliver_text(struct deliver *d, const char *name, const char *content_type,
    const char *text, size_t len);

/*
 * What an attempt whose answer was lost may have left: 0 there is one of this size, or a
 * server by http, which is not asked; -ENOENT there is none; -EEXIST it is another.
 */
int deliver_check(struct deliver *d, const char *name, int64_t size);

/* Is it such a server? */
bool deliver_blind(const struct deliver *d);

int deliver_remove(struct deliver *d, const char *name);

/* Gives *text; -ENOENT there is none. */
int deliver_get(struct deliver *d, const char *name, char **text, size_t *len);

/* What an earlier run has begun to send of this name, and will not end. */
void deliver_tidy(struct deliver *d, const char *name);

#endif
