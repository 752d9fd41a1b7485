/*
 * storepriv.h - what store.c, storetab.c, storeput.c and storedel.c share: private to
 * store.
 */
#ifndef STOREPRIV_H
#define STOREPRIV_H

#include <sys/stat.h>

#include "lib/base/clk.h"
#include "origin/store.h"

#define STORE_XATTR_TYPE	"user.mstore.content-type"
#define STORE_XATTR_CACHE	"user.mstore.cache-control"

struct entry {
	struct entry *next;
	uint64_t hash;
	struct object *current, *growing;
	int64_t	 checked_ns;		/* when current was compared with the file */
	bool	 used;			/* since the hand of its shard passed */
	char	 path[];
};

/* ---- storetab.c: the table, under the lock of the shard */

uint64_t store_hash(const char *path);
struct shard *store_shard(struct store *s, uint64_t hash);
struct entry **store_find(struct shard *h, uint64_t hash, const char *path);

/* Find or make it; NULL without memory. */
struct entry *store_enter(struct store *s, struct shard *h, uint64_t hash,
    const char *path);
void store_free_entry(struct shard *h, struct entry *e);

/* Takes o, which may be NULL. */
void store_set_current(const struct store *s, struct shard *h, struct entry *e,
    struct object *o, int64_t now_ns);

/* ---- without a lock */

/* Make an object of an open file; takes fd. */
int store_load(struct store *s, const char *path, int fd, const struct stat *st,
    bool stub, struct object **out);

/*
 * Do the conditions of a request hold for the object that is there now?  Its length
 * is in *had, -1 for none.
 */
int store_check(struct store *s, const char *path, const struct store_if *must,
    int64_t *had);

/* Whoever wants to know is told that o is at path. */
static inline void
store_tell(const struct store *s, const char *path, struct object *o)
{
	if (s->config.changed != NULL)
		s->config.changed(s->config.user, path, o);
}

static inline int
store_account(struct store *s, const char *path, int64_t had, int64_t now)
{
	return s->config.account == NULL ? 0 :
	    s->config.account(s->config.account_user, path, had, now);
}

#endif
