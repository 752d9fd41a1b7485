/*
 * walk.h - every object below a folder, one after the other.
 *
 * Shape    Depth first, in no order; names that no object can have and symbolic
 *          links are left out.  What comes or goes meanwhile may be seen or not.
 * Memory   A descriptor and a buffer of readdir(3) for each level.
 * Threads  Any.
 * Errors   Negative errno; what the callback returns other than 0 ends it.
 */
#ifndef WALK_H
#define WALK_H

#include <sys/stat.h>

typedef int walk_fn(void *user, const char *path, const struct stat *st);

/* path of a folder below the descriptor root; one that is not there is empty. */
int walk(int root, const char *path, walk_fn *fn, void *user);

#endif
