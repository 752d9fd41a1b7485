#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "transport/capturefile.h"

#define ROOM	(2 * CAPTURE_BLOCK)

int
capturefile_open(struct capturefile *f, const char *path)
{
	*f = (struct capturefile){ .fd = STDIN_FILENO };
	capture_init(&f->capture);
	if ((f->buf = malloc(ROOM)) == NULL)
		return -ENOMEM;
	if (strcmp(path, "-") != 0 && (f->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		free(f->buf);
		f->buf = NULL;
		return -errno;
	}
	return 0;
}

void
capturefile_free(struct capturefile *f)
{
	if (f->fd > STDIN_FILENO)
		close(f->fd);
	free(f->buf);
	f->buf = NULL;
}

int
capturefile_next(struct capturefile *f, struct capture_item *item)
{
	size_t used;
	ssize_t n;
	int r;

	while (!f->again) {
		r = capture_next(&f->capture, f->buf + f->pos, f->fill - f->pos, &used,
		    &f->item);
		f->pos += used;
		if (r < 0)
			return r;
		if (r == 1)
			break;
		f->cut_short = f->eof && f->fill > f->pos;
		if (f->eof)
			return 0;
		memmove(f->buf, f->buf + f->pos, f->fill - f->pos);
		f->fill -= f->pos;
		f->pos = 0;
		n = io_read(f->fd, f->buf + f->fill, ROOM - f->fill);
		if (n < 0)
			return (int)n;
		f->eof = n == 0;
		f->fill += (size_t)n;
	}
	f->again = false;
	*item = f->item;
	return 1;
}

void
capturefile_unread(struct capturefile *f)
{
	f->again = true;
}
