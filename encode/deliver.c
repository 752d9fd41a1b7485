#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encode/deliver.h"
#include "lib/base/io.h"
#include "lib/base/readfile.h"
#include "lib/net/place.h"

#define PART		".mlive-part"
#define COPY		(1 << 20)
#define GET_MAX		(1024u << 20)
#define PATH		4096

static int
failed(struct deliver *d, int err)
{
	if (err < 0)
		why_failed(d->why, err, "%s", strerror(-err));
	return err;
}

/* ---- a directory */

/* The folder of a name is made, and the name of a new file in it. */
static int
part_of(struct deliver *d, const char *name, char part[static PATH])
{
	const char *slash = strrchr(name, '/');
	int folder = slash != NULL ? (int)(slash - name) : 0, n;

	n = snprintf(part, PATH, "%.*s", folder, name);
	if (n < 0 || n >= PATH)
		return -ENAMETOOLONG;
	if (folder > 0 && (n = io_make_dirs(d->dir, part)) < 0)
		return n;
	n = snprintf(part, PATH, "%.*s" PART ".%ld", slash != NULL ? folder + 1 : 0, name,
	    (long)getpid());
	return n < 0 || n >= PATH ? -ENAMETOOLONG : 0;
}

static int
sync_folder(struct deliver *d, const char *name)
{
	char folder[PATH];
	const char *slash = strrchr(name, '/');
	int fd, r = 0;

	snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - name) : 1,
	    slash != NULL ? name : ".");
	fd = openat(d->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

static int
copy_file(int from, int to)
{
	char *buf = malloc(COPY);
	ssize_t n = 0;
	int r = buf == NULL ? -ENOMEM : 0;

	while (r == 0 && ((n = read(from, buf, COPY)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			r = io_write(to, buf, (size_t)n);
	if (r == 0 && n < 0)
		r = -errno;
	free(buf);
	return r;
}

/* Give a part, which is whole, its name. */
static int
finish_part(struct deliver *d, const char *part, const char *name, bool create)
{
	if (!create) {
		if (renameat(d->dir, part, d->dir, name) < 0)
			return -errno;
		unlinkat(d->dir, part, 0);	/* it stays if both are links to one file */
		return 0;
	}
	if (renameat2(d->dir, part, d->dir, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* Not every file system can. */
	if (linkat(d->dir, part, d->dir, name, 0) < 0)
		return -errno;
	return unlinkat(d->dir, part, 0) < 0 ? -errno : 0;
}

static int
dir_file(struct deliver *d, int folder, const char *file, const char *name, bool create)
{
	char part[PATH];
	int from, to, r = part_of(d, name, part);

	if (r < 0)
		return r;
	unlinkat(d->dir, part, 0);
	if (linkat(folder, file, d->dir, part, 0) < 0) {
		from = openat(folder, file, O_RDONLY | O_CLOEXEC);
		to = openat(d->dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		r = from < 0 || to < 0 ? -errno : copy_file(from, to);
		if (r == 0 && fsync(to) < 0)
			r = -errno;
		if (from >= 0)
			close(from);
		if (to >= 0 && close(to) < 0 && r == 0)
			r = -errno;
	}
	if (r == 0)
		r = finish_part(d, part, name, create);
	if (r < 0)
		unlinkat(d->dir, part, 0);
	return r < 0 ? r : sync_folder(d, name);
}

static int
dir_text(struct deliver *d, const char *name, const char *text, size_t len)
{
	char part[PATH];
	int fd, r = part_of(d, name, part);

	if (r < 0)
		return r;
	fd = openat(d->dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	r = io_write(fd, text, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = finish_part(d, part, name, false);
	if (r < 0)
		unlinkat(d->dir, part, 0);
	return r;
}

/* ---- a server, S3 */

static int
key_of(const struct deliver *d, const char *name, char key[static S3_KEY_MAX + 1])
{
	int n = snprintf(key, S3_KEY_MAX + 1, "%s%s", d->prefix, name);

	return n < 0 || n > S3_KEY_MAX ? -ENAMETOOLONG : 0;
}

static ssize_t
read_fd(void *arg, int64_t offset, void *buf, size_t n)
{
	struct deliver *d = arg;
	ssize_t r = pread(d->fd, buf, n, offset);

	if (r > 0)
		atomic_fetch_add(&d->moved, (unsigned long long)r);
	return r < 0 ? -errno : r;
}

struct memory {
	const char *p;
	size_t	 len;
};

static ssize_t
read_memory(void *arg, int64_t offset, void *buf, size_t n)
{
	const struct memory *m = arg;

	if (offset >= (int64_t)m->len)
		return 0;
	if (n > m->len - (size_t)offset)
		n = m->len - (size_t)offset;
	memcpy(buf, m->p + offset, n);
	return (ssize_t)n;
}

static int
put_s3(struct deliver *d, const char *name, struct s3_upload *u)
{
	char key[S3_KEY_MAX + 1];
	int r = key_of(d, name, key);

	if (r < 0)
		return failed(d, r);
	s3_outlive_stop(d->s3, true);	/* what is held goes out first */
	r = s3_put(d->s3, key, u);
	if (r < 0)
		snprintf(d->why, sizeof(d->why), "%s", s3_reason(d->s3));
	return r;
}

/* ---- both */

int
deliver_init(struct deliver *d, const char *url, const char *token)
{
	struct s3_config config = { .token = token, .user_agent = log_prog(), .retries = 3 };
	struct s3_address *a;
	char reason[160];
	size_t len;
	int r;

	*d = (struct deliver){ .dir = -1 };
	if (place_kind(url) == PLACE_OTHER)
		return why_failed(d->why, -EINVAL,
		    "neither a directory, http(s):// nor s3://");
	if (place_kind(url) == PLACE_FOLDER) {
		url = place_path(url);
		if ((r = io_make_dirs(AT_FDCWD, url)) < 0)
			return failed(d, r);
		d->dir = open(url, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return d->dir < 0 ? failed(d, -errno) : 0;
	}
	if ((a = malloc(sizeof(*a))) == NULL)
		return failed(d, -ENOMEM);
	r = s3_address_parse(a, url, reason);
	if (r < 0) {
		why_failed(d->why, r, "%s", reason);
	} else {
		len = strlen(a->key);
		snprintf(d->prefix, sizeof(d->prefix), "%.*s%s", S3_KEY_MAX - 1, a->key,
		    len == 0 || a->key[len - 1] == '/' ? "" : "/");
		d->s3 = s3_new(a, &config);
		r = d->s3 == NULL ? failed(d, -ENOMEM) : 0;
	}
	s3_address_clear(a);
	free(a);
	return r;
}

void
deliver_free(struct deliver *d)
{
	if (d->dir >= 0)
		close(d->dir);
	if (d->s3 != NULL)
		s3_free(d->s3);
}

int
deliver_file(struct deliver *d, int folder, const char *file, int64_t size,
    const char *name, const char *content_type, bool create)
{
	struct s3_upload u = {
		.meta = { .content_type = content_type, .create = create },
		.source = { .read = read_fd, .arg = d, .size = size },
	};
	int r;

	if (d->dir >= 0)
		return failed(d, dir_file(d, folder, file, name, create));
	d->fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
	if (d->fd < 0)
		return failed(d, -errno);
	r = put_s3(d, name, &u);
	close(d->fd);
	return r;
}

int
deliver_text(struct deliver *d, const char *name, const char *content_type,
    const char *text, size_t len)
{
	struct memory m = { text, len };
	struct s3_upload u = {
		.meta = { .content_type = content_type, .cache_control = "max-age=1" },
		.source = { .read = read_memory, .arg = &m, .size = (int64_t)len },
	};

	if (d->dir >= 0)
		return failed(d, dir_text(d, name, text, len));
	return put_s3(d, name, &u);
}

bool
deliver_blind(const struct deliver *d)
{
	return d->s3 != NULL && !s3_address(d->s3)->s3;
}

int
deliver_remove(struct deliver *d, const char *name)
{
	char key[S3_KEY_MAX + 1];
	int r;

	if (d->dir >= 0)
		return unlinkat(d->dir, name, 0) < 0 ? failed(d, -errno) : 0;
	if ((r = key_of(d, name, key)) < 0)
		return failed(d, r);
	s3_outlive_stop(d->s3, true);
	if ((r = s3_delete(d->s3, key)) < 0)
		snprintf(d->why, sizeof(d->why), "%s", s3_reason(d->s3));
	return r;
}

int
deliver_check(struct deliver *d, const char *name, int64_t size)
{
	char key[S3_KEY_MAX + 1];
	struct s3_item item;
	struct stat st;
	int r;

	if (d->dir >= 0) {
		if (fstatat(d->dir, name, &st, 0) < 0)
			return failed(d, -errno);
		return st.st_size == size ? 0 : failed(d, -EEXIST);
	}
	if (deliver_blind(d))
		return 0;
	if ((r = key_of(d, name, key)) < 0)
		return failed(d, r);
	s3_outlive_stop(d->s3, true);
	r = s3_head(d->s3, key, &item);
	if (r < 0) {
		snprintf(d->why, sizeof(d->why), "%s", s3_reason(d->s3));
		return r;
	}
	r = item.size == size ? 0 : failed(d, -EEXIST);
	s3_item_clear(&item);
	return r;
}

int
deliver_get(struct deliver *d, const char *name, char **text, size_t *len)
{
	char key[S3_KEY_MAX + 1];
	struct s3_request q = { .key = key, .limit = GET_MAX };
	struct s3_job *job;
	int r;

	if (d->dir >= 0)
		return failed(d, read_file(d->dir, name, GET_MAX, text, len));
	if ((r = key_of(d, name, key)) < 0)
		return failed(d, r);
	s3_outlive_stop(d->s3, false);
	job = s3_start(d->s3, &q);
	r = job == NULL ? -ENOMEM : s3_wait(d->s3, job);
	if (r == 0 && (*text = malloc(job->http->len + 1)) == NULL)
		r = -ENOMEM;
	if (r == 0) {
		memcpy(*text, job->http->data, job->http->len);
		*len = job->http->len;
	} else {
		snprintf(d->why, sizeof(d->why), "%s", job == NULL ? strerror(ENOMEM) :
		    job->reason);
	}
	s3_end(job);
	return r;
}

void
deliver_tidy(struct deliver *d, const char *name)
{
	char key[S3_KEY_MAX + 1];
	unsigned n;

	if (d->s3 == NULL || !s3_address(d->s3)->s3 || key_of(d, name, key) < 0)
		return;
	s3_outlive_stop(d->s3, true);
	s3_abort_uploads(d->s3, key, &n);
}
