#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/net/wire.h"
#include "origin/pack.h"
#include "origin/store.h"

#define XATTR_TYPE	"user.mstore.content-type"
#define XATTR_CACHE	"user.mstore.cache-control"

struct entry {
	struct entry *next;
	uint64_t hash;
	struct object *current, *growing;
	int64_t	 checked_ns;		/* when current was compared with the file */
	bool	 used;			/* since the hand of its shard passed */
	char	 path[];
};

int
store_open(struct store *s, const char *root, const struct store_config *c)
{
	int err = tree_open(&s->tree, root);

	if (err < 0)
		return err;
	s->config = *c;
	for (int i = 0; i < STORE_SHARDS; i++) {
		struct shard *h = &s->shard[i];

		*h = (struct shard){ .nbucket = 64 };
		pthread_mutex_init(&h->lock, NULL);
		pthread_mutex_init(&h->commit, NULL);
		h->bucket = calloc(h->nbucket, sizeof(struct entry *));
		if (h->bucket == NULL)
			return -ENOMEM;
	}
	if (c->cors != NULL)
		s->cors_len = (size_t)snprintf(s->cors, sizeof(s->cors),
		    "Access-Control-Allow-Origin: %s\r\n"
		    "Access-Control-Expose-Headers: Age, Content-Encoding, "
		    "Content-Length, Content-Range, Date, ETag, Last-Modified\r\n"
		    "Cross-Origin-Resource-Policy: cross-origin\r\n"
		    "Timing-Allow-Origin: %s\r\n", c->cors, c->cors);
	return s->cors_len >= sizeof(s->cors) ? -ENAMETOOLONG : 0;
}

static void
free_entry(struct shard *h, struct entry *e)
{
	if (e->current != NULL)
		h->mem -= pack_memory(e->current);
	object_unref(&e->current);
	object_unref(&e->growing);
	free(e);
	h->nentry--;
}

void
store_close(struct store *s)
{
	for (int i = 0; i < STORE_SHARDS; i++) {
		struct shard *h = &s->shard[i];

		for (unsigned b = 0; b < h->nbucket; b++)
			while (h->bucket[b] != NULL) {
				struct entry *e = h->bucket[b];

				h->bucket[b] = e->next;
				free_entry(h, e);
			}
		free(h->bucket);
	}
	tree_close(&s->tree);
}

/* ---- the table, under the lock of the shard */

static uint64_t
hash_of(const char *path)
{
	uint64_t h = hash_add(HASH_START, path, strlen(path));

	return h ^ h >> 32;
}

static struct shard *
shard_of(struct store *s, uint64_t hash)
{
	return &s->shard[hash % STORE_SHARDS];
}

static struct entry **
find(struct shard *h, uint64_t hash, const char *path)
{
	struct entry **at = &h->bucket[hash / STORE_SHARDS % h->nbucket];

	while (*at != NULL && ((*at)->hash != hash || strcmp((*at)->path, path) != 0))
		at = &(*at)->next;
	return at;
}

static void
widen(struct shard *h)
{
	unsigned n = h->nbucket * 4;
	struct entry **bucket = calloc(n, sizeof(struct entry *));

	if (bucket == NULL)
		return;			/* longer chains, then */
	for (unsigned b = 0; b < h->nbucket; b++)
		while (h->bucket[b] != NULL) {
			struct entry *e = h->bucket[b];
			unsigned to = (unsigned)(e->hash / STORE_SHARDS % n);

			h->bucket[b] = e->next;
			e->next = bucket[to];
			bucket[to] = e;
		}
	free(h->bucket);
	h->bucket = bucket;
	h->nbucket = n;
}

/* Until the shard keeps its limits: who was not used since the last time goes. */
static void
evict(struct store *s, struct shard *h)
{
	unsigned looked = 0, most = s->config.cache_objects / STORE_SHARDS;

	while ((h->nentry >= (most > 0 ? most : 1) ||
	    h->mem > s->config.cache_bytes / STORE_SHARDS) &&
	    looked++ < 2 * h->nbucket) {
		struct entry **at = &h->bucket[h->hand++ % h->nbucket];

		while (*at != NULL) {
			struct entry *e = *at;

			if (e->used || e->growing != NULL) {
				e->used = false;
				at = &e->next;
			} else {
				*at = e->next;
				free_entry(h, e);
			}
		}
	}
}

static struct entry *
enter(struct store *s, struct shard *h, uint64_t hash, const char *path)
{
	struct entry **at = find(h, hash, path), *e = *at;
	size_t len = strlen(path) + 1;

	if (e != NULL)
		return e;
	evict(s, h);
	if (h->nentry >= 2 * h->nbucket)
		widen(h);
	e = calloc(1, sizeof(*e) + len);
	if (e == NULL)
		return NULL;
	memcpy(e->path, path, len);
	e->hash = hash;
	at = find(h, hash, path);
	*at = e;
	h->nentry++;
	return e;
}

/* Takes o, which may be NULL. */
static void
set_current(const struct store *s, struct shard *h, struct entry *e,
    struct object *o, int64_t now_ns)
{
	/* With few descriptors, none is kept: peers need them. */
	if (o != NULL && o->fd >= 0 && s->config.cache_objects < STORE_SHARDS)
		object_unref(&o);
	if (e->current != NULL)
		h->mem -= pack_memory(e->current);
	object_unref(&e->current);
	e->current = o;
	if (o != NULL)
		h->mem += pack_memory(o);
	e->checked_ns = now_ns;
	e->used = true;
}

static void
tell(const struct store *s, const char *path, struct object *o)
{
	if (s->config.changed != NULL)
		s->config.changed(s->config.user, path, o);
}

/* ---- reading */

static int64_t
mtime_ns(const struct stat *st)
{
	return st->st_mtim.tv_sec * CLK_SECOND + st->st_mtim.tv_nsec;
}

static void
read_field(int fd, const char *name, char out[static STORE_FIELD])
{
	ssize_t n = fgetxattr(fd, name, out, STORE_FIELD - 1);

	out[n > 0 ? n : 0] = '\0';
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*out = '\0';
}

void
store_type(int fd, const char *path, char type[static STORE_FIELD])
{
	read_field(fd, XATTR_TYPE, type);
	if (type[0] == '\0')
		snprintf(type, STORE_FIELD, "%s", mime_of(path).type);
}

/* Make an object of an open file; takes fd. */
static int
load(struct store *s, const char *path, int fd, const struct stat *st,
    struct object **out)
{
	struct pack_file f = { .path = path, .fd = fd };

	f.size = (uint64_t)st->st_size;
	f.ino = st->st_ino;
	f.mtime_ns = mtime_ns(st);
	read_field(fd, XATTR_TYPE, f.type);
	read_field(fd, XATTR_CACHE, f.cache_control);
	return pack_object(s, &f, out);
}

static bool
is_same(const struct object *o, const struct stat *st)
{
	return o->ino == st->st_ino && atomic_load(&o->len) == (uint64_t)st->st_size &&
	    o->mtime_ns == mtime_ns(st);
}

/* The file may have been changed: look, and read it anew if so. */
static int
refresh(struct store *s, const char *path, uint64_t hash, int64_t now_ns,
    struct object *had, uint64_t changes, struct object **out)
{
	struct shard *h = shard_of(s, hash);
	struct object *o = NULL;
	struct stat st;
	struct entry *e;
	bool other = false;
	int fd, err = 0;

	if (had != NULL && tree_stat(&s->tree, path, &st) == 0 && is_same(had, &st)) {
		o = object_ref(had);
	} else if ((fd = tree_open_object(&s->tree, path, &st)) < 0) {
		err = fd;
	} else {
		err = load(s, path, fd, &st, &o);
	}
	pthread_mutex_lock(&h->lock);
	e = o == NULL || h->changes != changes ? *find(h, hash, path) :
	    enter(s, h, hash, path);
	/* Unless someone else was faster, and knows something newer. */
	if (e != NULL && e->current == had && h->changes == changes) {
		set_current(s, h, e, o != NULL ? object_ref(o) : NULL, now_ns);
		other = o != had;
	}
	pthread_mutex_unlock(&h->lock);
	if (other)
		tell(s, path, o);
	if (o == NULL)
		return err < 0 ? err : -ENOENT;
	*out = o;
	return 0;
}

int
store_get(struct store *s, const char *path, int64_t now_ns, struct object **out)
{
	uint64_t hash = hash_of(path);
	struct shard *h = shard_of(s, hash);
	struct object *had = NULL;
	struct entry *e;
	uint64_t changes;
	bool good = false;
	int err;

	pthread_mutex_lock(&h->lock);
	changes = h->changes;
	e = *find(h, hash, path);
	if (e != NULL) {
		struct object *o = e->growing != NULL &&
		    object_state(e->growing) != OBJECT_FAILED ? e->growing : e->current;

		e->used = true;
		had = o == NULL ? NULL : object_ref(o);
		good = o != NULL && (o == e->growing ||
		    now_ns - e->checked_ns < STORE_TRUST_NS);
	}
	pthread_mutex_unlock(&h->lock);
	if (good) {
		*out = had;
		return 0;
	}
	err = refresh(s, path, hash, now_ns, had, changes, out);
	object_unref(&had);
	return err;
}

/* ---- writing */

static bool
copy(struct h1_str from, char *to, size_t size)
{
	if (from.len >= size)
		return false;
	memcpy(to, from.p == NULL ? "" : from.p, from.len);
	to[from.len] = '\0';
	return true;
}

/* A time of its own for each version, so that no two have the same tag. */
static int64_t
new_stamp(void)
{
	static _Atomic int64_t last;
	int64_t before = atomic_load(&last), now;

	do {
		now = clk_utc_ns();
		if (now <= before)
			now = before + 1;
	} while (!atomic_compare_exchange_weak(&last, &before, now));
	return now;
}

/*
 * Do the conditions of a request hold for the object that is there now?  Its length
 * is in *had, -1 for none.
 */
static int
check(struct store *s, const char *path, const struct store_if *must, int64_t *had)
{
	struct h1_str match = { must->match, strlen(must->match) };
	char etag[OBJECT_ETAG] = "";
	struct stat st;
	int fd = tree_open_object(&s->tree, path, &st);
	bool exists = fd >= 0;

	*had = -1;
	if (fd >= 0) {
		*had = st.st_size;
		pack_etag(etag, mtime_ns(&st), st.st_ino);
		close(fd);
	}
	if ((must->only_new && exists) ||
	    (must->unmodified && exists && st.st_mtim.tv_sec > must->unmodified_s) ||
	    (match.len > 0 && (!exists || !http_etag_match(match,
	    (struct h1_str){ etag, strlen(etag) }, false))))
		return -ESTALE;
	return 0;
}

int
store_put(struct store *s, const char *path, const struct put_wish *wish,
    struct upload **out)
{
	struct upload *u = calloc(1, sizeof(*u));
	struct pack_file f = { .path = path, .fd = -1, .growing = true };
	struct stat st;
	int64_t had;
	int fd, err;

	if (u == NULL)
		return -ENOMEM;
	*u = (struct upload){ .store = s, .durable = wish->durable,
	    .must = wish->must };
	if (!copy((struct h1_str){ path, strlen(path) }, u->path, sizeof(u->path)) ||
	    !copy(wish->type, u->type, sizeof(u->type)) ||
	    !copy(wish->cache_control, u->cache_control, sizeof(u->cache_control)))
		err = -ENAMETOOLONG;
	else
		err = check(s, path, &u->must, &had);
	if (err == 0 && tree_stat(&s->tree, path, &st) == 0 && !S_ISREG(st.st_mode))
		err = -EISDIR;
	if (err == 0)
		err = tree_check_parent(&s->tree, path);
	fd = err < 0 ? err : tree_temp(&s->tree, u->temp);
	if (fd < 0) {
		free(u);
		return fd;
	}
	u->stamp_ns = new_stamp();
	f.fd = fd;
	f.mtime_ns = u->stamp_ns;
	f.ino = fstat(fd, &st) == 0 ? st.st_ino : 0;
	memcpy(f.type, u->type, sizeof(f.type));
	memcpy(f.cache_control, u->cache_control, sizeof(f.cache_control));
	err = pack_object(s, &f, &u->object);
	if (err < 0) {
		tree_drop_temp(&s->tree, u->temp);
		free(u);
		return err;
	}
	*out = u;
	return 0;
}

void
store_put_show(struct upload *u)
{
	uint64_t hash = hash_of(u->path);
	struct shard *h = shard_of(u->store, hash);
	struct entry *e;

	pthread_mutex_lock(&h->lock);
	e = enter(u->store, h, hash, u->path);
	if (e != NULL) {
		object_unref(&e->growing);
		e->growing = object_ref(u->object);
		u->shown = true;
	}
	pthread_mutex_unlock(&h->lock);
	if (u->shown)
		tell(u->store, u->path, u->object);
}

/* No longer what a reader of this path is given. */
static void
hide(struct entry *e, struct upload *u)
{
	if (e != NULL && e->growing == u->object)
		object_unref(&e->growing);
}

int
store_put_data(struct upload *u, const void *data, size_t len, bool more)
{
	size_t total = len;
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(u->object->fd, p, len, (off_t)u->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
		u->len += (uint64_t)n;
	}
	if (total > 0)
		atomic_store(&u->object->grown_ns, clk_mono_ns());
	u->hidden += total;
	if (more && u->hidden < STORE_PIECE)
		return 0;
	wire_grow(u->object, u->hidden == total ? data : NULL, (size_t)u->hidden);
	u->hidden = 0;
	return 0;
}

/* A file system without attributes goes by the name then. */
static int
keep_field(int fd, const char *name, const char *value)
{
	if (value[0] == '\0' || fsetxattr(fd, name, value, strlen(value), 0) == 0 ||
	    errno == ENOTSUP)
		return 0;
	return -errno;
}

static int
finish_file(struct upload *u)
{
	struct timespec t[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ u->stamp_ns / CLK_SECOND, u->stamp_ns % CLK_SECOND },
	};
	int fd = u->object->fd, err;

	if ((err = keep_field(fd, XATTR_TYPE, u->type)) < 0 ||
	    (err = keep_field(fd, XATTR_CACHE, u->cache_control)) < 0)
		return err;
	if (futimens(fd, t) < 0 || (u->durable && fsync(fd) < 0))
		return -errno;
	return 0;
}

/*
 * Give the file its name; the folder may go away meanwhile (tree_remove).  Returns
 * the open folder, or -errno.
 */
static int
name_file(struct upload *u)
{
	const struct tree *t = &u->store->tree;
	int err = -ENOENT;

	for (int tries = 0; tries < 10 && err == -ENOENT; tries++) {
		const char *name;
		int dir = tree_open_parent(t, u->path, true, u->durable, &name);

		if (dir < 0) {
			err = dir;
		} else if (renameat(t->temp, u->temp, dir, name) == 0) {
			u->finished = true;
			return dir;
		} else {
			err = -errno;
			close(dir);
		}
	}
	return err == -ENOENT ? -EIDRM : err;	/* what was written is gone */
}

static int
account(struct store *s, const char *path, int64_t had, int64_t now)
{
	return s->config.account == NULL ? 0 :
	    s->config.account(s->config.account_user, path, had, now);
}

int
store_put_commit(struct upload *u, bool *created)
{
	struct store *s = u->store;
	uint64_t hash = hash_of(u->path);
	struct shard *h = shard_of(s, hash);
	struct object *whole = NULL, *told = NULL;
	struct entry *e;
	struct stat st;
	int64_t had = -1;
	int fd, dir = -1, err = finish_file(u);

	if (err < 0)
		return err;
	pthread_mutex_lock(&h->commit);
	err = check(s, u->path, &u->must, &had);
	if (err == 0)
		err = account(s, u->path, had, (int64_t)u->len);
	if (err == 0 && (dir = name_file(u)) < 0) {
		err = dir;
		account(s, u->path, (int64_t)u->len, had);
	}
	if (err == 0) {
		/* What was archived of this name is no more. */
		archive_delete(&s->tree.archive, u->path, false);
		/* Cheap, and it is then as if it had been read from the disk. */
		fd = fcntl(u->object->fd, F_DUPFD_CLOEXEC, 3);
		if (fd >= 0 && fstat(fd, &st) == 0)
			load(s, u->path, fd, &st, &whole);
		if (whole != NULL)
			atomic_store(&whole->grown_ns, atomic_load(&u->object->grown_ns));
		told = whole != NULL ? object_ref(whole) : NULL;
		pthread_mutex_lock(&h->lock);
		h->changes++;
		e = enter(s, h, hash, u->path);
		if (e != NULL) {
			set_current(s, h, e, whole, clk_mono_ns());
			hide(e, u);
		} else {
			object_unref(&whole);
		}
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&h->commit);
	if (told != NULL)
		tell(s, u->path, told);
	object_unref(&told);
	/* Outside of the lock, where nobody has to wait for the disk with us. */
	if (dir >= 0 && u->durable && fsync(dir) < 0)
		err = -errno;
	if (dir >= 0)
		close(dir);
	*created = had < 0;
	return err;
}

void
store_put_free(struct upload **at)
{
	struct upload *u = *at;
	uint64_t hash = hash_of(u->path);
	struct shard *h = shard_of(u->store, hash);

	*at = NULL;
	if (!u->finished)
		tree_drop_temp(&u->store->tree, u->temp);
	if (!u->finished && u->shown) {
		pthread_mutex_lock(&h->lock);
		hide(*find(h, hash, u->path), u);
		pthread_mutex_unlock(&h->lock);
	}
	object_unref(&u->object);
	free(u);
}

/* First the archive's: it would be the object again when the root's has gone. */
static int
remove_both(struct store *s, const char *path, bool durable)
{
	int archived = archive_delete(&s->tree.archive, path, durable), err;

	if (archived < 0 && archived != -ENOENT)
		return archived;
	err = tree_remove(&s->tree, path, durable);
	return err == -ENOENT ? archived : err;
}

int
store_delete(struct store *s, const char *path, const struct store_if *must,
    bool durable)
{
	uint64_t hash = hash_of(path);
	struct shard *h = shard_of(s, hash);
	struct entry *e;
	int64_t had;
	int err;

	pthread_mutex_lock(&h->commit);
	err = check(s, path, must, &had);
	if (err == 0)
		err = remove_both(s, path, durable);
	if (err == 0) {
		account(s, path, had, -1);
		pthread_mutex_lock(&h->lock);
		h->changes++;
		e = *find(h, hash, path);
		if (e != NULL)
			set_current(s, h, e, NULL, clk_mono_ns());
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&h->commit);
	if (err == 0)
		tell(s, path, NULL);
	return err;
}

/*
 * The copy is made without a lock, which others wait for.  A process that is killed
 * leaves a copy without a name, or one beside the object in the root, which counts;
 * the next that moves it replaces that.
 */
int
store_archive(struct store *s, const char *path, const struct stat *version)
{
	uint64_t hash = hash_of(path);
	struct shard *h = shard_of(s, hash);
	const struct archive *a = &s->tree.archive;
	char temp[ARCHIVE_TEMP];
	struct stat st;
	struct entry *e;
	int fd = tree_open_object(&s->tree, path, &st), err;

	if (fd < 0)
		return fd;
	err = st.st_ino != version->st_ino || st.st_dev != version->st_dev ||
	    mtime_ns(&st) != mtime_ns(version) ? -ENOENT : archive_put(a, fd, temp);
	close(fd);
	if (err < 0)
		return err;
	pthread_mutex_lock(&h->commit);
	if (fstatat(s->tree.root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_ino != version->st_ino || mtime_ns(&st) != mtime_ns(version)) {
		archive_drop(a, temp);
		err = -ENOENT;
	} else if ((err = archive_commit(a, temp, path)) < 0) {
		archive_drop(a, temp);
	} else if ((err = tree_remove(&s->tree, path, false)) == 0) {
		pthread_mutex_lock(&h->lock);
		h->changes++;
		e = *find(h, hash, path);
		if (e != NULL)
			set_current(s, h, e, NULL, 0);
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&h->commit);
	return err;
}

void
store_freeze(struct store *s)
{
	for (int i = 0; i < STORE_SHARDS; i++)
		pthread_mutex_lock(&s->shard[i].commit);
}

void
store_thaw(struct store *s)
{
	for (int i = 0; i < STORE_SHARDS; i++)
		pthread_mutex_unlock(&s->shard[i].commit);
}
