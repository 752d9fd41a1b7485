#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/fifo.h"
#include "lib/base/clk.h"

#define PIPE_SIZE	(1 << 20)
#define WAITING		8		/* readers of a socket */
#define MARK		(CLK_SECOND / 4)

int
fifo_init(struct fifo *f, const char *dir, const char *name, bool is_socket,
    struct budget *budget)
{
	int n = snprintf(f->path, sizeof(f->path), "%s/%s", dir, name);
	struct stat st;

	f->fd = f->listener.fd = -1;
	f->budget = budget;
	if (n < 0 || (size_t)n >= sizeof(f->path))
		return -ENAMETOOLONG;
	if (is_socket)
		return unixsock_listen(&f->listener, f->path, WAITING);
	if (mkfifo(f->path, 0600) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(f->path, &st) < 0)
		return -errno;
	return S_ISFIFO(st.st_mode) ? 0 : -EEXIST;
}

static void
let_go(struct fifo *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	budget_give(f->budget, f->size);
	free(f->buf);
	f->buf = NULL;
	f->lost_bytes += f->len - f->head;
	f->head = f->len = f->size = 0;
	f->put = f->taken = 0;
	f->first = f->nmark = 0;
}

void
fifo_close(struct fifo *f)
{
	let_go(f);
	unixsock_close(&f->listener);
}

void
fifo_hung_up(struct fifo *f)
{
	let_go(f);
}

/* Somebody who reads the pipe, or has connected to the socket; or -1. */
static int
take_reader(const struct fifo *f)
{
	struct stat st;
	int fd;

	if (f->listener.fd >= 0)
		return accept4(f->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	fd = open(f->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);	/* ENXIO: nobody */
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
	return fd;
}

bool
fifo_ready(struct fifo *f, bool *came)
{
	*came = false;
	if (f->fd >= 0)
		return true;
	f->fd = take_reader(f);
	if (f->fd < 0)
		return false;
	f->readers++;
	*came = true;
	return true;
}

static bool
reserve(struct fifo *f, size_t more)
{
	size_t size;
	uint8_t *buf;

	if (f->head > 0 && f->size - f->len < more) {
		memmove(f->buf, f->buf + f->head, f->len - f->head);
		f->len -= f->head;
		f->head = 0;
	}
	if (f->size - f->len >= more)
		return true;
	size = (f->len + more) * 3 / 2;
	if (!budget_take(f->budget, size - f->size))
		return false;
	buf = realloc(f->buf, size);
	if (buf == NULL) {
		budget_give(f->budget, size - f->size);
		return false;
	}
	f->buf = buf;
	f->size = size;
	return true;
}

static void
set_mark(struct fifo *f)
{
	int64_t now = clk_mono_ns();
	struct fifo_mark *last = &f->mark[(f->first + f->nmark - 1) % FIFO_MARKS];

	if ((f->nmark > 0 && now - last->ns < MARK) || f->nmark == FIFO_MARKS)
		return;
	f->mark[(f->first + f->nmark++) % FIFO_MARKS] =
	    (struct fifo_mark){ .put = f->put, .ns = now };
}

void
fifo_put(struct fifo *f, const uint8_t *p, size_t len)
{
	if (f->fd < 0)
		return;
	/* Without memory it is as when the reader goes: it sees the end, and may return. */
	if (!reserve(f, len)) {
		let_go(f);
		return;
	}
	memcpy(f->buf + f->len, p, len);
	f->len += len;
	f->put += len;
	set_mark(f);
}

void
fifo_run(struct fifo *f)
{
	while (f->fd >= 0 && f->head < f->len) {
		ssize_t n = write(f->fd, f->buf + f->head, f->len - f->head);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			let_go(f);
			return;
		}
		f->head += (size_t)n;
		f->taken += (uint64_t)n;
	}
	if (f->head == f->len)
		f->head = f->len = 0;
	while (f->nmark > 0 && f->mark[f->first].put <= f->taken) {
		f->first = (f->first + 1) % FIFO_MARKS;
		f->nmark--;
	}
}

size_t
fifo_waiting(const struct fifo *f)
{
	return f->len - f->head;
}

static bool
beyond(const struct fifo *f, size_t bytes, int64_t ns)
{
	return fifo_waiting(f) > bytes || (f->nmark > 0 && fifo_waiting(f) > 0 &&
	    clk_mono_ns() - f->mark[f->first].ns > ns);
}

bool
fifo_full(const struct fifo *f)
{
	return beyond(f, FIFO_MAX, FIFO_PATIENCE);
}

bool
fifo_roomy(const struct fifo *f)
{
	return !beyond(f, FIFO_MAX / 2, FIFO_PATIENCE / 2);
}
