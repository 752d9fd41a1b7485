/*
 * ctlrm.c - mstore-ctl rm and empty.
 *
 * S3 deletes a thousand objects by one request, the others one by one; both have
 * several requests under way while the list is read on.  A run that was cut short
 * has only fewer left to delete.  Uploads in parts that nobody has finished are not
 * listed but paid for: of S3 empty aborts them.  MediaStore has none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/opt.h"
#include "origin/ctl.h"

struct removal {
	struct ctl_pool pool;
	uint64_t deleted, failed;
	unsigned n;			/* keys that wait for a request */
	char	*key[S3_DELETE_MAX];
	char	 reason[256];		/* of the first that failed */
};

/* A failure is counted, and the others go on: but for a stop. */
static int
step(struct ctl_pool *p, struct ctl_task *t)
{
	struct removal *m = p->user;
	unsigned failed = 0;
	int r;

	if (!t->job->done)
		return 0;
	r = s3_address(p->s)->s3 ? s3_deleted(t->job, &failed) : t->job->error;
	if (r == -ENOENT && !s3_address(p->s)->s3)
		r = 0;			/* somebody else was faster */
	if (r < 0)
		failed = t->n;
	if (failed > 0 && m->failed == 0)
		snprintf(m->reason, sizeof(m->reason), "%s", t->job->reason);
	m->failed += failed;
	m->deleted += t->n - failed;
	log_status("%" PRIu64 " deleted, %" PRIu64 " failed", m->deleted, m->failed);
	/* A store that refuses all is not asked a hundred thousand times. */
	return m->deleted == 0 && m->failed >= 2 * S3_DELETE_MAX ? -ECANCELED : 0;
}

static int
flush(struct removal *m)
{
	struct ctl_task *t;
	int r;

	if (m->n == 0)
		return 0;
	if ((r = ctl_free_task(&m->pool, &t)) < 0)
		return r;
	t->n = m->n;
	t->job = s3_start_delete(m->pool.s, m->key, m->n);
	while (m->n > 0)
		free(m->key[--m->n]);
	return t->job == NULL ? -ENOMEM : 0;
}

static int
remove_one(struct removal *m, const char *key)
{
	struct s3_request q = { .method = "DELETE", .key = key };
	struct ctl_task *t;
	int r = ctl_free_task(&m->pool, &t);

	if (r < 0)
		return r;
	t->n = 1;
	t->job = s3_start(m->pool.s, &q);
	return t->job == NULL ? -ENOMEM : 0;
}

static int
remove_item(void *arg, const struct s3_item *o, const char *key)
{
	struct removal *m = arg;

	(void)o;
	if (!s3_address(m->pool.s)->s3)
		return remove_one(m, key);
	if ((m->key[m->n] = strdup(key)) == NULL)
		return -ENOMEM;
	m->n++;
	return m->n == S3_DELETE_MAX ? flush(m) : 0;
}

static void
remove_folder(const struct ctl *c, struct s3 *s, const char *url, const char *key,
    uint64_t *deleted)
{
	struct removal *m = calloc(1, sizeof(*m));
	char folder[S3_KEY_MAX + 2];
	int r;

	if (m == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot begin");
	ctl_folder(c, key, folder);
	ctl_pool_init(&m->pool, s, c->parallel, step);
	m->pool.user = m;
	r = ctl_walk(s, folder, true, remove_item, m);
	if (r == -ENOENT && *key != '\0')
		r = 0;			/* nothing is there: as wanted */
	if (r == 0)
		r = flush(m);
	if (r == 0)
		r = ctl_pool_drain(&m->pool);
	ctl_pool_clear(&m->pool);
	while (m->n > 0)
		free(m->key[--m->n]);
	*deleted += m->deleted;
	if (m->failed > 0)
		fatal(EXIT_RUNTIME, 0, "%" PRIu64 " objects of '%s' could not be deleted: %s",
		    m->failed, url, m->reason);
	if (r < 0)
		ctl_fatal(s, r, "empty", url);
	free(m);
}

int
ctl_rm(const struct ctl *c, int argc, char *argv[])
{
	uint64_t deleted = 0;

	for (int i = 0; i < argc; i++) {
		struct s3 *s = ctl_open(c, argv[i]);
		const char *key = s3_address(s)->key;
		int r;

		if (*key == '\0')
			opt_usage(c->help, "rm: '%s' is a whole container: see empty",
			    argv[i]);
		if (c->recursive)
			remove_folder(c, s, argv[i], key, &deleted);
		else if ((r = s3_delete(s, key)) < 0)
			ctl_fatal(s, r, "delete", argv[i]);
		s3_free(s);
	}
	if (c->recursive)
		log_info("%" PRIu64 " objects deleted", deleted);
	return EXIT_SUCCESS;
}

static void
abort_uploads(const struct ctl *c, struct s3 *s, const char *url, unsigned *uploads)
{
	char folder[S3_KEY_MAX + 2];
	int r;

	ctl_folder(c, s3_address(s)->key, folder);
	r = s3_abort_uploads(s, folder, uploads);
	if (r < 0)
		ctl_fatal(s, r, "abort the unfinished uploads of", url);
}

int
ctl_empty(const struct ctl *c, int argc, char *argv[])
{
	struct s3 *s = ctl_open(c, argv[0]);
	uint64_t deleted = 0;
	unsigned uploads = 0;

	(void)argc;
	remove_folder(c, s, argv[0], s3_address(s)->key, &deleted);
	if (s3_address(s)->s3)
		abort_uploads(c, s, argv[0], &uploads);
	if (uploads > 0)
		log_info("%" PRIu64 " objects deleted, %u uploads aborted", deleted, uploads);
	else
		log_info("%" PRIu64 " objects deleted", deleted);
	s3_free(s);
	return EXIT_SUCCESS;
}
