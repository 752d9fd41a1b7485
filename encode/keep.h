/*
 * keep.h - names of what was delivered, the last so many of them.
 *
 * Shape    A ring, in the order of their numbers.
 * Memory   keep_free() gives it back; a name that is lent is good until the next call.
 * Threads  Belongs to one thread.
 * Errors   -ENOMEM.
 */
#ifndef ENCODE_KEEP_H
#define ENCODE_KEEP_H

#include "encode/naming.h"
#include "lib/net/sink.h"

struct kept {
	char	 name[SINK_NAME_MAX];
	uint64_t number;		/* 0: of an earlier run */
};

struct keep {
	uint64_t most;			/* set by the caller; 0: all */
	/* private: */
	struct kept *kept;
	uint64_t n, first, room;
	char	 gone[SINK_NAME_MAX];
};

/*
 * Several may be on their way at a time, and arrive in another order.  One of the same name
 * is not there any more.
 */
int keep_add(struct keep *k, const char *name, uint64_t number);

/* The oldest of those that are too many, which is then forgotten, or NULL. */
const char *keep_next(struct keep *k);

/* Files of a directory with names by a template that has no folders, by their age. */
int keep_found(struct keep *k, const char *path, const struct naming *n);

void keep_free(struct keep *k);

#endif
