/* The archive in a bucket: stubs, uploads, deletions; see archs3.h. */
#include "origin/archs3.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/net/mime.h"

#define FOLDER		"archive"
#define PLACE		"bucket"	/* which it is, in .mstore of the stubs */
#define XATTR_KEY	"user.mstore.s3-key"
#define IDLE		8
#define BATCH		250		/* deletions of one request */
#define AGAIN_NS	(5 * CLK_SECOND)
#define UPLOAD_RETRIES	3

struct archs3 {
	struct s3_address address;	/* whose key is the prefix: "" or with a / */
	struct tree *tree;		/* of the stubs */
	pthread_mutex_t lock;
	pthread_cond_t more;		/* something is to be deleted, or stop */
	struct s3 *idle[IDLE];
	unsigned nidle;
	bool	 stop, dirty;
	pthread_t thread;
	_Atomic uint64_t pending, named;
};

/* ---- clients */

struct s3 *
archs3_client(const struct archs3 *s, unsigned retries)
{
	struct s3_config c = { .user_agent = "mstore-serve", .retries = retries };

	return s3_new(&s->address, &c);
}

static struct s3 *
take_client(struct archs3 *s)
{
	struct s3 *client = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->nidle > 0)
		client = s->idle[--s->nidle];
	pthread_mutex_unlock(&s->lock);
	return client != NULL ? client : archs3_client(s, UPLOAD_RETRIES);
}

static void
give_client(struct archs3 *s, struct s3 *client)
{
	pthread_mutex_lock(&s->lock);
	if (s->nidle < IDLE) {
		s->idle[s->nidle++] = client;
		client = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	s3_free(client);
}

/* ---- stubs */

int
archs3_make_stub(int to, const char *path, const char *temp, int64_t size)
{
	char key[ARCHS3_KEY];
	int n = snprintf(key, sizeof(key), "%s/%s", path, temp + strcspn(temp, "-") + 1);

	if (n >= (int)sizeof(key))
		return -ENAMETOOLONG;
	return fsetxattr(to, XATTR_KEY, key, (size_t)n, 0) < 0 ||
	    ftruncate(to, size) < 0 ? -errno : 0;
}

int
archs3_key(const struct archs3 *s, int stub, char key[static ARCHS3_KEY])
{
	char own[ARCHS3_KEY];
	ssize_t n = fgetxattr(stub, XATTR_KEY, own, sizeof(own) - 1);

	if (n <= 0)
		return -EIO;
	own[n] = '\0';
	return snprintf(key, ARCHS3_KEY, "%s%s", s->address.key, own) >= ARCHS3_KEY ?
	    -ENAMETOOLONG : 0;
}

static void
withdrawn(struct archs3 *s)
{
	atomic_fetch_add(&s->pending, 1);
	pthread_mutex_lock(&s->lock);
	s->dirty = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

/* "half-": of this there may be parts in the bucket. */
static void
half_name(const char *temp, char out[static TREE_TEMP])
{
	snprintf(out, TREE_TEMP, "half-%s", temp + strcspn(temp, "-") + 1);
}

void
archs3_drop(struct archive *a, const char *temp)
{
	char name[TREE_TEMP];

	half_name(temp, name);
	if (renameat(a->tree.temp, temp, a->tree.temp, name) == 0)
		withdrawn(a->s3);
}

int
archs3_delete(struct archive *a, const char *path)
{
	char name[TREE_TEMP];
	int err;

	snprintf(name, sizeof(name), "gone-%" PRIx64 "-%" PRIx64, a->tree.instance,
	    atomic_fetch_add(&a->s3->named, 1));
	err = tree_withdraw(&a->tree, path, name);
	if (err == 0)
		withdrawn(a->s3);
	return err;
}

/* ---- uploads */

static ssize_t
read_file(void *arg, int64_t offset, void *buf, size_t n)
{
	ssize_t got = pread(*(const int *)arg, buf, n, (off_t)offset);

	return got < 0 ? -errno : got;
}

static void
attribute(int fd, const char *name, char *out, size_t size)
{
	ssize_t n = fgetxattr(fd, name, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	if (out[strcspn(out, "\r\n")] != '\0')
		*out = '\0';
}

/* Is it there, whole and ours? */
static int
verify(struct s3 *client, const char *key, int64_t size, const char *etag,
    char why[static ARCHIVE_WHY])
{
	struct s3_request q = { .method = "HEAD", .key = key };
	struct s3_job *job = s3_start(client, &q);
	int err = job == NULL ? -ENOMEM : s3_wait(client, job);
	const char *kept = err == 0 ? fetch_header(job->http, "x-amz-meta-mstore-etag") :
	    NULL;

	if (err < 0)
		snprintf(why, ARCHIVE_WHY, "%.*s", ARCHIVE_WHY - 1,
		    job == NULL ? strerror(-err) : job->reason);
	else if (job->http->content_length != size || kept == NULL ||
	    strcmp(kept, etag) != 0) {
		snprintf(why, ARCHIVE_WHY, "the store has something else than it was sent");
		err = -EIO;
	}
	s3_end(job);
	return err;
}

int
archs3_upload(struct archs3 *s, int fd, int stub, const char *path,
    char why[static ARCHIVE_WHY])
{
	char key[ARCHS3_KEY], type[256], cache[256], etag[64];
	char own[2][128];
	struct s3_upload u = {
		.meta = { .content_type = type, .own = { own[0], own[1] } },
		.source = { .read = read_file, .arg = &fd },
	};
	struct s3 *client = take_client(s);
	struct stat st;
	int err = client == NULL ? -ENOMEM : archs3_key(s, stub, key);

	if (err == 0 && fstat(fd, &st) < 0)
		err = -errno;
	if (err < 0) {
		snprintf(why, ARCHIVE_WHY, "%s", strerror(-err));
		s3_free(client);
		return err;
	}
	attribute(fd, "user.mstore.content-type", type, sizeof(type));
	attribute(fd, "user.mstore.cache-control", cache, sizeof(cache));
	attribute(stub, "user.mstore.etag", etag, sizeof(etag));
	if (*type == '\0')
		snprintf(type, sizeof(type), "%s", mime_of(path).type);
	if (*cache != '\0')
		u.meta.cache_control = cache;
	snprintf(own[0], sizeof(own[0]), "x-amz-meta-mstore-etag: %s", etag);
	snprintf(own[1], sizeof(own[1]), "x-amz-meta-mstore-mtime: %" PRId64 ".%09ld",
	    (int64_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	u.source.size = st.st_size;
	err = s3_put(client, key, &u);
	if (err < 0)
		snprintf(why, ARCHIVE_WHY, "%s", s3_reason(client));
	else
		err = verify(client, key, st.st_size, etag, why);
	give_client(s, client);
	return err;
}

/* ---- deletions */

struct batch {
	unsigned n;
	char	*key[BATCH];
	char	 name[BATCH][TREE_TEMP];
};

static void
clear_batch(struct batch *b)
{
	while (b->n > 0)
		free(b->key[--b->n]);
}

/* Parts of what was not finished; only what is large was sent in parts. */
static int
abort_parts(struct s3 *client, const char *key, int64_t size)
{
	unsigned n;

	return size > S3_PART ? s3_abort_uploads(client, key, &n) : 0;
}

static int
add_stub(struct archs3 *s, struct s3 *client, struct batch *b, const char *name)
{
	int fd = openat(s->tree->temp, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), err;
	char key[ARCHS3_KEY];
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = archs3_key(s, fd, key);
	if (err == 0 && fstat(fd, &st) < 0)
		err = -errno;
	close(fd);
	if (err < 0) {		/* killed before it got one */
		unlinkat(s->tree->temp, name, 0);
		atomic_fetch_sub(&s->pending, 1);
		return 0;
	}
	if (name[0] == 'h' && (err = abort_parts(client, key, st.st_size)) < 0)
		return err;
	if ((b->key[b->n] = strdup(key)) == NULL)
		return -ENOMEM;
	snprintf(b->name[b->n++], TREE_TEMP, "%s", name);
	return 0;
}

static bool
is_withdrawn(const char *name)
{
	return strncmp(name, "gone-", 5) == 0 || strncmp(name, "half-", 5) == 0;
}

/* Some of what is to be deleted. */
static int
collect(struct archs3 *s, struct s3 *client, struct batch *b)
{
	int fd = openat(s->tree->temp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (d == NULL) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (err == 0 && b->n < BATCH && (e = readdir(d)) != NULL)
		if (is_withdrawn(e->d_name) && strlen(e->d_name) < TREE_TEMP)
			err = add_stub(s, client, b, e->d_name);
	closedir(d);
	return err;
}

/* 1 when there may be more, 0, or -errno with the client's reason. */
static int
delete_some(struct archs3 *s, struct s3 *client, struct batch *b,
    char why[static ARCHIVE_WHY])
{
	int err = collect(s, client, b);
	struct s3_job *job = NULL;
	unsigned failed = 0, n = b->n;

	snprintf(why, ARCHIVE_WHY, "%s", err < 0 ? s3_reason(client) : "");
	if (err == 0 && n > 0) {
		job = s3_start_delete(client, b->key, n);
		err = job == NULL ? -ENOMEM : s3_wait(client, job);
		if (err == 0)
			err = s3_deleted(job, &failed);
		if (err == 0 && failed > 0)
			err = -EACCES;
		if (err < 0)
			snprintf(why, ARCHIVE_WHY, "%.*s", ARCHIVE_WHY - 1,
			    job == NULL ? strerror(-err) : job->reason);
		s3_end(job);
	}
	for (unsigned i = 0; err == 0 && i < n; i++) {
		unlinkat(s->tree->temp, b->name[i], 0);
		atomic_fetch_sub(&s->pending, 1);
	}
	clear_batch(b);
	return err < 0 ? err : n == BATCH;
}

/* Until something is to be deleted, or what failed is tried again. */
static bool
wait_for_work(struct archs3 *s, bool failed)
{
	struct timespec t;
	bool go;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += AGAIN_NS / CLK_SECOND;
	pthread_mutex_lock(&s->lock);
	if (failed && !s->stop)
		pthread_cond_timedwait(&s->more, &s->lock, &t);
	while (!failed && !s->dirty && !s->stop)
		pthread_cond_wait(&s->more, &s->lock);
	s->dirty = false;
	go = !s->stop;
	pthread_mutex_unlock(&s->lock);
	return go;
}

static void *
archs3_main(void *arg)
{
	struct archs3 *s = arg;
	struct s3 *client = archs3_client(s, 1);
	struct batch *b = calloc(1, sizeof(*b));
	char why[ARCHIVE_WHY];
	bool said = false;
	int r = 0;

	while (client != NULL && b != NULL && wait_for_work(s, r < 0)) {
		while ((r = delete_some(s, client, b, why)) > 0)
			;
		if (r < 0 && r != -EINTR && !said)
			log_warn(0, "what is no longer archived stays in s3://%s: %s",
			    s->address.bucket, why);
		said = r < 0;
	}
	free(b);
	s3_free(client);
	return NULL;
}

/* ---- open and close */

/* What another process left: what it was sending is no use any more. */
static void
adopt(struct archs3 *s)
{
	int fd = openat(s->tree->temp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	char name[TREE_TEMP];

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strlen(e->d_name) >= TREE_TEMP - 1)
			continue;
		if (strncmp(e->d_name, "put-", 4) == 0) {
			half_name(e->d_name, name);
			renameat(s->tree->temp, e->d_name, s->tree->temp, name);
			s->dirty = true;
		} else if (is_withdrawn(e->d_name)) {
			s->dirty = true;
		}
	}
	if (d != NULL)
		rewinddir(d);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_withdrawn(e->d_name))
			atomic_fetch_add(&s->pending, 1);
	if (d != NULL)
		closedir(d);
}

/* The line that says which bucket this is, read into text or written. */
static int
place(const struct archs3 *s, char *text, size_t size)
{
	int fd = openat(s->tree->temp, PLACE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	char line[S3_KEY_MAX + 300];
	int len = snprintf(line, sizeof(line), "s3://%s/%s\n", s->address.bucket,
	    s->address.key), err = 0;

	if (n == 0 && (write(fd, line, (size_t)len) != len || fsync(fd) < 0))
		n = -1;
	if (n < 0)
		err = errno != 0 ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (n > 0 && strcmp(text, line) != 0)
		err = -EINVAL;
	text[strcspn(text, "\n")] = '\0';
	return err;
}

bool
archive_forgotten(const struct tree *root, char why[static ARCHIVE_WHY])
{
	int fd = openat(root->temp, FOLDER "/.mstore/" PLACE, O_RDONLY | O_CLOEXEC |
	    O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, why, ARCHIVE_WHY - 1);

	if (fd >= 0)
		close(fd);
	why[n > 0 ? n : 0] = '\0';
	why[strcspn(why, "\n")] = '\0';
	return n > 0;
}

/* A folder where attributes cannot be kept can hold no stubs. */
static int
try_attributes(struct tree *t)
{
	char name[TREE_TEMP];
	int fd = tree_temp(t, name), err;

	if (fd < 0)
		return fd;
	err = fsetxattr(fd, XATTR_KEY, "x", 1, 0) < 0 ? -errno : 0;
	close(fd);
	tree_drop_temp(t, name);
	return err;
}

static int
parse_address(struct archs3 *s, const char *where, char why[static ARCHIVE_WHY])
{
	char reason[160];
	size_t len;
	int err = s3_address_parse(&s->address, where, reason);

	if (err < 0) {
		snprintf(why, ARCHIVE_WHY, "%s", reason);
		return -EINVAL;
	}
	len = strlen(s->address.key);
	if (len > 0 && s->address.key[len - 1] != '/') {
		if (len + 1 >= sizeof(s->address.key))
			return -ENAMETOOLONG;
		memcpy(s->address.key + len, "/", 2);
	}
	return 0;
}

static int
open_stubs(struct archs3 *s, const struct tree *root, char why[static ARCHIVE_WHY])
{
	char path[4096], text[S3_KEY_MAX + 300];
	int err;

	if (mkdirat(root->temp, FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (snprintf(path, sizeof(path), "%s/.mstore/" FOLDER, root->path) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	if ((err = tree_open(s->tree, path)) < 0)
		return err;
	s->tree->path = "";
	if ((err = place(s, text, sizeof(text))) == -EINVAL)
		snprintf(why, ARCHIVE_WHY, "this root has objects in '%.200s'", text);
	if (err == 0 && (err = try_attributes(s->tree)) < 0)
		snprintf(why, ARCHIVE_WHY, "the root keeps no attributes of files: %s",
		    strerror(-err));
	if (err < 0)
		tree_close(s->tree);
	return err;
}

int
archs3_open(struct archive *a, const char *where, const struct tree *root,
    char why[static ARCHIVE_WHY])
{
	struct archs3 *s = calloc(1, sizeof(*s));
	sigset_t all, before;
	int err = s == NULL ? -ENOMEM : 0;

	why[0] = '\0';
	if (err == 0) {
		s->tree = &a->tree;
		pthread_mutex_init(&s->lock, NULL);
		pthread_cond_init(&s->more, NULL);
		err = parse_address(s, where, why);
	}
	if (err == 0)
		err = open_stubs(s, root, why);
	if (err < 0) {
		if (why[0] == '\0')
			snprintf(why, ARCHIVE_WHY, "%s", strerror(-err));
		free(s);
		return err;
	}
	adopt(s);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&s->thread, NULL, archs3_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err < 0) {
		snprintf(why, ARCHIVE_WHY, "%s", strerror(-err));
		tree_close(&a->tree);
		free(s);
		return err;
	}
	a->s3 = s;
	a->on = true;
	return 0;
}

void
archs3_close(struct archs3 **at)
{
	struct archs3 *s = *at;

	*at = NULL;
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	while (s->nidle > 0)
		s3_free(s->idle[--s->nidle]);
	s3_address_clear(&s->address);
	free(s);
}

uint64_t
archs3_pending(const struct archs3 *s)
{
	return s == NULL ? 0 : atomic_load(&s->pending);
}
