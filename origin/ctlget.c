/*
 * ctlget.c - mstore-ctl get.
 *
 * An object goes to FILE.part, which becomes FILE once it is whole; --continue
 * begins where an earlier FILE.part ends.  What a store calls its objects is not
 * trusted as a path.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "origin/ctl.h"

#define WINDOW		(1 << 20)	/* of each object that comes */
#define PART		".part"

struct get {
	const struct ctl *c;
	struct ctl_pool pool;
	const char *dir;
	size_t	 cut;			/* of the folder's name */
	uint64_t files, bytes;
	char	 failed[512];
};

static int
fail(struct get *g, int err, const char *name, const char *reason)
{
	if (*g->failed == '\0')
		snprintf(g->failed, sizeof(g->failed), "cannot get '%.240s': %.200s", name, reason);
	return err;
}

/* name.part is all here. */
static int
finish(struct get *g, struct ctl_task *t)
{
	char part[4096 + sizeof(PART)];
	struct stat own, named;

	snprintf(part, sizeof(part), "%s" PART, t->name);
	/* In a folder there may be an object of that name as well. */
	if (fstat(t->fd, &own) < 0 || stat(part, &named) < 0 ||
	    own.st_ino != named.st_ino || own.st_dev != named.st_dev)
		return fail(g, -EEXIST, t->name, "its " PART " has become another file: "
		    "is there an object of that name?");
	if (close(t->fd) < 0 || rename(part, t->name) < 0) {
		t->fd = -1;
		return fail(g, -errno, t->name, strerror(errno));
	}
	t->fd = -1;
	g->files++;
	return 0;
}

/* Of an object that is not there nothing is to stay. */
static void
drop_empty(const struct ctl_task *t)
{
	char part[4096 + sizeof(PART)];

	if (t->fd == STDOUT_FILENO || lseek(t->fd, 0, SEEK_END) != 0)
		return;
	snprintf(part, sizeof(part), "%s" PART, t->name);
	unlink(part);
}

static int
step(struct ctl_pool *pool, struct ctl_task *t)
{
	struct get *g = pool->user;
	struct fetch_job *http = t->job->http;
	char text[LOG_BYTES];
	int r;

	/* Data of an answer that is no error, or of what came before one. */
	if (http != NULL && http->started && http->len > 0 && http->received > 0) {
		r = io_write(t->fd, http->data, http->len);
		if (r < 0)
			return fail(g, r, t->name, strerror(-r));
		g->bytes += http->len;
		fetch_drop(http, http->len);
		log_status("%" PRIu64 " objects, %s", g->files, log_bytes(text, g->bytes));
	}
	if (!t->job->done)
		return 0;
	if (t->job->error < 0) {
		drop_empty(t);
		return fail(g, t->job->error, t->name, t->job->reason);
	}
	if (t->fd == STDOUT_FILENO) {
		t->fd = -1;
		return 0;
	}
	return finish(g, t);
}

static void
stop_if(const struct get *g, int r, const char *name)
{
	if (r >= 0)
		return;
	if (*g->failed != '\0')
		fatal(EXIT_RUNTIME, 0, "%s", g->failed);
	ctl_fatal(g->pool.s, r, "get", name);
}

/* "FIRST-LAST" or "FIRST-": bytes, both of them inclusive. */
static void
read_range(const struct ctl *c, struct s3_request *q)
{
	char first[32] = "";
	const char *dash = strchr(c->range, '-');
	uint64_t from, to;

	if (dash == NULL || (size_t)(dash - c->range) >= sizeof(first))
		opt_usage(c->help, "--range '%s' is not first-last", c->range);
	memcpy(first, c->range, (size_t)(dash - c->range));
	from = opt_number("range", first, 0, INT64_MAX - 1);
	q->offset = (int64_t)from;
	q->len = -1;
	if (dash[1] == '\0')
		return;
	to = opt_number("range", dash + 1, from, INT64_MAX - 1);
	q->len = (int64_t)(to - from) + 1;
}

/* Open NAME.part, and ask only for what it lacks.  1: it is whole. */
static int
open_part(struct get *g, struct ctl_task *t, struct s3_request *q)
{
	char part[4096 + sizeof(PART)];
	struct s3_item o;
	int64_t have;
	int r;

	snprintf(part, sizeof(part), "%s" PART, t->name);
	t->fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC |
	    (g->c->resume ? O_APPEND : O_TRUNC), 0666);
	if (t->fd < 0)
		return fail(g, -errno, part, strerror(errno));
	have = g->c->resume ? lseek(t->fd, 0, SEEK_END) : 0;
	if (have <= 0)
		return 0;
	if ((r = s3_head(g->pool.s, q->key, &o)) < 0)
		return fail(g, r, t->name, s3_reason(g->pool.s));
	r = o.size < have ? -ESTALE : o.size == have;
	s3_item_clear(&o);
	if (r < 0)
		return fail(g, r, t->name, "what is here is longer than the object");
	q->offset = have;
	q->len = -1;
	return r;
}

static int
get_object(struct get *g, const char *key, const char *name)
{
	struct s3_request q = { .key = key, .window = WINDOW };
	struct ctl_task *t;
	bool out = strcmp(name, "-") == 0;
	int r = ctl_free_task(&g->pool, &t);

	if (r < 0)
		return r;
	if (g->c->range != NULL)
		read_range(g->c, &q);
	if (strlen(name) > 4096 || (t->name = strdup(out ? key : name)) == NULL)
		return -ENOMEM;
	if (out) {
		t->fd = STDOUT_FILENO;
	} else if ((r = open_part(g, t, &q)) != 0) {
		if (r > 0)
			r = finish(g, t);
		free(t->name);
		t->name = NULL;
		return r;
	}
	t->job = s3_start(g->pool.s, &q);
	return t->job == NULL ? -ENOMEM : 0;
}

/* ---- a folder */

/* Is a key the way to a file below a directory, and nowhere else? */
static bool
harmless(const char *name)
{
	for (const char *p = name;; p++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '\0')
			return true;
	}
}

static int
make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		int r;

		*p = '\0';
		r = mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
		*p = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

static int
get_item(void *arg, const struct s3_item *o, const char *key)
{
	struct get *g = arg;
	const char *name = key + g->cut;
	char path[4096];
	int n, r;

	(void)o;
	if (*name == '\0')
		return 0;
	if (!harmless(name)) {
		log_warn(0, "left out '%s': it is no name of a file", key);
		return 0;
	}
	n = snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return fail(g, -ENAMETOOLONG, key, strerror(ENAMETOOLONG));
	if ((r = make_parents(path)) < 0)
		return fail(g, r, path, strerror(-r));
	return get_object(g, key, path);
}

int
ctl_get(const struct ctl *c, int argc, char *argv[])
{
	struct get *g = calloc(1, sizeof(*g));
	struct s3 *s = ctl_open(c, argv[0]);
	const char *key = s3_address(s)->key, *slash = strrchr(key, '/');
	const char *file = argc > 1 ? argv[1] : c->recursive ? "." :
	    slash == NULL ? key : slash + 1;
	char folder[S3_KEY_MAX + 2];

	if (g == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot begin");
	if (!c->recursive && (*key == '\0' || *file == '\0'))
		opt_usage(c->help, "get: '%s' names no object", argv[0]);
	if (c->range != NULL && (c->resume || c->recursive))
		opt_usage(c->help, "--range is for a whole get of one object");
	g->c = c;
	g->dir = file;
	ctl_pool_init(&g->pool, s, c->parallel, step);
	g->pool.user = g;
	if (strcmp(file, "-") == 0)
		io_refuse_terminal(STDOUT_FILENO, "standard output");
	if (c->recursive) {
		ctl_folder(c, key, folder);
		g->cut = strlen(folder);
		stop_if(g, ctl_walk(s, folder, true, get_item, g), argv[0]);
	} else {
		stop_if(g, get_object(g, key, file), argv[0]);
	}
	stop_if(g, ctl_pool_drain(&g->pool), argv[0]);
	ctl_pool_clear(&g->pool);
	s3_free(s);
	free(g);
	return EXIT_SUCCESS;
}
