/* See spool_private.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "encode/spool_private.h"
#include "lib/base/io.h"
#include "lib/base/readfile.h"
#include "lib/base/text.h"

#define JOURNAL_MAX	(1024u << 20)
#define BATCH		256		/* pieces, while others wait for the lock */

static int
add_line(struct spool *s, char *line)
{
	char end[2] = "\n";
	struct iovec iov[2] = { { end, s->torn }, { line, strlen(line) } };
	ssize_t want = (ssize_t)(iov[0].iov_len + iov[1].iov_len), n;

	while ((n = writev(s->journal, iov, 2)) < 0 && errno == EINTR)
		;
	if (n == want) {
		s->torn = false;
		return 0;
	}
	/* What comes must not go on with it, whenever there is room for that. */
	s->torn |= n > 0;
	return n < 0 ? -errno : -ENOSPC;
}

int
spool_note(struct spool *s, const struct piece *p)
{
	int r = pieces_set(&s->list, p);
	char *line = r == 0 ? piece_line(p) : NULL;

	if (line == NULL)
		return r < 0 ? r : -ENOMEM;
	r = add_line(s, line);
	s->lines++;
	if (s->compacting)
		text_add(&s->since, "%s", line);
	free(line);
	return r;
}

int
journal_read(struct spool *s)
{
	char *text;
	size_t len;
	int r = read_file(s->dir, "journal", JOURNAL_MAX, &text, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = journal_parse(&s->list, text, len, &s->bad_lines);
	free(text);
	return r;
}

static int
open_new(struct spool *s)
{
	int fd = openat(s->dir, "journal.new", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND |
	    O_CLOEXEC, 0666);

	return fd < 0 ? -errno : fd;
}

static int
rename_new(struct spool *s)
{
	return renameat(s->dir, "journal.new", s->dir, "journal") < 0 ? -errno : 0;
}

int
journal_write(struct spool *s)
{
	int fd = open_new(s), r = 0;

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < s->list.n && r == 0; i++) {
		char *line = piece_line(&s->list.p[i]);

		r = line == NULL ? -ENOMEM : io_write(fd, line, strlen(line));
		free(line);
	}
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = rename_new(s);
	if (r == 0 && fsync(s->dir) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	s->journal = fd;
	s->torn = false;
	s->lines = s->list.n;
	return 0;
}

/* ---- while it is in use */

int
journal_sync(struct spool *s)
{
	int fd, r;

	pthread_mutex_lock(&s->lock);	/* it may be another one soon */
	fd = dup(s->journal);
	pthread_mutex_unlock(&s->lock);
	if (fd < 0)
		return -errno;
	r = fdatasync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* The lines of some pieces from a number on, which is moved behind them. */
static char *
some_lines(struct spool *s, uint64_t *number)
{
	struct text t = { .len = 0 };
	unsigned n = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = pieces_place(&s->list, *number); i < s->list.n && n < BATCH; i++, n++) {
		char *line = piece_line(&s->list.p[i]);

		if (line == NULL)
			t.failed = true;
		else
			text_add(&t, "%s", line);
		free(line);
		*number = s->list.p[i].number + 1;
	}
	pthread_mutex_unlock(&s->lock);
	if (n == 0)
		text_add(&t, "%s", "");
	return text_take(&t);
}

static size_t
lines_in(const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n';
	return n;
}

static int
put_lines(struct spool *s, int fd, size_t *lines)
{
	uint64_t number = 0;
	bool some = true;
	int r = 0;

	while (r == 0 && some) {
		char *text = some_lines(s, &number);

		r = text == NULL ? -ENOMEM : io_write(fd, text, strlen(text));
		*lines += text != NULL ? lines_in(text, strlen(text)) : 0;
		some = text != NULL && *text != '\0';
		free(text);
	}
	return r < 0 ? r : fdatasync(fd) < 0 ? -errno : 0;
}

/* What was noted meanwhile goes behind it, until there is no more; then it counts. */
static int
take_over(struct spool *s, int fd, size_t lines)
{
	struct text since;
	int r = 0, old;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		since = s->since;
		s->since = (struct text){ .len = 0 };
		if (r < 0 || since.failed || since.len == 0)
			break;
		pthread_mutex_unlock(&s->lock);
		r = io_write(fd, since.p, since.len);
		if (r == 0 && fdatasync(fd) < 0)
			r = -errno;
		lines += lines_in(since.p, since.len);
		text_free(&since);
	}
	if (r == 0 && since.failed)
		r = -ENOMEM;
	text_free(&since);
	s->compacting = false;
	old = s->journal;
	s->lines = lines;
	if (r == 0 && (r = rename_new(s)) == 0) {
		s->journal = fd;
		s->torn = false;
	}
	pthread_mutex_unlock(&s->lock);
	close(r == 0 ? old : fd);
	if (r == 0 && fsync(s->dir) < 0)
		r = -errno;
	return r;
}

int
journal_compact(struct spool *s)
{
	size_t lines = 0;
	bool due;
	int fd, r;

	pthread_mutex_lock(&s->lock);
	due = !s->compacting && s->lines > 2 * s->list.n + JOURNAL_SLACK;
	s->compacting |= due;		/* what is noted from now on is kept, too */
	pthread_mutex_unlock(&s->lock);
	if (!due)
		return 0;
	fd = open_new(s);
	r = fd < 0 ? fd : put_lines(s, fd, &lines);
	if (r < 0) {			/* the old one is as good as it was */
		pthread_mutex_lock(&s->lock);
		s->compacting = false;
		s->lines = s->list.n;	/* not again at once */
		text_free(&s->since);
		pthread_mutex_unlock(&s->lock);
		if (fd >= 0)
			close(fd);
		return r;
	}
	return take_over(s, fd, lines);
}
