/*
 * ctlstore.c - a store as the commands of mstore-ctl see it; see ctl.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/opt.h"
#include "origin/ctl.h"

/* It goes on for half a minute, which is long for who does not know. */
static void
tell_wait(const char *reason)
{
	log_warn(0, "%s: trying again", reason);
}

struct s3 *
ctl_open(const struct ctl *c, const char *url)
{
	struct s3_address a;
	char reason[160], *token = NULL;
	struct s3_config config = { .user_agent = "mstore-ctl", .waits = tell_wait };
	struct s3 *s;

	if (s3_address_parse(&a, url, reason) < 0)
		opt_usage(c->help, "'%s' is no address of a store: %s", url, reason);
	if (c->token_file != NULL && a.s3)
		opt_usage(c->help, "--token-file is for http(s)://");
	if (c->token_file != NULL)
		token = opt_token(c->token_file);
	config.token = token;
	s = s3_new(&a, &config);
	s3_address_clear(&a);
	if (token != NULL)
		explicit_bzero(token, strlen(token));
	free(token);
	if (s == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot begin");
	c->opened[1] = c->opened[0];
	c->opened[0] = s;
	return s;
}

void
ctl_fatal(const struct s3 *s, int err, const char *what, const char *name)
{
	const char *reason = s3_reason(s);

	/* A stop is no failure of the store, but this was not done. */
	if (err == -EINTR)
		fatal(EXIT_RUNTIME, 0, "cannot %s '%s': stopped", what, name);
	if (*reason != '\0')
		fatal(EXIT_RUNTIME, 0, "cannot %s '%s': %s", what, name, reason);
	fatal(EXIT_RUNTIME, -err, "cannot %s '%s'", what, name);
}

void
ctl_folder(const struct ctl *c, const char *key, char out[static S3_KEY_MAX + 2])
{
	size_t len = strlen(key);

	if (len > S3_KEY_MAX)
		opt_usage(c->help, "a key is longer than %d bytes", S3_KEY_MAX);
	snprintf(out, S3_KEY_MAX + 2, "%s%s", key,
	    len == 0 || key[len - 1] == '/' ? "" : "/");
}

/* ---- walking */

struct walk {
	struct s3 *s;
	bool	 deep;
	int	(*each)(void *arg, const struct s3_item *item, const char *key);
	void	*arg;
	char	**todo;			/* folders, with deep and no S3 */
	size_t	 n, size;
};

static int
remember(struct walk *w, const char *key)
{
	char *copy;

	if (w->n == w->size) {
		size_t size = w->size == 0 ? 64 : w->size * 2;
		char **more = reallocarray(w->todo, size, sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		w->todo = more;
		w->size = size;
	}
	if (asprintf(&copy, "%s/", key) < 0)
		return -ENOMEM;
	w->todo[w->n++] = copy;
	return 0;
}

static int
walk_items(struct walk *w, const char *folder, const struct s3_list *l)
{
	bool s3 = s3_address(w->s)->s3;
	char key[2 * S3_KEY_MAX + 2];
	int r = 0;

	for (unsigned i = 0; i < l->n && r == 0; i++) {
		const struct s3_item *o = &l->item[i];
		int n = snprintf(key, sizeof(key), "%s%s", s3 ? "" : folder, o->name);

		if (n < 0 || n > S3_KEY_MAX)
			return -ENAMETOOLONG;
		if (o->folder && w->deep)
			r = remember(w, key);
		else
			r = w->each(w->arg, o, key);
	}
	return r;
}

static int
walk_folder(struct walk *w, const char *folder)
{
	bool s3 = s3_address(w->s)->s3;
	char path[S3_KEY_MAX + 2], *token = NULL;
	int r;

	/* MediaStore has it without a / at the end. */
	snprintf(path, sizeof(path), "%s", folder);
	if (!s3 && *path != '\0')
		path[strlen(path) - 1] = '\0';
	do {
		struct s3_list l;

		r = s3_list(w->s, path, w->deep, token, &l);
		free(token);
		token = NULL;
		if (r < 0)
			return r;
		token = l.next;
		l.next = NULL;
		r = walk_items(w, folder, &l);
		s3_list_clear(&l);
	} while (r == 0 && token != NULL);
	free(token);
	return r;
}

int
ctl_walk(struct s3 *s, const char *folder, bool deep,
    int (*each)(void *arg, const struct s3_item *item, const char *key), void *arg)
{
	struct walk w = { .s = s, .deep = deep, .each = each, .arg = arg };
	int r = walk_folder(&w, folder);

	while (w.n > 0) {
		char *next = w.todo[--w.n];

		/* A folder may have gone with its last object. */
		if (r == 0 && (r = walk_folder(&w, next)) == -ENOENT)
			r = 0;
		free(next);
	}
	free(w.todo);
	return r;
}

/* ---- tasks */

void
ctl_pool_init(struct ctl_pool *p, struct s3 *s, unsigned n,
    int (*step)(struct ctl_pool *p, struct ctl_task *t))
{
	memset(p, 0, sizeof(*p));
	p->s = s;
	p->n = n == 0 ? CTL_PARALLEL : n;
	p->step = step;
	for (unsigned i = 0; i < CTL_PARALLEL_MAX; i++)
		p->task[i].fd = -1;
}

static void
end_task(struct ctl_task *t)
{
	s3_end(t->job);
	free(t->name);
	if (t->fd >= 0)
		close(t->fd);
	*t = (struct ctl_task){ .fd = -1 };
}

/* Look at all; how many are under way, or why to end. */
static int
step_all(struct ctl_pool *p)
{
	int busy = 0;

	for (unsigned i = 0; i < p->n; i++) {
		struct ctl_task *t = &p->task[i];
		bool done;
		int r;

		if (t->job == NULL)
			continue;
		done = t->job->done;
		if ((r = p->step(p, t)) < 0)
			return r;
		if (done)
			end_task(t);
		else
			busy++;
	}
	return busy;
}

int
ctl_free_task(struct ctl_pool *p, struct ctl_task **task)
{
	for (;;) {
		int r = step_all(p);

		if (r < 0)
			return r;
		for (unsigned i = 0; i < p->n; i++)
			if (p->task[i].job == NULL) {
				*task = &p->task[i];
				return 0;
			}
		if ((r = s3_run(p->s, -1)) < 0)
			return r;
	}
}

int
ctl_pool_drain(struct ctl_pool *p)
{
	int r;

	while ((r = step_all(p)) > 0)
		if ((r = s3_run(p->s, -1)) < 0)
			break;
	return r;
}

void
ctl_pool_clear(struct ctl_pool *p)
{
	for (unsigned i = 0; i < CTL_PARALLEL_MAX; i++)
		end_task(&p->task[i]);
}
