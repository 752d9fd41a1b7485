/*
 * container.h - the containers: folders of the root that have a policy.
 *
 * Shape    ROOT/.mstore/containers/NAME.json says that NAME is one, and all about
 *          it (policy.h).  The table holds what was read from there; a change by
 *          a request is on the disk, by rename, before it counts.
 * Memory   At most CONTAINERS_MAX of them.  containers_find() gives references.
 * Threads  Any.
 * Errors   -ENOENT no such container, -EEXIST, -ENOTEMPTY, -E2BIG too many,
 *          -EINVAL with a reason, -EDQUOT over its limits.
 */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <pthread.h>

#include "origin/policy.h"
#include "origin/store.h"

#define CONTAINERS_MAX	1000
#define CONTAINER_NAME	128	/* terminated */

struct container {
	atomic_uint refs;
	struct policy *policy;		/* under the lock of the table */
	_Atomic uint64_t bytes, objects;	/* in it now */
	char	 name[CONTAINER_NAME];
};

struct containers {
	struct store *store;
	pthread_rwlock_t lock;
	pthread_mutex_t change;		/* one at a time */
	struct container *of[CONTAINERS_MAX];	/* in order of names */
	unsigned n;
	atomic_uint count;		/* n, to look without the lock */
	/* Told of a policy that is new.  Or NULL. */
	void	(*changed)(void *user, const char *name);
	void	*user;
};

void containers_init(struct containers *cs, struct store *store);

/* Read all of them; what is wrong is logged.  -EINVAL if something is. */
int containers_load(struct containers *cs, bool first);
void containers_clear(struct containers *cs);

bool container_good_name(const char *name, size_t len);
bool containers_find(struct containers *cs, const char *name, size_t len,
    struct container **c, struct policy **p);
void container_unref(struct container **c);
bool containers_exist(struct containers *cs, const char *name);

/* The name after after, or -ENOENT at the end. */
int containers_next(struct containers *cs, const char *after,
    char name[static CONTAINER_NAME]);

/* tags: taken, may be NULL. */
int containers_create(struct containers *cs, const char *name, json_t *tags);
int containers_delete(struct containers *cs, const char *name);

/* Set a member of its document; value is taken, NULL removes it. */
int containers_set(struct containers *cs, const char *name, const char *key,
    json_t *value, char why[static IAM_WHY]);

/* For store_config: an object of had bytes (-1: none) becomes one of now bytes. */
int containers_account(void *user, const char *path, int64_t had, int64_t now);

#endif
