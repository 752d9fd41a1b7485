/*
 * store.h - the objects: a table of those in use, over the tree of files.
 *
 * Shape    A path has at most one current object and one that is being made
 *          and can be read already.  What other programs do to the files
 *          is seen after at most STORE_TRUST_NS.
 * Memory   Objects are counted references (object.h).  Small ones live in
 *          memory, others by an open descriptor; both within limits.
 * Threads  Any; a table of locked shards.  An upload belongs to one thread at a
 *          time.
 * Errors   Negative errno.
 */
#ifndef STORE_H
#define STORE_H

#include <pthread.h>

#include "lib/net/h1.h"
#include "lib/net/http.h"
#include "lib/net/mime.h"
#include "lib/net/object.h"
#include "origin/archive.h"

#define STORE_SHARDS	64
#define STORE_TRUST_NS	INT64_C(100000000)
#define STORE_SMALL	65536u		/* such objects stay in memory */
#define STORE_TEXT	2097152u	/* and texts up to this */
#define STORE_PIECE	1048576u
#define STORE_FIELD	128			/* Content-Type, Cache-Control */
#define STORE_MATCH	256			/* If-Match */

struct entry;

struct shard {
	pthread_mutex_t lock;		/* the table */
	pthread_mutex_t commit;		/* one change of files at a time */
	struct entry **bucket;
	unsigned nbucket, nentry;
	unsigned hand;			/* where the next eviction looks */
	uint64_t changes;		/* by PUT and DELETE, so far */
	uint64_t mem;
};

struct store_config {
	int64_t	 playlist_s, vod_s, segment_s, other_s;	/* max-age */
	const char *cors;		/* Access-Control-Allow-Origin, or NULL */
	struct budget *memory;		/* of objects in use */
	uint64_t cache_bytes;		/* of those in memory that the table keeps */
	unsigned cache_objects;		/* in the table, each maybe a descriptor */
	/* Told when there is something else at path; o NULL: nothing.  Or NULL. */
	void	(*changed)(void *user, const char *path, struct object *o);
	void	*user;
	/*
	 * An object of had bytes (-1: none) is to become one of now bytes (-1: none).
	 * Under the lock of its commit; other than 0 refuses it.  Or NULL.
	 */
	int	(*account)(void *user, const char *path, int64_t had, int64_t now);
	void	*account_user;
};

struct store {
	struct store_config config;
	struct tree tree;
	struct archive archive;		/* of what is seldom read; or none */
	struct shard shard[STORE_SHARDS];
	char cors[320];			/* field lines of every answer */
	size_t cors_len;
};

int store_open(struct store *s, const char *root, const struct store_config *c);
void store_close(struct store *s);

/* The object of a path, growing or whole: gives a reference, or -ENOENT. */
int store_get(struct store *s, const char *path, int64_t now_ns,
    struct object **out);

/*
 * The file of an object, in the root or in the archive, to look at without opening
 * it, or opened; *stub: its bytes are elsewhere.
 */
int store_stat(const struct store *s, const char *path, struct stat *st);
int store_open_file(const struct store *s, const char *path, struct stat *st,
    bool *stub);

/* The Content-Type of an object's open file: what was kept with it, or by its name. */
void store_type(int fd, const char *path, char type[static STORE_FIELD]);

/* What has to hold of the object that is there, for one to write: RFC 9110 13. */
struct store_if {
	bool	 only_new;		/* If-None-Match: * */
	bool	 unmodified;		/* If-Unmodified-Since */
	int64_t	 unmodified_s;
	char	 match[STORE_MATCH];	/* If-Match, or empty */
};

/* What a PUT asks for; texts are borrowed until store_put() returns. */
struct put_wish {
	bool durable;		/* on disk before the answer */
	struct store_if must;
	struct h1_str type, cache_control;	/* empty: by the name */
};

struct upload {
	struct store *store;
	struct object *object;	/* what is being made; its fd is the file */
	uint64_t len, hidden;	/* written; and of that not shown yet */
	int64_t	 stamp_ns;	/* its Last-Modified and part of its ETag */
	bool	 durable, shown, finished;
	bool	 limited;		/* the commit may refuse it yet */
	struct store_if must;
	char	 temp[TREE_TEMP];
	char	 type[STORE_FIELD], cache_control[STORE_FIELD];
	char	 path[HTTP_PATH_MAX];
};

/* Begin to write.  -ENAMETOOLONG also for a wish that is too long. */
int store_put(struct store *s, const char *path, const struct put_wish *wish,
    struct upload **out);

/* Show it to readers: after httpd_can_grow(u->object). */
void store_put_show(struct upload *u);

/*
 * more: the rest of what the writer calls a piece follows.  Readers get a piece
 * when it is all there, and so at the speed of their line, or STORE_PIECE of it.
 */
int store_put_data(struct upload *u, const void *data, size_t len, bool more);

/*
 * All is written: make it the current object.  May wait for the disk.
 * *created: there was none before.  -ESTALE when a condition does not hold,
 * -EIDRM when someone has removed what was written, or the root.
 */
int store_put_commit(struct upload *u, bool *created);

static inline bool
store_conditional(const struct store_if *must)
{
	return must->only_new || must->unmodified || must->match[0] != '\0';
}

/* Forget the upload, and give it up if it was not committed. */
void store_put_free(struct upload **u);

/* -ESTALE when a condition does not hold. */
int store_delete(struct store *s, const char *path, const struct store_if *must,
    bool durable);

/*
 * Move a whole object of this version to the archive, where readers find it.  -ENOENT
 * when it is another by now; why is set on any error.
 */
int store_archive(struct store *s, const char *path, const struct stat *version,
    char why[static ARCHIVE_WHY]);

/* Of an object that is in the root, there is to be nothing in the archive. */
void store_drop_copy(struct store *s, const char *path);

/* No object is made or deleted between these. */
void store_freeze(struct store *s);
void store_thaw(struct store *s);

#endif
