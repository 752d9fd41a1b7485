#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/net/link.h"
#include "origin/pack.h"
#include "origin/sweep.h"
#include "origin/walk.h"

#define MISSED_NS	(3600 * CLK_SECOND)
#define SAY_NS		(10 * CLK_SECOND)
#define MOVES		(INT64_MIN)	/* what treat() returns: a mover has it now */

struct due {
	struct due *next;		/* in its bucket, until all is done */
	int64_t	 at_ns;
	uint64_t hash;
	bool	 again;			/* something was put there meanwhile */
	struct work_job work;		/* of a mover, with: */
	struct sweep *sweep;
	struct stat version;
	char	 path[];
};

/* ---- the queue, under the lock */

static uint64_t
hash_of(const char *path)
{
	return hash_add(HASH_START, path, strlen(path));
}

static struct due **
find(struct sweep *s, const char *path, uint64_t hash)
{
	struct due **at = &s->bucket[hash % SWEEP_BUCKETS];

	while (*at != NULL && ((*at)->hash != hash || strcmp((*at)->path, path) != 0))
		at = &(*at)->next;
	return at;
}

static void
sift_up(struct sweep *s, size_t i)
{
	struct due *d = s->heap[i];

	for (; i > 0 && s->heap[(i - 1) / 2]->at_ns > d->at_ns; i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = d;
}

static void
sift_down(struct sweep *s, size_t i)
{
	struct due *d = s->heap[i];
	size_t k;

	while ((k = 2 * i + 1) < s->n) {
		if (k + 1 < s->n && s->heap[k + 1]->at_ns < s->heap[k]->at_ns)
			k++;
		if (s->heap[k]->at_ns >= d->at_ns)
			break;
		s->heap[i] = s->heap[k];
		i = k;
	}
	s->heap[i] = d;
}

static size_t
cost(size_t path_len)
{
	return sizeof(struct due) + path_len + 1 + 2 * sizeof(void *) + 16;
}

static void
push(struct sweep *s, struct due *d, int64_t at_ns)
{
	d->at_ns = at_ns;
	s->heap[s->n++] = d;
	sift_up(s, s->n - 1);
	if (s->heap[0] == d)
		pthread_cond_signal(&s->more);
}

/* An object that is there twice waits once: the time is looked up again then. */
static void
add(struct sweep *s, const char *path, int64_t at_ns)
{
	uint64_t hash = hash_of(path);
	size_t len = strlen(path);
	struct due *d = *find(s, path, hash), **heap;

	if (d != NULL) {
		d->again = true;
		return;
	}
	if (s->n + s->ntaken >= s->size) {
		heap = realloc(s->heap, (s->size * 2 + 64) * sizeof(struct due *));
		if (heap != NULL) {
			s->heap = heap;
			s->size = s->size * 2 + 64;
		}
	}
	d = s->n + s->ntaken >= s->size || s->memory + cost(len) > SWEEP_MEMORY ? NULL :
	    malloc(sizeof(*d) + len + 1);
	if (d == NULL) {
		if (!s->missed)
			s->missed_ns = clk_mono_ns() + MISSED_NS;
		s->missed = true;
		return;
	}
	memcpy(d->path, path, len + 1);
	d->hash = hash;
	d->sweep = s;
	d->next = s->bucket[hash % SWEEP_BUCKETS];
	s->bucket[hash % SWEEP_BUCKETS] = d;
	s->memory += cost(len);
	push(s, d, at_ns);
}

/* Its place in the heap stays free: finish() may need it. */
static struct due *
take(struct sweep *s)
{
	struct due *d = s->heap[0];

	d->again = false;
	s->ntaken++;
	s->heap[0] = s->heap[--s->n];
	if (s->n > 0)
		sift_down(s, 0);
	return d;
}

static void
forget(struct sweep *s, struct due *d)
{
	*find(s, d->path, d->hash) = d->next;
	s->memory -= cost(strlen(d->path));
	free(d);
}

/* What was taken was treated: it is done (POLICY_NEVER), or due again. */
static void
finish(struct sweep *s, struct due *d, int64_t at_ns)
{
	if (d->again && at_ns == POLICY_NEVER)
		at_ns = clk_utc_ns();
	s->ntaken--;
	if (at_ns == POLICY_NEVER)
		forget(s, d);
	else
		push(s, d, at_ns);
}

/* All of one container (NULL: of each), as its rules are other ones now. */
static void
drop(struct sweep *s, const char *name)
{
	size_t len = name == NULL ? 0 : strlen(name), kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct due *d = s->heap[i];

		if (name == NULL || (strncmp(d->path, name, len) == 0 &&
		    d->path[len] == '/')) {
			forget(s, d);
		} else {
			s->heap[kept++] = d;
		}
	}
	s->n = kept;
	for (size_t i = kept / 2; i-- > 0;)
		sift_down(s, i);
}

/* ---- one object */

/* When something is to be done to it, or POLICY_NEVER. */
static int64_t
when(struct sweep *s, const char *path, int64_t birth_ns, bool archived,
    enum policy_action *action)
{
	size_t len = strcspn(path, "/");
	int64_t at = POLICY_NEVER;
	struct container *c;
	struct policy *p;

	if (path[len] == '\0' || !containers_find(s->containers, path, len, &c, &p))
		return at;
	at = policy_due(p, path + len + 1, birth_ns, archived, action);
	if (!s->store->archive.on && at != POLICY_NEVER &&
	    *action == POLICY_ARCHIVE) {
		if (!s->said)
			log_warn(0, "container '%s' has rules that archive, but there is no "
			    "--archive", c->name);
		s->said = true;
		at = policy_due(p, path + len + 1, birth_ns, true, action);
	}
	container_unref(&c);
	policy_unref(&p);
	return at;
}

/* One message for many that fail for the same reason. */
static void
say_failed(struct sweep *s, const char *what, const char *path, const char *why)
{
	int64_t now = clk_mono_ns();
	uint64_t more;

	atomic_fetch_add(&s->failed, 1);
	pthread_mutex_lock(&s->lock);
	more = s->unsaid++;
	if (s->said_ns != 0 && now - s->said_ns < SAY_NS) {
		pthread_mutex_unlock(&s->lock);
		return;
	}
	s->said_ns = now;
	s->unsaid = 0;
	pthread_mutex_unlock(&s->lock);
	if (more > 0)
		log_warn(0, "cannot %s '%s' and %" PRIu64 " others before: %s", what, path,
		    more, why);
	else
		log_warn(0, "cannot %s '%s': %s", what, path, why);
}

/* The file of path, and when what is to be done to it, or POLICY_NEVER. */
static int64_t
look_at(struct sweep *s, const char *path, struct stat *st, enum policy_action *action)
{
	bool archived = tree_stat(&s->store->tree, path, st) < 0;

	if ((archived && archive_stat(&s->store->archive, path, st) < 0) ||
	    !S_ISREG(st->st_mode))
		return POLICY_NEVER;
	return when(s, path, tree_mtime_ns(st), archived, action);
}

static int
expire(struct sweep *s, const char *path, const struct stat *st)
{
	struct store_if must = { .only_new = false };
	struct stat now;
	bool stub;
	int fd = store_open_file(s->store, path, &now, &stub);

	pack_etag(must.match, fd, tree_mtime_ns(st), st->st_ino);
	if (fd >= 0)
		close(fd);
	return store_delete(s->store, path, &must, false);
}

/*
 * What is due is looked at anew; returns when to look again, POLICY_NEVER, or MOVES
 * for what is to be archived.
 */
static int64_t
treat(struct sweep *s, struct due *d)
{
	enum policy_action action = POLICY_EXPIRE;
	int64_t at = look_at(s, d->path, &d->version, &action);
	int err;

	if (at > clk_utc_ns())
		return at;
	if (action == POLICY_ARCHIVE)
		return MOVES;
	err = expire(s, d->path, &d->version);
	if (err == 0) {
		atomic_fetch_add(&s->expired, 1);
		return POLICY_NEVER;
	}
	if (err == -ENOENT || err == -ESTALE)
		return clk_utc_ns() + CLK_SECOND;	/* another now: look again */
	say_failed(s, "expire", d->path, strerror(-err));
	return clk_utc_ns() + SWEEP_AGAIN_NS;
}

static int64_t
move(struct sweep *s, struct due *d)
{
	char why[ARCHIVE_WHY];
	enum policy_action action;
	int err;

	if (s->stop)
		return POLICY_NEVER;
	err = store_archive(s->store, d->path, &d->version, why);
	if (err == 0)
		atomic_fetch_add(&s->archived, 1);
	if (err == 0 || err == -ENAMETOOLONG)	/* a key of S3 cannot be as long */
		return when(s, d->path, tree_mtime_ns(&d->version), true, &action);
	if (err == -ENOENT)
		return clk_utc_ns() + CLK_SECOND;
	if (err != -EINTR)
		say_failed(s, "archive", d->path, why);
	return clk_utc_ns() + SWEEP_AGAIN_NS;
}

static void
run_move(struct work_job *w)
{
	struct due *d = LINK_OF(w, struct due, work);
	struct sweep *s = d->sweep;
	int64_t at = move(s, d);

	pthread_mutex_lock(&s->lock);
	finish(s, d, at);
	pthread_mutex_unlock(&s->lock);
}

/* ---- what is there */

struct look {
	struct sweep *sweep;
	bool	 archived;
};

static int
on_file(void *user, const char *path, const struct stat *st)
{
	const struct look *l = user;
	struct sweep *s = l->sweep;
	enum policy_action action;
	struct stat own;
	int64_t at;
	bool stop;

	/* A move that was broken off, or an old version: the root's counts. */
	if (l->archived && tree_stat(&s->store->tree, path, &own) == 0) {
		if (S_ISREG(own.st_mode))
			store_drop_copy(s->store, path);
		return 0;
	}
	at = when(s, path, tree_mtime_ns(st), l->archived, &action);
	pthread_mutex_lock(&s->lock);
	if (at != POLICY_NEVER)
		add(s, path, at);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop ? -EINTR : 0;
}

static void
scan(struct sweep *s, const char *name)
{
	struct look l = { .sweep = s };
	struct container *c;
	struct policy *p;
	int err;

	if (!containers_find(s->containers, name, strlen(name), &c, &p))
		return;
	err = walk(s->store->tree.root, name, on_file, &l);
	if (err == 0 && s->store->archive.on) {
		l.archived = true;
		err = walk(s->store->archive.tree.root, name, on_file, &l);
	}
	if (err < 0 && err != -EINTR)
		log_warn(-err, "cannot go through container '%s'", name);
	container_unref(&c);
	policy_unref(&p);
}

static void
scan_all(struct sweep *s)
{
	char name[CONTAINER_NAME] = "";

	while (containers_next(s->containers, name, name) == 0)
		scan(s, name);
}

/* ---- the thread */

/* Until something is to be done; under the lock. */
static void
wait(struct sweep *s)
{
	int64_t now = clk_utc_ns(), until = s->n > 0 ? s->heap[0]->at_ns : POLICY_NEVER;
	struct timespec t;

	if (s->missed && until > now + CLK_SECOND)
		until = now + CLK_SECOND;
	if (until == POLICY_NEVER) {
		pthread_cond_wait(&s->more, &s->lock);
		return;
	}
	t = (struct timespec){ until / CLK_SECOND, until % CLK_SECOND };
	pthread_cond_timedwait(&s->more, &s->lock, &t);
}

static void
one(struct sweep *s)
{
	struct due *d = take(s);
	int64_t at;

	pthread_mutex_unlock(&s->lock);
	at = treat(s, d);
	if (at == MOVES) {
		d->work.run = run_move;
		work_add(&s->movers, &d->work);
	}
	pthread_mutex_lock(&s->lock);
	if (at != MOVES)
		finish(s, d, at);
}

static void *
sweep_main(void *arg)
{
	struct sweep *s = arg;
	char name[CONTAINER_NAME];

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (s->missed && (s->memory < SWEEP_MEMORY / 2 ||
		    clk_mono_ns() >= s->missed_ns)) {
			s->missed = false;
			s->all = true;
		}
		if (s->all) {
			s->all = false;
			pthread_mutex_unlock(&s->lock);
			scan_all(s);
			pthread_mutex_lock(&s->lock);
		} else if (s->nscan > 0) {
			memcpy(name, s->scan[--s->nscan], sizeof(name));
			drop(s, name);
			pthread_mutex_unlock(&s->lock);
			scan(s, name);
			pthread_mutex_lock(&s->lock);
		} else if (s->n > 0 && s->heap[0]->at_ns <= clk_utc_ns()) {
			one(s);
		} else {
			wait(s);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int
sweep_start(struct sweep *s, struct containers *cs, struct store *store)
{
	sigset_t all, before;
	int err;

	s->containers = cs;
	s->store = store;
	s->all = true;
	s->bucket = calloc(SWEEP_BUCKETS, sizeof(struct due *));
	if (s->bucket == NULL)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	if ((err = work_start(&s->movers)) < 0)
		return err;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&s->thread, NULL, sweep_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

void
sweep_stop(struct sweep *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	work_stop(&s->movers);
	while (s->n > 0)
		free(s->heap[--s->n]);
	free(s->heap);
	free(s->bucket);
}

void
sweep_note(struct sweep *s, const char *path, int64_t birth_ns)
{
	enum policy_action action;
	int64_t at;

	if (s->bucket == NULL || atomic_load(&s->containers->count) == 0)
		return;
	at = when(s, path, birth_ns, false, &action);
	if (at == POLICY_NEVER)
		return;
	pthread_mutex_lock(&s->lock);
	add(s, path, at);
	pthread_mutex_unlock(&s->lock);
}

void
sweep_rules(struct sweep *s, const char *name)
{
	unsigned i = 0;

	if (s->bucket == NULL)
		return;			/* not started: it will look at all */
	pthread_mutex_lock(&s->lock);
	while (i < s->nscan && strcmp(s->scan[i], name) != 0)
		i++;
	if (i == sizeof(s->scan) / sizeof(s->scan[0])) {
		drop(s, NULL);		/* so many at once: begin anew with all */
		s->nscan = 0;
		s->all = true;
	} else if (i == s->nscan) {
		snprintf(s->scan[s->nscan++], CONTAINER_NAME, "%s", name);
	}
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}
