/* An output that is a stream of bytes: a file, a FIFO or standard output. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "transport/outputkind.h"

#define PIPE_VECTORS	32
#define RETRY_NS	(CLK_SECOND / 4)

struct pipe {
	bool	 fifo;			/* opened again for each reader */
	char	*path;
	int64_t	 next_ns;		/* when to look for one */
	uint32_t cut_at;		/* bytes of o->cut that are written */
};

/* The reader of a pipe has gone, or a disk is full. */
static void
lose(struct output *o, int err, int64_t now_ns)
{
	struct pipe *s = o->state;

	if (o->cut != NULL) {
		packet_unref(o->cut);
		o->cut = NULL;
		o->failed++;
	}
	o->disconnections++;
	o->blocked = false;
	if (!s->fifo) {
		log_warn(err, "cannot write to '%s'", o->text);
		o->ended = true;
		return;
	}
	close(o->fd);
	o->fd = -1;
	o->watched = false;			/* closing it took it out of the loop */
	s->next_ns = now_ns + RETRY_NS;
}

static bool
open_fifo(struct output *o, int64_t now_ns)
{
	struct pipe *s = o->state;

	if (now_ns < s->next_ns)
		return false;
	s->next_ns = now_ns + RETRY_NS;
	o->fd = open(s->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return o->fd >= 0;
}

/* So many bytes have gone: move on, and keep what was cut. */
static void
count_written(struct output *o, const struct fan *f, size_t n)
{
	struct pipe *s = o->state;

	o->bytes += n;
	while (n > 0) {
		struct packet *p = o->cut != NULL ? o->cut : fan_at(f, o->place);
		uint32_t left = p->len - s->cut_at;

		if (o->cut == NULL)
			o->place++;
		if (n < left) {
			if (o->cut == NULL)
				o->cut = packet_ref(p);
			s->cut_at += (uint32_t)n;
			return;
		}
		n -= left;
		if (o->cut != NULL)
			packet_unref(o->cut);
		o->cut = NULL;
		s->cut_at = 0;
		o->sent++;
	}
}

static void
write_pipe(struct output *o, const struct fan *f, int64_t now_ns)
{
	struct pipe *s = o->state;

	if (o->fd < 0 && !open_fifo(o, now_ns)) {
		output_skip(o, f);
		return;
	}
	while (o->cut != NULL || o->place < f->due) {
		struct iovec iov[PIPE_VECTORS];
		uint64_t place = o->place;
		size_t want = 0;
		int n = 0;
		ssize_t r;

		if (o->cut != NULL)
			iov[n++] = (struct iovec){ o->cut->data + s->cut_at,
			    o->cut->len - s->cut_at };
		while (n < PIPE_VECTORS && place < f->due) {
			struct packet *p = fan_at(f, place++);

			iov[n++] = (struct iovec){ p->data, p->len };
		}
		for (int i = 0; i < n; i++)
			want += iov[i].iov_len;
		r = writev(o->fd, iov, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN) {
			output_block(o, now_ns);
			return;
		}
		if (r < 0) {
			lose(o, errno, now_ns);
			return;
		}
		count_written(o, f, (size_t)r);
		o->sent_ns = now_ns;
		if ((size_t)r < want && s->fifo) {
			output_block(o, now_ns);
			return;
		}
	}
}

static void
close_pipe(struct output *o)
{
	struct pipe *s = o->state;

	if (o->cut != NULL)
		packet_unref(o->cut);
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	if (s != NULL)
		free(s->path);
	free(s);
}

static const struct output_ops pipe_ops = { .send = write_pipe, .close = close_pipe };

int
output_open_pipe(struct output *o, struct url *url, char why[static UDP_WHY])
{
	const char *path = strcmp(url->scheme, "-") == 0 ? NULL : url->path;
	struct pipe *s = calloc(1, sizeof(*s));
	struct stat st;

	o->state = s;
	o->ops = &pipe_ops;
	if (s == NULL) {
		snprintf(why, UDP_WHY, "out of memory");
		return -ENOMEM;
	}
	if (path == NULL) {
		if (isatty(STDOUT_FILENO)) {
			snprintf(why, UDP_WHY, "standard output is a terminal");
			return -EINVAL;
		}
		o->fd = STDOUT_FILENO;
		o->id_of_file = file_id_of_fd(o->fd);
		/* Ours alone, so that its flags are no one else's. */
		if (fstat(o->fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
			int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

			o->fd = fd >= 0 ? fd : o->fd;
		}
		return 0;
	}
	if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) {
		s->fifo = true;
		o->id_of_file = file_id_of(path);
		s->path = strdup(path);
		return s->path != NULL ? 0 : -ENOMEM;
	}
	o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (o->fd < 0) {
		snprintf(why, UDP_WHY, "cannot open");
		return -errno;
	}
	o->id_of_file = file_id_of_fd(o->fd);
	return 0;
}
