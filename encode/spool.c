#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "encode/spool_private.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"

void
spool_path(uint64_t number, char name[static 32])
{
	snprintf(name, 32, "%010" PRIu64 ".ts", number);
}

int
spool_file(const struct spool *s, uint64_t number)
{
	char name[32];
	int fd;

	spool_path(number, name);
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- what an earlier run has left */

static void
remove_file(struct spool *s, uint64_t number)
{
	char name[32];

	spool_path(number, name);
	unlinkat(s->dir, name, 0);
}

/* Of one that was being written, the last packet may not be whole. */
static int
recover(struct spool *s, struct piece *p)
{
	int fd, r = 0;
	char name[32];
	struct stat st = { .st_size = 0 };

	spool_path(p->number, name);
	fd = openat(s->dir, name, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 188 || st.st_size <= (off_t)p->copied) {
		p->state = PIECE_DROPPED;
		if (fd >= 0)
			remove_file(s, p->number);
	} else if (p->state == PIECE_OPEN) {
		uint8_t sync = 0;

		p->state = PIECE_CLOSED;
		p->recovered = true;
		if (st.st_size % 188 != 0 && pread(fd, &sync, 1, st.st_size / 188 * 188) == 1 &&
		    sync == 0x47) {
			st.st_size = st.st_size / 188 * 188;
			r = ftruncate(fd, st.st_size) < 0 ? -errno : 0;
		}
		if (r == 0 && fsync(fd) < 0)
			r = -errno;
		s->counts.recovered++;
	}
	p->held = (uint64_t)st.st_size;
	if (p->state == PIECE_CLOSED)
		p->bytes = p->held;
	if (fd >= 0)
		close(fd);
	return r;
}

/* Does one that waits go on from it? */
static bool
is_needed(struct spool *s, uint64_t number)
{
	const struct piece *next = pieces_find(&s->list, number + 1);

	return next != NULL && !next->gap && next->state != PIECE_DONE &&
	    next->state != PIECE_DROPPED;
}

static int
find_files(struct spool *s)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		struct piece p = { .state = PIECE_OPEN, .gap = true }, *known;
		size_t len = strlen(e->d_name), part = strlen(SPOOL_PART);
		char name[32], *end;

		if (len > part && strcmp(e->d_name + len - part, SPOOL_PART) == 0)
			unlinkat(s->dir, e->d_name, 0);
		p.number = strtoull(e->d_name, &end, 10);
		spool_path(p.number, name);
		if (strcmp(name, e->d_name) != 0 || p.number == 0 || p.number > PIECE_NUMBER)
			continue;
		known = pieces_find(&s->list, p.number);
		if (known == NULL) {
			struct stat st;

			if (fstatat(dirfd(d), name, &st, 0) == 0)
				p.utc_ns = st.st_mtim.tv_sec * CLK_SECOND;
			r = pieces_set(&s->list, &p);
		}
		if (known == NULL || (known->state != PIECE_DONE && known->state != PIECE_DROPPED))
			continue;
		if (s->keep && is_needed(s, p.number))
			s->kept = p.number;
		else
			remove_file(s, p.number);
	}
	closedir(d);
	return r;
}

static int
find_earlier(struct spool *s)
{
	int r = journal_read(s);

	if (r == 0)
		r = find_files(s);
	for (size_t i = 0; i < s->list.n && r == 0; i++) {
		struct piece *p = &s->list.p[i];

		if (p->state == PIECE_DONE || p->state == PIECE_DROPPED)
			continue;
		r = recover(s, p);
		if (p->state == PIECE_DROPPED)
			continue;
		s->counts.waiting++;
		s->counts.waiting_bytes += p->held;
	}
	if (r == 0)
		r = journal_write(s);
	s->next = s->list.n > 0 ? s->list.p[s->list.n - 1].number + 1 : 1;
	return r;
}

/* ---- syncing */

/*
 * All that was written when it began is safe when it has ended.  One after the other: what
 * another has taken is not safe before that one has ended, and it knows of less.
 */
void
spool_sync(struct spool *s)
{
	int fd[SPOOL_UNSYNCED + 1], err = 0;
	uint64_t written;
	unsigned n;

	pthread_mutex_lock(&s->sync_turn);
	pthread_mutex_lock(&s->lock);
	err = s->close_error;
	s->close_error = 0;
	n = s->nunsynced;
	memcpy(fd, s->unsynced, n * sizeof(fd[0]));
	s->nunsynced = 0;
	written = s->counts.written;
	if (s->fd >= 0 && (fd[n] = dup(s->fd)) >= 0)
		n++;
	else if (s->fd >= 0)
		err = -errno;
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < n; i++) {
		if (fdatasync(fd[i]) < 0)
			err = -errno;
		close(fd[i]);
	}
	if (journal_sync(s) < 0 || fsync(s->dir) < 0)
		err = -errno;
	pthread_mutex_lock(&s->lock);
	if (err == 0)
		s->counts.synced = written - s->unsafe;
	else
		s->unsafe = written - s->counts.synced;	/* a later sync does not know of it */
	s->counts.sync_error = err;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->sync_turn);
}

static void
wait_until(struct spool *s, int64_t until_ns)
{
	struct timespec ts = { until_ns / CLK_SECOND, until_ns % CLK_SECOND };

	pthread_cond_timedwait(&s->changed, &s->lock, &ts);
}

static void *
keep_syncing(void *arg)
{
	struct spool *s = arg;
	bool stop = false;

	while (!stop) {
		int64_t due = clk_mono_ns() + s->sync_ns;

		spool_sync(s);
		journal_compact(s);
		pthread_mutex_lock(&s->lock);
		while (!s->stopping && clk_mono_ns() < due)
			wait_until(s, due);
		stop = s->stopping;
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

/* ---- open and close */

static int
open_dir(struct spool *s, const char *path)
{
	int r = io_make_dirs(AT_FDCWD, path);

	if (r < 0)
		return r;
	s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return -errno;
	s->lockfile = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (s->lockfile < 0 || flock(s->lockfile, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return 0;
}

/* Pieces of two recordings in one list would be a muddle. */
static int
check_place(struct spool *s, const char *place)
{
	size_t len = strlen(place);
	char *said = malloc(len + 2);
	ssize_t n = said == NULL ? -1 : pread(s->lockfile, said, len + 2, 0);
	int r = said == NULL ? -ENOMEM : 0;

	if (n > 0 && ((size_t)n != len + 1 || memcmp(said, place, len) != 0))
		r = -EXDEV;
	else if (n == 0 && (pwrite(s->lockfile, place, len, 0) != (ssize_t)len ||
	    pwrite(s->lockfile, "\n", 1, (off_t)len) != 1))
		r = -errno;
	free(said);
	return r;
}

int
spool_init(struct spool *s, const char *path, const char *place, int64_t sync_ns,
    uint64_t max_bytes, bool keep)
{
	pthread_condattr_t attr;
	int r;

	*s = (struct spool){
		.dir = -1, .journal = -1, .lockfile = -1, .fd = -1, .sync_ns = sync_ns,
		.max_bytes = max_bytes, .keep = keep,
	};
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->sync_turn, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	if ((r = open_dir(s, path)) < 0 || (r = check_place(s, place)) < 0 ||
	    (r = find_earlier(s)) < 0)
		return r;
	r = -pthread_create(&s->syncer, NULL, keep_syncing, s);
	s->syncing = r == 0;
	return r;
}

void
spool_free(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->syncing)
		pthread_join(s->syncer, NULL);
	spool_sync(s);
	if (s->kept != 0 && s->counts.waiting == 0)
		remove_file(s, s->kept);
	pieces_free(&s->list);
	close(s->journal);
	close(s->lockfile);
	close(s->dir);
}

/* ---- the writer's side */

int
spool_begin(struct spool *s, struct piece *p)
{
	char name[32];
	int r;

	pthread_mutex_lock(&s->lock);
	p->number = s->next;
	p->state = PIECE_OPEN;
	spool_path(p->number, name);
	s->fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	r = s->fd < 0 ? -errno : 0;
	if (r == 0) {
		s->next++;
		s->open = *p;
		s->open.bytes = s->open.held = 0;
		s->broken = false;
		s->counts.waiting++;
		spool_note(s, p);		/* the file tells of itself, too */
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

int
spool_write(struct spool *s, const void *p, size_t len, size_t stream)
{
	off_t before = lseek(s->fd, 0, SEEK_CUR);
	int r = io_write(s->fd, p, len);

	if (r < 0) {			/* whole packets only */
		if (ftruncate(s->fd, before) < 0 || lseek(s->fd, before, SEEK_SET) < 0)
			return -EIO;
		return r;
	}
	pthread_mutex_lock(&s->lock);
	s->open.held += len;
	s->counts.written += stream;
	s->counts.waiting_bytes += len;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* The oldest go first when there are too many.  With the lock. */
static void
keep_bound(struct spool *s)
{
	for (size_t i = 0; i < s->list.n && s->max_bytes > 0 &&
	    s->counts.waiting_bytes > s->max_bytes; i++) {
		struct piece p = s->list.p[i];

		if ((p.state != PIECE_CLOSED && p.state != PIECE_SENDING) ||
		    p.number == s->sending)
			continue;
		p.state = PIECE_DROPPED;
		spool_note(s, &p);
		remove_file(s, p.number);
		s->counts.waiting--;
		s->counts.waiting_bytes -= p.held;
		s->counts.dropped++;
		s->counts.dropped_bytes += p.held;
	}
}

/* Nothing of the stream has come into it: its number is for the next. */
static void
forget(struct spool *s)
{
	close(s->fd);
	s->fd = -1;
	remove_file(s, s->open.number);
	if (s->list.n > 0 && s->list.p[s->list.n - 1].number == s->open.number)
		s->list.n--;
	s->next = s->open.number;
	s->counts.waiting--;
	s->counts.waiting_bytes -= s->open.held;
}

int
spool_close(struct spool *s, const struct piece *p)
{
	struct piece closed = *p;
	int r;

	pthread_mutex_lock(&s->lock);
	if (s->open.held <= p->copied) {
		forget(s);
		pthread_mutex_unlock(&s->lock);
		return 0;
	}
	closed.state = PIECE_CLOSED;
	closed.number = s->open.number;
	closed.bytes = closed.held = s->open.held;
	if (s->nunsynced < SPOOL_UNSYNCED) {
		s->unsynced[s->nunsynced++] = s->fd;
	} else {
		if (fdatasync(s->fd) < 0)
			s->close_error = -errno;
		close(s->fd);
	}
	s->fd = -1;
	r = spool_note(s, &closed);
	keep_bound(s);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* ---- the side that delivers */

static struct piece *
oldest(struct spool *s)
{
	for (size_t i = 0; i < s->list.n; i++)
		if (s->list.p[i].state == PIECE_CLOSED || s->list.p[i].state == PIECE_SENDING)
			return &s->list.p[i];
	return NULL;
}

bool
spool_next(struct spool *s, struct piece *p, int64_t until_ns)
{
	struct piece *found;

	pthread_mutex_lock(&s->lock);
	while ((found = oldest(s)) == NULL && clk_mono_ns() < until_ns && !s->stopping)
		wait_until(s, until_ns);
	if (found != NULL) {
		*p = *found;
		s->sending = p->number;
	}
	pthread_mutex_unlock(&s->lock);
	return found != NULL;
}

int
spool_set(struct spool *s, const struct piece *p)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = spool_note(s, p);
	if (p->state == PIECE_DONE || p->state == PIECE_DROPPED) {
		if (s->kept != 0)
			remove_file(s, s->kept);
		s->kept = s->keep && p->state == PIECE_DONE ? p->number : 0;
		if (s->kept == 0)
			remove_file(s, p->number);
		s->counts.waiting--;
		s->counts.waiting_bytes -= p->held;
		if (p->state == PIECE_DONE) {
			s->counts.delivered++;
			s->counts.delivered_bytes += p->bytes;
		} else {
			s->counts.dropped++;
			s->counts.dropped_bytes += p->held;
		}
	}
	if (p->state != PIECE_SENDING)
		s->sending = 0;
	pthread_mutex_unlock(&s->lock);
	return r;
}

void
spool_end(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->over = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void
spool_break(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->broken = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

int
spool_after(struct spool *s, uint64_t number, struct piece *p, bool *growing)
{
	const struct piece *next;
	int r;

	pthread_mutex_lock(&s->lock);
	next = pieces_find(&s->list, number + 1);
	*growing = s->fd >= 0 && s->open.number == number + 1;
	if (next == NULL)
		r = s->over || s->broken || s->next > number + 1 ? -ENOENT : 0;
	else if (next->gap || !next->timed || next->state == PIECE_DROPPED)
		r = -ENOENT;
	else
		r = 1;
	if (r == 1)
		*p = *growing ? s->open : *next;
	pthread_mutex_unlock(&s->lock);
	return r;
}

bool
spool_before(struct spool *s, uint64_t number, struct piece *p)
{
	const struct piece *known, *before;
	bool there;

	pthread_mutex_lock(&s->lock);
	known = pieces_find(&s->list, number);
	before = pieces_find(&s->list, number - 1);
	there = known != NULL && !known->gap && known->timed && before != NULL &&
	    before->state == PIECE_DONE && s->kept == number - 1;
	if (there)
		*p = *before;
	pthread_mutex_unlock(&s->lock);
	return there;
}

struct spool_counts
spool_counts(struct spool *s)
{
	struct spool_counts c;

	pthread_mutex_lock(&s->lock);
	c = s->counts;
	pthread_mutex_unlock(&s->lock);
	return c;
}

void
spool_rest(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->sending = 0;
	keep_bound(s);
	pthread_mutex_unlock(&s->lock);
}

void
spool_wait(struct spool *s, int64_t until_ns)
{
	pthread_mutex_lock(&s->lock);
	if (!s->stopping && clk_mono_ns() < until_ns)
		wait_until(s, until_ns);
	pthread_mutex_unlock(&s->lock);
}

void
spool_forget(struct spool *s, uint64_t upto)
{
	struct pieces *l = &s->list;
	size_t n = 0;

	pthread_mutex_lock(&s->lock);
	/* Not the last one, which says what number comes next, nor one whose file is kept. */
	while (n + 1 < l->n && l->p[n].number <= upto && l->p[n].number != s->kept &&
	    (l->p[n].state == PIECE_DONE || l->p[n].state == PIECE_DROPPED)) {
		l->gone += l->p[n].state == PIECE_DONE;
		free(l->p[n++].file);
	}
	memmove(l->p, l->p + n, (l->n - n) * sizeof(*l->p));
	l->n -= n;
	pthread_mutex_unlock(&s->lock);
}

int
spool_merge(struct spool *s, const struct pieces *l)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	/* The last line of one that was delivered may be lost: then its file is gone. */
	for (size_t i = 0; i < l->n && r == 0; i++) {
		const struct piece *known = pieces_find(&s->list, l->p[i].number);

		if (known == NULL || known->state == PIECE_DROPPED)
			r = spool_note(s, &l->p[i]);
	}
	if (s->list.n > 0)
		s->next = s->list.p[s->list.n - 1].number + 1;
	pthread_mutex_unlock(&s->lock);
	return r;
}
