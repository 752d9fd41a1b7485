/* Objects that are made: written, shown while they grow, and committed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/net/wire.h"
#include "origin/pack.h"
#include "origin/storepriv.h"

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
		err = store_check(s, path, &u->must, &had);
	if (err == 0 && store_stat(s, path, &st) == 0 && !S_ISREG(st.st_mode))
		err = -EISDIR;
	if (err == 0)
		err = tree_check_parent(&s->tree, path);
	/* Below what is in the archive there can be nothing, either. */
	if (err == 0 && s->archive.on && tree_check_parent(&s->archive.tree, path) ==
	    -ENOTDIR)
		err = -ENOTDIR;
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
	uint64_t hash = store_hash(u->path);
	struct shard *h = store_shard(u->store, hash);
	struct entry *e;

	pthread_mutex_lock(&h->lock);
	e = store_enter(u->store, h, hash, u->path);
	if (e != NULL) {
		object_unref(&e->growing);
		e->growing = object_ref(u->object);
		u->shown = true;
	}
	pthread_mutex_unlock(&h->lock);
	if (u->shown)
		store_tell(u->store, u->path, u->object);
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

	if ((err = keep_field(fd, STORE_XATTR_TYPE, u->type)) < 0 ||
	    (err = keep_field(fd, STORE_XATTR_CACHE, u->cache_control)) < 0)
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

int
store_put_commit(struct upload *u, bool *created)
{
	struct store *s = u->store;
	uint64_t hash = store_hash(u->path);
	struct shard *h = store_shard(s, hash);
	struct object *whole = NULL, *told = NULL;
	struct entry *e;
	struct stat st;
	int64_t had = -1;
	int fd, dir = -1, err = finish_file(u);

	if (err < 0)
		return err;
	pthread_mutex_lock(&h->commit);
	err = store_check(s, u->path, &u->must, &had);
	if (err == 0)
		err = store_account(s, u->path, had, (int64_t)u->len);
	if (err == 0 && (dir = name_file(u)) < 0) {
		err = dir;
		store_account(s, u->path, (int64_t)u->len, had);
	}
	if (err == 0) {
		/* What was archived of this name is no more. */
		archive_delete(&s->archive, u->path, false);
		/* Cheap, and it is then as if it had been read from the disk. */
		fd = fcntl(u->object->fd, F_DUPFD_CLOEXEC, 3);
		if (fd >= 0 && fstat(fd, &st) == 0)
			store_load(s, u->path, fd, &st, false, &whole);
		if (whole != NULL)
			atomic_store(&whole->grown_ns, atomic_load(&u->object->grown_ns));
		told = whole != NULL ? object_ref(whole) : NULL;
		pthread_mutex_lock(&h->lock);
		h->changes++;
		e = store_enter(s, h, hash, u->path);
		if (e != NULL) {
			store_set_current(s, h, e, whole, clk_mono_ns());
			hide(e, u);
		} else {
			object_unref(&whole);
		}
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&h->commit);
	if (told != NULL)
		store_tell(s, u->path, told);
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
	uint64_t hash = store_hash(u->path);
	struct shard *h = store_shard(u->store, hash);

	*at = NULL;
	if (!u->finished)
		tree_drop_temp(&u->store->tree, u->temp);
	if (!u->finished && u->shown) {
		pthread_mutex_lock(&h->lock);
		hide(*store_find(h, hash, u->path), u);
		pthread_mutex_unlock(&h->lock);
	}
	object_unref(&u->object);
	free(u);
}
