/*
 * ctlput.c - mstore-ctl put, cp and sign.
 *
 * Files go several at a time, each read as it is sent.  With S3 one that is larger
 * than a part goes part by part, and what comes on standard input too.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/net/mime.h"
#include "origin/ctl.h"

struct put {
	const struct ctl *c;
	struct ctl_pool pool;
	const char *url;
	bool	 folder;		/* the address is one */
	char	 base[S3_KEY_MAX + 2];
	uint64_t files, bytes;
	char	 failed[512];		/* the first name, with its reason */
};

static ssize_t
read_file(void *arg, int64_t offset, void *buf, size_t n)
{
	const int *fd = arg;
	ssize_t r = pread(*fd, buf, n, offset);

	return r < 0 ? -errno : r;
}

static ssize_t
read_pipe(void *arg, int64_t offset, void *buf, size_t n)
{
	(void)arg;
	(void)offset;
	return io_read(STDIN_FILENO, buf, n);
}

static struct s3_meta
meta_of(const struct ctl *c, const char *key)
{
	return (struct s3_meta){
		.content_type = c->content_type != NULL ? c->content_type :
		    mime_of(key).type,
		.cache_control = c->cache_control, .storage_class = c->storage_class,
		.create = c->create, .streaming = c->streaming,
	};
}

static void
tell(const struct put *p)
{
	char text[LOG_BYTES];

	log_status("%" PRIu64 " objects, %s", p->files, log_bytes(text, p->bytes));
}

static int
step(struct ctl_pool *pool, struct ctl_task *t)
{
	struct put *p = pool->user;

	if (!t->job->done)
		return 0;
	if (t->job->error < 0) {
		snprintf(p->failed, sizeof(p->failed), "cannot put '%.240s': %.200s", t->name,
		    t->job->reason);
		return t->job->error;
	}
	p->files++;
	p->bytes += (uint64_t)t->size;
	tell(p);
	return 0;
}

static void
stop_if(struct put *p, int r, const char *name)
{
	if (r >= 0)
		return;
	if (*p->failed != '\0')
		fatal(EXIT_RUNTIME, 0, "%s", p->failed);
	ctl_fatal(p->pool.s, r, "put", name);
}

static void
progress(void *arg, int64_t sent)
{
	const struct put *p = arg;
	char text[LOG_BYTES];

	log_status("%" PRIu64 " objects, %s of this one", p->files,
	    log_bytes(text, (uint64_t)sent));
}

/* One that has the store for itself: of unknown size, or in parts. */
static void
put_large(struct put *p, const char *key, const char *name, struct s3_source src)
{
	struct s3_upload u = {
		.meta = meta_of(p->c, key), .source = src, .part = p->c->part,
		.parallel = p->c->parallel, .progress = progress, .progress_arg = p,
	};

	stop_if(p, ctl_pool_drain(&p->pool), name);
	stop_if(p, s3_put(p->pool.s, key, &u), name);
	p->files++;
	p->bytes += src.size < 0 ? 0 : (uint64_t)src.size;
	tell(p);
}

static void
put_file(struct put *p, const char *path, const char *key)
{
	struct s3_meta m = meta_of(p->c, key);
	struct s3_source src = { .read = read_file };
	size_t part = p->c->part != 0 ? p->c->part : S3_PART;
	struct ctl_task *t;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		fatal(EXIT_RUNTIME, 0, "'%s' is not a file%s", path,
		    S_ISDIR(st.st_mode) ? ": see --recursive" : "");
	src.size = st.st_size;
	if (s3_address(p->pool.s)->s3 && st.st_size > (int64_t)part) {
		src.arg = &fd;
		put_large(p, key, path, src);
		close(fd);
		return;
	}
	stop_if(p, ctl_free_task(&p->pool, &t), path);
	t->fd = fd;
	t->size = st.st_size;
	t->name = strdup(path);
	src.arg = &t->fd;
	t->job = t->name == NULL ? NULL : s3_start_put(p->pool.s, key, &m, &src);
	if (t->job == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot put '%s'", path);
}

static void
key_below(const struct put *p, const char *name, char key[static S3_KEY_MAX + 1])
{
	int n = snprintf(key, S3_KEY_MAX + 1, "%s%s", p->base, name);

	if (n < 0 || n > S3_KEY_MAX)
		fatal(EXIT_RUNTIME, 0, "the name '%s' is too long for '%s'", name, p->url);
}

static void
put_tree(struct put *p, char *dir)
{
	char *roots[] = { dir, NULL }, key[S3_KEY_MAX + 1];
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	size_t skip = strlen(dir);

	if (fts == NULL)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", dir);
	while (skip > 0 && dir[skip - 1] == '/')
		skip--;
	while ((e = fts_read(fts)) != NULL) {
		const char *name = e->fts_path + skip;

		if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR ||
		    e->fts_info == FTS_NS)
			fatal(EXIT_RUNTIME, e->fts_errno, "cannot read '%s'", e->fts_path);
		if (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE ||
		    e->fts_info == FTS_DEFAULT)
			log_warn(0, "left out '%s': neither file nor folder", e->fts_path);
		if (e->fts_info != FTS_F)
			continue;
		key_below(p, name + strspn(name, "/"), key);
		put_file(p, e->fts_path, key);
	}
	fts_close(fts);
}

static void
put_argument(struct put *p, char *path)
{
	const char *name = strrchr(path, '/');
	char key[S3_KEY_MAX + 1];
	struct stat st;

	if (strcmp(path, "-") == 0) {
		if (p->folder)
			opt_usage(p->c->help, "put: '%s' is no name for standard input",
			    p->url);
		io_refuse_terminal(STDIN_FILENO, "standard input");
		put_large(p, s3_address(p->pool.s)->key, "-",
		    (struct s3_source){ .read = read_pipe, .size = -1, .watch = true,
		    .fd = STDIN_FILENO });
		return;
	}
	if (p->c->recursive && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		put_tree(p, path);
		return;
	}
	if (!p->folder) {
		put_file(p, path, s3_address(p->pool.s)->key);
		return;
	}
	key_below(p, name == NULL ? path : name + 1, key);
	put_file(p, path, key);
}

int
ctl_put(const struct ctl *c, int argc, char *argv[])
{
	struct put *p = calloc(1, sizeof(*p));
	const char *url = argv[argc - 1], *key;
	struct s3 *s = ctl_open(c, url);

	if (p == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot begin");
	p->c = c;
	p->url = url;
	key = s3_address(s)->key;
	p->folder = argc > 2 || c->recursive || *key == '\0' ||
	    key[strlen(key) - 1] == '/';
	ctl_folder(c, key, p->base);
	ctl_pool_init(&p->pool, s, c->parallel, step);
	p->pool.user = p;
	for (int i = 0; i < argc - 1; i++)
		put_argument(p, argv[i]);
	stop_if(p, ctl_pool_drain(&p->pool), url);
	ctl_pool_clear(&p->pool);
	s3_free(s);
	free(p);
	return EXIT_SUCCESS;
}

/* ---- cp and sign: one request, or none */

int
ctl_cp(const struct ctl *c, int argc, char *argv[])
{
	struct s3 *from = ctl_open(c, argv[0]), *to = ctl_open(c, argv[1]);
	const struct s3_address *a = s3_address(from), *b = s3_address(to);
	const char *name = strrchr(a->key, '/');
	char key[2 * S3_KEY_MAX + 2];
	int r;

	(void)argc;
	if (!a->s3 || !b->s3 || strcmp(a->endpoint, b->endpoint) != 0)
		opt_usage(c->help, "cp: only from one place of an S3 store to another");
	if (*a->key == '\0')
		opt_usage(c->help, "cp: '%s' names no object", argv[0]);
	snprintf(key, sizeof(key), "%s%s", b->key, *b->key == '\0' ||
	    b->key[strlen(b->key) - 1] == '/' ? (name == NULL ? a->key : name + 1) : "");
	r = s3_copy(to, a->bucket, a->key, key);
	if (r < 0)
		ctl_fatal(to, r, "copy", argv[0]);
	s3_free(from);
	s3_free(to);
	return EXIT_SUCCESS;
}

int
ctl_sign(const struct ctl *c, int argc, char *argv[])
{
	struct s3 *s = ctl_open(c, argv[0]);
	char url[16384];
	int r;

	(void)argc;
	if (*c->method == '\0' ||
	    c->method[strspn(c->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
		opt_usage(c->help, "--method '%s' is none", c->method);
	r = s3_presign(s, c->method, s3_address(s)->key,
	    (unsigned)(c->expires_ns / CLK_SECOND), url, sizeof(url));
	if (r == -ENOKEY)
		opt_usage(c->help, "sign: there are no keys to sign with");
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot sign '%s'", argv[0]);
	puts(url);
	s3_free(s);
	return EXIT_SUCCESS;
}
