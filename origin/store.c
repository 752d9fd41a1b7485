/* The objects: opening, reading, conditions; see store.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "origin/pack.h"
#include "origin/storepriv.h"

int
store_open(struct store *s, const char *root, const struct store_config *c)
{
	int err = tree_open(&s->tree, root);

	if (err == 0 && (err = tree_clean(&s->tree)) < 0)
		tree_close(&s->tree);
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

void
store_close(struct store *s)
{
	for (int i = 0; i < STORE_SHARDS; i++) {
		struct shard *h = &s->shard[i];

		for (unsigned b = 0; b < h->nbucket; b++)
			while (h->bucket[b] != NULL) {
				struct entry *e = h->bucket[b];

				h->bucket[b] = e->next;
				store_free_entry(h, e);
			}
		free(h->bucket);
	}
	archive_close(&s->archive);
	tree_close(&s->tree);
}

/* ---- files */

int
store_stat(const struct store *s, const char *path, struct stat *st)
{
	int err = tree_stat(&s->tree, path, st);

	return err == -ENOENT && archive_stat(&s->archive, path, st) == 0 ? 0 : err;
}

int
store_open_file(const struct store *s, const char *path, struct stat *st, bool *stub)
{
	int fd = tree_open_object(&s->tree, path, st);

	*stub = false;
	if (fd != -ENOENT)
		return fd;
	*stub = s->archive.s3 != NULL;
	return archive_get(&s->archive, path, st);
}

/* ---- reading */

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
	read_field(fd, STORE_XATTR_TYPE, type);
	if (type[0] == '\0')
		snprintf(type, STORE_FIELD, "%s", mime_of(path).type);
}

int
store_load(struct store *s, const char *path, int fd, const struct stat *st,
    bool stub, struct object **out)
{
	struct pack_file f = { .path = path, .fd = fd, .stub = stub };

	f.size = (uint64_t)st->st_size;
	f.ino = st->st_ino;
	f.mtime_ns = tree_mtime_ns(st);
	read_field(fd, STORE_XATTR_TYPE, f.type);
	read_field(fd, STORE_XATTR_CACHE, f.cache_control);
	return pack_object(s, &f, out);
}

static bool
is_same(const struct object *o, const struct stat *st)
{
	return o->ino == st->st_ino && atomic_load(&o->len) == (uint64_t)st->st_size &&
	    o->mtime_ns == tree_mtime_ns(st);
}

/* The file may have been changed: look, and read it anew if so. */
static int
refresh(struct store *s, const char *path, uint64_t hash, int64_t now_ns,
    struct object *had, uint64_t changes, struct object **out)
{
	struct shard *h = store_shard(s, hash);
	struct object *o = NULL;
	struct stat st;
	struct entry *e;
	bool other = false, stub;
	int fd, err = 0;

	if (had != NULL && store_stat(s, path, &st) == 0 && is_same(had, &st)) {
		o = object_ref(had);
	} else if ((fd = store_open_file(s, path, &st, &stub)) < 0) {
		err = fd;
	} else {
		err = store_load(s, path, fd, &st, stub, &o);
	}
	pthread_mutex_lock(&h->lock);
	e = o == NULL || h->changes != changes ? *store_find(h, hash, path) :
	    store_enter(s, h, hash, path);
	/* Unless someone else was faster, and knows something newer. */
	if (e != NULL && e->current == had && h->changes == changes) {
		store_set_current(s, h, e, o != NULL ? object_ref(o) : NULL, now_ns);
		other = o != had;
	}
	pthread_mutex_unlock(&h->lock);
	if (other)
		store_tell(s, path, o);
	if (o == NULL)
		return err < 0 ? err : -ENOENT;
	*out = o;
	return 0;
}

int
store_get(struct store *s, const char *path, int64_t now_ns, struct object **out)
{
	uint64_t hash = store_hash(path);
	struct shard *h = store_shard(s, hash);
	struct object *had = NULL;
	struct entry *e;
	uint64_t changes;
	bool good = false;
	int err;

	pthread_mutex_lock(&h->lock);
	changes = h->changes;
	e = *store_find(h, hash, path);
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

int
store_check(struct store *s, const char *path, const struct store_if *must,
    int64_t *had)
{
	struct h1_str match = { must->match, strlen(must->match) };
	char etag[OBJECT_ETAG] = "";
	struct stat st;
	bool stub;
	int fd = store_open_file(s, path, &st, &stub);
	bool exists = fd >= 0;

	*had = -1;
	if (fd >= 0) {
		*had = st.st_size;
		pack_etag(etag, fd, tree_mtime_ns(&st), st.st_ino);
		close(fd);
	}
	if ((must->only_new && exists) ||
	    (must->unmodified && exists && st.st_mtim.tv_sec > must->unmodified_s) ||
	    (match.len > 0 && (!exists || !http_etag_match(match,
	    (struct h1_str){ etag, strlen(etag) }, false))))
		return -ESTALE;
	return 0;
}

/* ---- no changes */

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
