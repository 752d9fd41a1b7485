#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "origin/container.h"
#include "origin/walk.h"

#define FOLDER	"containers"
#define SUFFIX	".json"

void
containers_init(struct containers *cs, struct store *store)
{
	pthread_rwlock_init(&cs->lock, NULL);
	pthread_mutex_init(&cs->change, NULL);
	cs->store = store;
}

bool
container_good_name(const char *name, size_t len)
{
	if (len == 0 || len >= CONTAINER_NAME)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= 'A' && name[i] <= 'Z') &&
		    !(name[i] >= '0' && name[i] <= '9') && name[i] != '_' &&
		    name[i] != '-')
			return false;
	return true;
}

void
container_unref(struct container **at)
{
	struct container *c = *at;

	*at = NULL;
	if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	policy_unref(&c->policy);
	free(c);
}

/* Where name is, or would be; under the lock. */
static unsigned
place(const struct containers *cs, const char *name, size_t len, bool *found)
{
	unsigned low = 0, high = cs->n;

	*found = false;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		int d = strncmp(cs->of[mid]->name, name, len);

		if (d == 0 && cs->of[mid]->name[len] != '\0')
			d = 1;
		if (d == 0)
			*found = true;
		if (d < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
containers_find(struct containers *cs, const char *name, size_t len,
    struct container **c, struct policy **p)
{
	bool found;
	unsigned i;

	if (atomic_load(&cs->count) == 0 || len >= CONTAINER_NAME)
		return false;
	pthread_rwlock_rdlock(&cs->lock);
	i = place(cs, name, len, &found);
	if (found) {
		*c = cs->of[i];
		atomic_fetch_add(&(*c)->refs, 1);
		*p = policy_ref((*c)->policy);
	}
	pthread_rwlock_unlock(&cs->lock);
	return found;
}

bool
containers_exist(struct containers *cs, const char *name)
{
	bool found;

	if (atomic_load(&cs->count) == 0)
		return false;
	pthread_rwlock_rdlock(&cs->lock);
	place(cs, name, strlen(name), &found);
	pthread_rwlock_unlock(&cs->lock);
	return found;
}

int
containers_next(struct containers *cs, const char *after,
    char name[static CONTAINER_NAME])
{
	bool found;
	unsigned i;
	int err = -ENOENT;

	pthread_rwlock_rdlock(&cs->lock);
	i = place(cs, after, strlen(after), &found) + found;
	if (i < cs->n) {
		memcpy(name, cs->of[i]->name, CONTAINER_NAME);
		err = 0;
	}
	pthread_rwlock_unlock(&cs->lock);
	return err;
}

/* ---- what is in it */

struct sum {
	struct containers *cs;
	uint64_t bytes, objects;
	bool	 archived;
};

static int
add_file(void *user, const char *path, const struct stat *st)
{
	struct sum *sum = user;
	struct stat own;

	/* A copy that is also in the root is not one more. */
	if (sum->archived && fstatat(sum->cs->store->tree.root, path, &own,
	    AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(own.st_mode))
		return 0;
	sum->bytes += (uint64_t)st->st_size;
	sum->objects++;
	return 0;
}

static int
count(struct containers *cs, struct container *c)
{
	const struct tree *t = &cs->store->tree;
	struct sum sum = { .cs = cs };
	int err = walk(t->root, c->name, add_file, &sum);

	if (err == 0 && cs->store->archive.on) {
		sum.archived = true;
		err = walk(cs->store->archive.tree.root, c->name, add_file, &sum);
	}
	atomic_store(&c->bytes, sum.bytes);
	atomic_store(&c->objects, sum.objects);
	return err;
}

static bool
take(_Atomic uint64_t *v, uint64_t had, uint64_t now, uint64_t most)
{
	uint64_t is = atomic_load(v), next;

	do {
		next = (is > had ? is - had : 0) + now;
		if (now > had && next > most)
			return false;
	} while (!atomic_compare_exchange_weak(v, &is, next));
	return true;
}

int
containers_account(void *user, const char *path, int64_t had, int64_t now)
{
	struct containers *cs = user;
	size_t len = strcspn(path, "/");
	struct container *c;
	struct policy *p;
	uint64_t was = had < 0 ? 0 : (uint64_t)had, is = now < 0 ? 0 : (uint64_t)now;
	int err = 0;

	if (path[len] == '\0' || !containers_find(cs, path, len, &c, &p))
		return 0;
	if (now >= 0 && is > p->max_object)
		err = -EFBIG;
	else if (!take(&c->objects, had >= 0, now >= 0, p->max_objects))
		err = -EDQUOT;
	else if (!take(&c->bytes, was, is, p->max_bytes)) {
		take(&c->objects, now >= 0, had >= 0, UINT64_MAX);
		err = -EDQUOT;
	}
	container_unref(&c);
	policy_unref(&p);
	return err;
}

/* ---- the files */

static int
open_folder(struct containers *cs, bool create)
{
	int dir = cs->store->tree.temp, fd;

	if (create && mkdirat(dir, FOLDER, 0700) == 0)
		fsync(dir);
	fd = openat(dir, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
save(struct containers *cs, const char *name, const json_t *doc)
{
	char file[CONTAINER_NAME + 8], fresh[CONTAINER_NAME + 8];
	int dir = open_folder(cs, true), fd, err = 0;

	if (dir < 0)
		return dir;
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	snprintf(fresh, sizeof(fresh), ".%s.new", name);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		err = -errno;
	else if (json_dumpfd(doc, fd, JSON_INDENT(2)) < 0 || write(fd, "\n", 1) != 1 ||
	    fsync(fd) < 0)
		err = errno != 0 ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	if (err == 0 && (renameat(dir, fresh, dir, file) < 0 || fsync(dir) < 0))
		err = -errno;
	if (err < 0)
		unlinkat(dir, fresh, 0);
	close(dir);
	return err;
}

static int
read_file(int dir, const char *file, struct policy **out, char why[static IAM_WHY])
{
	int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	char *text = fd < 0 ? NULL : malloc(POLICY_TEXT_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;
	int err = fd < 0 ? -errno : text == NULL ? -ENOMEM : 0;

	while (err == 0 && n > 0 && len <= POLICY_TEXT_MAX) {
		n = read(fd, text + len, POLICY_TEXT_MAX + 1 - len);
		if (n < 0)
			err = -errno;
		else
			len += (size_t)n;
	}
	if (err == 0)
		err = policy_parse(text, len, out, why);
	else
		snprintf(why, IAM_WHY, "%s", strerror(-err));
	free(text);
	if (fd >= 0)
		close(fd);
	return err;
}

static void
insert(struct containers *cs, struct container *c)
{
	bool found;
	unsigned i;

	pthread_rwlock_wrlock(&cs->lock);
	i = place(cs, c->name, strlen(c->name), &found);
	memmove(cs->of + i + 1, cs->of + i, (cs->n - i) * sizeof(struct container *));
	cs->of[i] = c;
	atomic_store(&cs->count, ++cs->n);
	pthread_rwlock_unlock(&cs->lock);
}

/* A container with this policy, which it takes. */
static int
enter_new(struct containers *cs, const char *name, struct policy *p)
{
	struct container *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL) {
		policy_unref(&p);
		return -ENOMEM;
	}
	atomic_init(&c->refs, 1);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->policy = p;
	/* Nobody writes while it is counted.  This lock comes before ours. */
	store_freeze(cs->store);
	err = cs->n == CONTAINERS_MAX ? -E2BIG : count(cs, c);
	if (err == 0)
		insert(cs, c);
	store_thaw(cs->store);
	if (err < 0)
		container_unref(&c);
	return err;
}

/* Under the lock of changes. */
static int
enter(struct containers *cs, const char *name, struct policy *p)
{
	struct policy *was;
	bool found;
	unsigned i;
	int err = 0;

	if (!containers_exist(cs, name)) {
		err = enter_new(cs, name, p);
	} else {
		pthread_rwlock_wrlock(&cs->lock);
		i = place(cs, name, strlen(name), &found);
		was = cs->of[i]->policy;
		policy_adopt(p, was);
		cs->of[i]->policy = p;
		pthread_rwlock_unlock(&cs->lock);
		policy_unref(&was);
	}
	if (err == 0 && cs->changed != NULL)
		cs->changed(cs->user, name);
	return err;
}

static void
leave(struct containers *cs, const char *name)
{
	struct container *c = NULL;
	bool found;
	unsigned i;

	pthread_rwlock_wrlock(&cs->lock);
	i = place(cs, name, strlen(name), &found);
	if (found) {
		c = cs->of[i];
		atomic_store(&cs->count, --cs->n);
		memmove(cs->of + i, cs->of + i + 1,
		    (cs->n - i) * sizeof(struct container *));
	}
	pthread_rwlock_unlock(&cs->lock);
	container_unref(&c);
}

static int
load_file(struct containers *cs, int dir, const char *file, bool first)
{
	char name[CONTAINER_NAME], why[IAM_WHY] = "";
	size_t len = strlen(file);
	struct policy *p = NULL;
	int err;

	if (file[0] == '.')
		return 0;
	if (len < sizeof(SUFFIX) || strcmp(file + len - 5, SUFFIX) != 0 ||
	    !container_good_name(file, len - 5)) {
		log_warn(0, "not the file of a container: '%s'", file);
		return 0;
	}
	memcpy(name, file, len - 5);
	name[len - 5] = '\0';
	err = read_file(dir, file, &p, why);
	if (err < 0)
		log_warn(0, first ? "cannot use the policy of container '%s': %s" :
		    "the policy of container '%s' stays as it was: %s", name, why);
	else if ((err = enter(cs, name, p)) < 0)
		log_warn(-err, "cannot have container '%s'", name);
	return err;
}

/* Those whose file has gone. */
static void
forget(struct containers *cs, int dir)
{
	char name[CONTAINER_NAME] = "", file[CONTAINER_NAME + 8];
	struct stat st;

	while (containers_next(cs, name, name) == 0) {
		snprintf(file, sizeof(file), "%s" SUFFIX, name);
		if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
			log_info("container '%s' is no more", name);
			leave(cs, name);
		}
	}
}

int
containers_load(struct containers *cs, bool first)
{
	int dir = open_folder(cs, false), err = 0;
	DIR *d = dir < 0 ? NULL : fdopendir(dir);
	const struct dirent *e;

	if (dir == -ENOENT)
		return 0;
	if (d == NULL)
		return dir < 0 ? dir : -ENOMEM;
	pthread_mutex_lock(&cs->change);
	while ((e = readdir(d)) != NULL)
		if (load_file(cs, dir, e->d_name, first) < 0)
			err = -EINVAL;
	forget(cs, dir);
	pthread_mutex_unlock(&cs->change);
	closedir(d);
	return err;
}

void
containers_clear(struct containers *cs)
{
	while (cs->n > 0)
		container_unref(&cs->of[--cs->n]);
	atomic_store(&cs->count, 0);
}

/* ---- changes */

/* A document that is new, to the disk and to the table; takes doc. */
static int
put(struct containers *cs, const char *name, json_t *doc, char why[static IAM_WHY])
{
	struct policy *p;
	int err = policy_of(doc, &p, why);

	if (err < 0)
		return err;
	err = save(cs, name, p->doc);
	if (err < 0) {
		policy_unref(&p);
		return err;
	}
	return enter(cs, name, p);
}

/* -ENOTDIR: there is an object of this name. */
static int
make_folder(struct containers *cs, const char *name)
{
	const struct tree *t = &cs->store->tree;
	struct stat st;

	if (tree_stat(t, name, &st) == 0 && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return mkdirat(t->root, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int
containers_create(struct containers *cs, const char *name, json_t *tags)
{
	char why[IAM_WHY];
	json_t *doc = json_pack("{s:I}", "CreationTime",
	    (json_int_t)(clk_utc_ns() / CLK_SECOND));
	int err = doc == NULL ? -ENOMEM : 0;

	if (err == 0 && tags != NULL)
		err = json_object_set(doc, "Tags", tags) < 0 ? -ENOMEM : 0;
	json_decref(tags);
	pthread_mutex_lock(&cs->change);
	if (err == 0 && containers_exist(cs, name))
		err = -EEXIST;
	if (err == 0 && atomic_load(&cs->count) >= CONTAINERS_MAX)
		err = -E2BIG;
	if (err == 0)
		err = make_folder(cs, name);
	if (err == 0)
		err = put(cs, name, doc, why);
	else
		json_decref(doc);
	pthread_mutex_unlock(&cs->change);
	return err;
}

int
containers_delete(struct containers *cs, const char *name)
{
	char file[CONTAINER_NAME + 8];
	struct container *c;
	struct policy *p;
	int err = 0, dir = -1;

	pthread_mutex_lock(&cs->change);
	if (!containers_find(cs, name, strlen(name), &c, &p)) {
		pthread_mutex_unlock(&cs->change);
		return -ENOENT;
	}
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	if (atomic_load(&c->objects) > 0)
		err = -ENOTEMPTY;
	store_freeze(cs->store);
	if (err == 0 && (err = count(cs, c)) == 0 && atomic_load(&c->objects) > 0)
		err = -ENOTEMPTY;
	if (err == 0 && (dir = open_folder(cs, false)) < 0)
		err = dir;
	if (err == 0 && (unlinkat(dir, file, 0) < 0 || fsync(dir) < 0))
		err = -errno;
	if (err == 0)
		unlinkat(cs->store->tree.root, name, AT_REMOVEDIR);
	store_thaw(cs->store);
	if (err == 0)
		leave(cs, name);
	if (dir >= 0)
		close(dir);
	pthread_mutex_unlock(&cs->change);
	container_unref(&c);
	policy_unref(&p);
	return err;
}

int
containers_set(struct containers *cs, const char *name, const char *key,
    json_t *value, char why[static IAM_WHY])
{
	struct container *c;
	struct policy *p;
	json_t *doc;
	int err = 0;

	why[0] = '\0';
	pthread_mutex_lock(&cs->change);
	if (!containers_find(cs, name, strlen(name), &c, &p)) {
		pthread_mutex_unlock(&cs->change);
		json_decref(value);
		return -ENOENT;
	}
	doc = json_deep_copy(p->doc);
	if (doc == NULL)
		err = -ENOMEM;
	else if (value != NULL)
		err = json_object_set(doc, key, value) < 0 ? -ENOMEM : 0;
	else
		json_object_del(doc, key);
	json_decref(value);
	if (err == 0)
		err = put(cs, name, doc, why);
	else
		json_decref(doc);
	pthread_mutex_unlock(&cs->change);
	container_unref(&c);
	policy_unref(&p);
	return err;
}
