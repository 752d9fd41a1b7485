/*
 * file.c - files, named pipes and standard input.
 *
 * A regular file is a transport stream (188, 192 or 204 bytes a packet) or a
 * container for libavformat.  A pipe is a live source of a transport stream:
 * what it holds is read when it comes, and its end is not that of a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/avin.h"
#include "ingest/list.h"
#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/media/mp4view.h"
#include "lib/media/ts.h"

#define PROBE		65536		/* bytes read at a time from a file */

struct file {
	struct source s;
	const char *shown;		/* for messages, in quotes or not */
	const char *path;		/* NULL: standard input */
	int	 fd;
	bool	 pipe, reopen;
	off_t	 first;			/* where packets, or junk, begin */
	struct avin *avin;		/* else it is a transport stream */
	uint8_t	 buf[1 << 17];
};

static int
read_container(void *opaque, uint8_t *buf, int size)
{
	struct file *f = opaque;
	ssize_t n = read(f->fd, buf, (size_t)size);

	return n < 0 ? -errno : (int)n;
}

static int64_t
seek_container(void *opaque, int64_t offset, int whence)
{
	struct file *f = opaque;

	return lseek(f->fd, offset, whence);
}

/* Is it MP4 or MOV that ends before its index does?  ISO/IEC 14496-12 4.2. */
static bool
lacks_index(const struct file *f)
{
	static const char *const first[] = {
		"ftyp", "mdat", "moov", "wide", "free", "skip",
	};
	uint64_t at = 0, size, end = 0;
	bool known = false, index = false;
	uint8_t head[16];
	struct stat st;
	size_t len;

	if (fstat(f->fd, &st) == 0)
		end = (uint64_t)st.st_size;
	for (; at < end && !index; at += size) {
		ssize_t n = pread(f->fd, head, sizeof(head), (off_t)at);

		for (size_t i = 0; i < sizeof(first) / sizeof(*first) && n >= 8; i++)
			known |= memcmp(head + 4, first[i], 4) == 0;
		if (!known || n < 8)
			return known;
		if (view_box_size((struct view){ head, (size_t)n, false }, &size, &len) <= 0)
			return false;
		index = memcmp(head + 4, "moov", 4) == 0;
		if (size > end - at)
			return true;
		size = size == 0 ? end - at : size;
	}
	return known && !index;
}

static void
open_regular(struct file *f)
{
	const struct avin_input in = {
		.opaque = f, .read = read_container, .seek = seek_container,
	};
	ssize_t n = pread(f->fd, f->buf, PROBE, 0);
	size_t at;
	int r;

	if (n < 0)
		fatal(EXIT_RUNTIME, errno, "cannot read %s", f->shown);
	if (ts_probe(f->buf, (size_t)n, true, &at, &f->s.stride)) {
		/* Packets of 192 bytes begin with four that are none of it. */
		f->first = f->s.stride == 192 && at >= 4 ? 4 : 0;
		if (lseek(f->fd, f->first, SEEK_SET) < 0)
			fatal(EXIT_RUNTIME, errno, "cannot read %s", f->shown);
		return;
	}
	if (n > 0) {
		r = avin_open(&f->avin, &in, f->s.name, true);
		if (r == 0)
			return;
		if (r != -EINVAL && r != -EPIPE)	/* nor that it ends too early */
			fatal(EXIT_RUNTIME, -r, "cannot read %s", f->shown);
	}
	if (lacks_index(f))
		fatal(EXIT_INPUT, 0, "%s is MP4 or MOV without its index (moov): it is cut "
		    "short, or not yet finished", f->shown);
	fatal(EXIT_INPUT, 0, "%s is no transport stream, MP4, MOV, MKV, WebM, FLV, MPEG, AVI "
	    "or Ogg", f->shown);
}

static int
open_pipe(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		fcntl(fd, F_SETPIPE_SZ, 1 << 20);	/* as good as it gets */
	return fd;
}

static void
file_close(struct source *s)
{
	struct file *f = (struct file *)s;

	avin_close(f->avin);
	if (f->path != NULL) {
		close(f->fd);
		free((char *)(uintptr_t)f->shown);
	}
	free(f);
}

static struct source *
file_open(const struct source_config *cfg, struct url *url)
{
	bool by_path = !cfg->reopen && strcmp(url->scheme, "-") != 0;
	struct source *playlist;
	struct file *f;
	struct stat st;
	size_t size = strlen(cfg->name) + 3;
	char *shown;

	if (by_path && list_is(url->path))
		return list_open(cfg, url->path);
	if (by_path && (playlist = http_open_playlist(cfg, url->path)) != NULL)
		return playlist;
	if (cfg->watch)
		fatal(EXIT_USAGE, 0, "--watch is for folders, which '%s' is not", cfg->name);
	f = calloc(1, sizeof(*f));
	shown = malloc(size);
	if (f == NULL || shown == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	f->reopen = cfg->reopen;
	f->shown = shown;
	shown[0] = '\0';
	if (strcmp(url->scheme, "-") == 0) {
		free(shown);
		f->shown = "standard input";
		io_refuse_terminal(STDIN_FILENO, f->shown);
		f->fd = STDIN_FILENO;
		if (fstat(f->fd, &st) < 0)
			fatal(EXIT_RUNTIME, errno, "cannot read %s", f->shown);
	} else {
		shown[0] = '\'';
		memcpy(shown + 1, cfg->name, size - 3);
		memcpy(shown + size - 2, "'", 2);
		f->path = url->path;
		if (stat(f->path, &st) < 0)
			fatal(EXIT_RUNTIME, errno, "cannot open %s", f->shown);
		f->fd = S_ISFIFO(st.st_mode) ? open_pipe(f->path) :
		    open(f->path, O_RDONLY | O_CLOEXEC);
		if (f->fd < 0)
			fatal(EXIT_RUNTIME, errno, "cannot open %s", f->shown);
	}
	if (S_ISDIR(st.st_mode))
		fatal(EXIT_RUNTIME, EISDIR, "cannot read %s", f->shown);
	f->s.name = cfg->name;
	f->pipe = f->s.live = !S_ISREG(st.st_mode);
	f->s.connected = true;
	if (f->reopen && (!S_ISFIFO(st.st_mode) || f->path == NULL)) {
		file_close(&f->s);
		fatal(EXIT_USAGE, 0, "--reopen is for named pipes, which '%s' is not",
		    cfg->name);
	}
	if (cfg->loop && f->pipe) {
		file_close(&f->s);
		fatal(EXIT_USAGE, 0, "--loop is for files, which '%s' is not", cfg->name);
	}
	if (!f->pipe)
		open_regular(f);
	return &f->s;
}

/* Another reader first, then the old one goes: nothing can get lost. */
static void
wait_for_writer(struct file *f)
{
	int fd = open_pipe(f->path);

	if (fd < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open %s again", f->shown);
	close(f->fd);
	f->fd = fd;
	f->s.disconnections++;
	f->s.connected = false;
	log_info("the writer of %s has gone: waiting for the next", f->shown);
}

static void
read_pipe(struct file *f, struct source_event *ev, int64_t deadline_ns)
{
	int64_t left = deadline_ns - clk_mono_ns();
	ssize_t n;
	int r = io_wait(&(struct pollfd){ .fd = f->fd, .events = POLLIN }, 1,
	    left > 0 ? left : 0);

	if (r == 0 || r == -EINTR)
		return;
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read %s", f->shown);
	n = read(f->fd, f->buf, sizeof(f->buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		fatal(EXIT_RUNTIME, errno, "cannot read %s", f->shown);
	if (n > 0) {
		f->s.connected = true;
		ev->what = SOURCE_BYTES;
		ev->data = f->buf;
		ev->len = (size_t)n;
		ev->utc_ns = clk_utc_ns();
	} else if (f->reopen) {
		wait_for_writer(f);
		ev->what = SOURCE_BREAK;
	} else {
		ev->what = SOURCE_END;
	}
}

static void
read_regular(struct file *f, struct source_event *ev)
{
	ssize_t n = read(f->fd, f->buf, PROBE);

	if (n < 0)
		fatal(EXIT_RUNTIME, errno, "cannot read %s", f->shown);
	ev->what = n == 0 ? SOURCE_END : SOURCE_BYTES;
	ev->data = f->buf;
	ev->len = (size_t)n;
}

static void
file_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct file *f = (struct file *)s;
	int r;

	if (f->pipe) {
		read_pipe(f, ev, deadline_ns);
	} else if (f->avin != NULL) {
		if ((r = avin_read(f->avin, ev)) < 0)
			fatal(EXIT_RUNTIME, -r, "cannot read %s", f->shown);
	} else {
		read_regular(f, ev);
	}
}

static int
file_rewind(struct source *s)
{
	struct file *f = (struct file *)s;

	if (f->avin != NULL)
		return avin_rewind(f->avin);
	return lseek(f->fd, f->first, SEEK_SET) < 0 ? -errno : 0;
}

const struct source_type source_file = {
	.schemes = "- file",
	.open = file_open, .read = file_read, .rewind = file_rewind,
	.close = file_close,
};
