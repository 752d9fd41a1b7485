/*
 * keys.h - who may sign requests: keys of Signature Version 4, one a line.
 *
 * Shape    "ID SECRET [read|write|all] [PREFIX]": all, and every path, unless
 *          said.  Empty lines and those that begin with # do not count.  The
 *          file must not be open to others than its owner.
 * Threads  Any; keys_load() also while others look.
 * Errors   Negative errno: -EPERM for the mode of the file, -ENODATA for a file
 *          without a key, -EBADMSG for a line that is none, -E2BIG.
 */
#ifndef KEYS_H
#define KEYS_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/net/sigv4.h"

#define KEYS_MAX	256
#define KEY_SECRET	129
#define KEY_PREFIX	256

enum { KEY_READ = 1, KEY_WRITE = 2 };

struct key {
	char	 id[SIGV4_ID], secret[KEY_SECRET], prefix[KEY_PREFIX];
	unsigned rights;
};

struct keys {
	pthread_rwlock_t lock;
	const char *file;	/* NULL: nobody signs */
	unsigned count;
	struct key *key;
};

void keys_init(struct keys *k, const char *file);

/* Read the file, again; on an error those known before stay. */
int keys_load(struct keys *k);

/* A copy of the key with this id. */
bool keys_find(struct keys *k, const char *id, struct key *out);

/* Is path, without a slash before it, one that the key is for? */
bool key_allows(const struct key *k, unsigned rights, const char *path);

#endif
