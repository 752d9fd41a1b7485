/* Objects that go: deleted, or moved to the archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "origin/pack.h"
#include "origin/storepriv.h"

/* First the archive's: it would be the object again when the root's has gone. */
static int
remove_both(struct store *s, const char *path, bool durable)
{
	int archived = archive_delete(&s->archive, path, durable), err;

	if (archived < 0 && archived != -ENOENT)
		return archived;
	err = tree_remove(&s->tree, path, durable);
	return err == -ENOENT ? archived : err;
}

int
store_delete(struct store *s, const char *path, const struct store_if *must,
    bool durable)
{
	uint64_t hash = store_hash(path);
	struct shard *h = store_shard(s, hash);
	struct entry *e;
	int64_t had;
	int err;

	pthread_mutex_lock(&h->commit);
	err = store_check(s, path, must, &had);
	if (err == 0)
		err = remove_both(s, path, durable);
	if (err == 0) {
		store_account(s, path, had, -1);
		pthread_mutex_lock(&h->lock);
		h->changes++;
		e = *store_find(h, hash, path);
		if (e != NULL)
			store_set_current(s, h, e, NULL, clk_mono_ns());
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&h->commit);
	if (err == 0)
		store_tell(s, path, NULL);
	return err;
}

/*
 * The copy is made without a lock, which others wait for.  A process that is killed
 * leaves a copy without a name, or one beside the object in the root, which counts;
 * the next that moves it replaces that.
 */
int
store_archive(struct store *s, const char *path, const struct stat *version,
    char why[static ARCHIVE_WHY])
{
	uint64_t hash = store_hash(path);
	struct shard *h = store_shard(s, hash);
	struct archive *a = &s->archive;
	char temp[TREE_TEMP];
	struct stat st;
	struct entry *e;
	int fd = tree_open_object(&s->tree, path, &st), err;

	snprintf(why, ARCHIVE_WHY, "%s", fd < 0 ? strerror(-fd) : "");
	if (fd < 0)
		return fd;
	pack_keep_etag(fd, tree_mtime_ns(&st), st.st_ino);	/* or it gets another there */
	err = st.st_ino != version->st_ino || st.st_dev != version->st_dev ||
	    tree_mtime_ns(&st) != tree_mtime_ns(version) ? -ENOENT :
	    archive_put(a, fd, path, temp, why);
	close(fd);
	if (err < 0)
		return err;
	pthread_mutex_lock(&h->commit);
	if (fstatat(s->tree.root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_ino != version->st_ino ||
	    tree_mtime_ns(&st) != tree_mtime_ns(version)) {
		archive_drop(a, temp);
		err = -ENOENT;
	} else if ((err = archive_commit(a, temp, path)) < 0) {
		snprintf(why, ARCHIVE_WHY, "%s", strerror(-err));
		archive_drop(a, temp);
	} else if ((err = tree_remove(&s->tree, path, false)) == 0) {
		pthread_mutex_lock(&h->lock);
		h->changes++;
		e = *store_find(h, hash, path);
		if (e != NULL)
			store_set_current(s, h, e, NULL, 0);
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&h->commit);
	return err;
}

void
store_drop_copy(struct store *s, const char *path)
{
	struct shard *h = store_shard(s, store_hash(path));
	struct stat st;

	/* Not between the two steps of a move, which is another's. */
	pthread_mutex_lock(&h->commit);
	if (tree_stat(&s->tree, path, &st) == 0 && S_ISREG(st.st_mode))
		archive_delete(&s->archive, path, false);
	pthread_mutex_unlock(&h->commit);
}
