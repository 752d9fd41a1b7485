/*
 * tree.h - the folder that holds the objects, and ways into it that stay inside.
 *
 * Shape    Objects are plain files under the root.  ROOT/.mstore holds what is
 *          being written and a lock; no request can name it (http_parse_path).
 *          Paths are resolved beneath the root and never through a symlink.
 * Memory   Descriptors that are returned are the caller's to close.
 * Threads  Any.
 * Errors   Negative errno.
 */
#ifndef TREE_H
#define TREE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/clk.h"

struct tree {
	const char *path;		/* of the root when it was opened, borrowed */
	int root, temp, lock;		/* descriptors; their numbers stay */
	pthread_mutex_t mend;		/* one who makes temp anew */
	uint64_t instance;		/* makes names of temporary files unique */
};

/* -EBUSY when another process has this root. */
int tree_open(struct tree *t, const char *root);
void tree_close(struct tree *t);

/* Throw away what an earlier process left half-written. */
int tree_clean(const struct tree *t);

/* 0, -EIDRM when the root was removed, -EXDEV when it has another name now. */
int tree_look(const struct tree *t);

/* Is the folder dir the root, or one of them below the other? */
bool tree_overlaps(const struct tree *t, int dir);

/* Open an object to read.  -ENOENT for all that is not a regular file. */
int tree_open_object(const struct tree *t, const char *path, struct stat *st);

/* Look at the file that has this name, without opening it. */
int tree_stat(const struct tree *t, const char *path, struct stat *st);

/*
 * When it was last changed.  What others have set to a time centuries away is brought
 * so near that ages and dates can be reckoned from it.
 */
static inline int64_t
tree_mtime_ns(const struct stat *st)
{
	const int64_t most = INT64_C(7000000000);	/* the year 2191 */
	int64_t s = st->st_mtim.tv_sec;

	return (s > most ? most : s < -most ? -most : s) * CLK_SECOND + st->st_mtim.tv_nsec;
}

/* Open a folder to read its names; path may be empty: the root. */
int tree_open_folder(const struct tree *t, const char *path);

#define TREE_TEMP	64

/*
 * A new empty file; its name in name.  Returns the descriptor; -EIDRM when the root
 * was removed.
 */
int tree_temp(struct tree *t, char name[static TREE_TEMP]);
void tree_drop_temp(const struct tree *t, const char *name);

/*
 * Open the folder of an object, made if create; *name is the last part of path.
 * With durable, what is made is on disk on return.
 */
int tree_open_parent(const struct tree *t, const char *path, bool create,
    bool durable, const char **name);

/* Can there be an object with this path?  -ENOTDIR below another, -ELOOP. */
int tree_check_parent(const struct tree *t, const char *path);

/* Give a temporary file the path of an object; what is there is replaced. */
int tree_commit(const struct tree *t, const char *temp, const char *path, bool durable);

/* Remove an object, and the folders that are empty then. */
int tree_remove(const struct tree *t, const char *path, bool durable);

/* Likewise, but it becomes a temporary file of this name. */
int tree_withdraw(const struct tree *t, const char *path, const char *temp);

#endif
