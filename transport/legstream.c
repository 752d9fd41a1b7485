/* A leg that is a stream of bytes: a file, a FIFO or standard input. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/ts.h"
#include "transport/legkind.h"

#define STREAM_ROOM	65536
#define GROUP		7		/* packets of a stream to a datagram */

struct stream {
	bool	 probed;		/* it is known how far apart its packets are */
	struct ts_sync sync;
	size_t	 fill;
	uint8_t	 buf[STREAM_ROOM];
};

static void
give_group(struct leg *l, const uint8_t *group, size_t len, int64_t now_ns,
    const struct leg_taker *t)
{
	leg_seen(l, 0, group, len, now_ns, t);
	l->datagrams++;
	leg_give(l, group, len, TS_PACKET, NULL, now_ns, t);
}

static bool
read_stream(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	struct stream *s = l->state;
	ssize_t n = read(l->fd, s->buf + s->fill, STREAM_ROOM - s->fill);
	int64_t now = clk_mono_ns();
	uint8_t group[GROUP * TS_PACKET];
	size_t pos = 0, used, in = 0;
	struct ts_packet pkt;

	(void)b;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		log_warn(errno, "cannot read '%s'", l->text);
	if (n <= 0)
		l->ended = s->sync.eof = true;
	s->fill += n > 0 ? (size_t)n : 0;
	l->bytes += n > 0 ? (size_t)n : 0;
	if (!s->probed) {
		s->probed = ts_probe(s->buf, s->fill, l->ended, &used, &s->sync.stride) ||
		    l->ended || s->fill > STREAM_ROOM / 2;
		if (!s->probed)
			return false;
	}
	while (ts_sync_next(&s->sync, s->buf + pos, s->fill - pos, &used, &pkt) != 0) {
		pos += used;
		memcpy(group + in, pkt.data, TS_PACKET);
		in += TS_PACKET;
		if (in < sizeof(group))
			continue;
		give_group(l, group, in, now, t);
		in = 0;
	}
	pos += used;
	if (in > 0)
		give_group(l, group, in, now, t);
	l->sync_losses = s->sync.sync_losses;
	s->fill -= pos;
	memmove(s->buf, s->buf + pos, s->fill);
	return false;			/* the others' turn */
}

static void
close_stream(struct leg *l)
{
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	free(l->state);
}

static void
count_stream(const struct leg *l, struct numbers *all)
{
	const struct stream *s = l->state;

	numbers_add(all, "source_junk_bytes", "counter", "Bytes between packets.",
	    s->sync.junk_bytes);
}

static const struct leg_ops stream_ops = {
	.read = read_stream, .close = close_stream, .numbers = count_stream,
};

int
leg_open_stream(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	const char *path = strcmp(url->scheme, "-") == 0 ? NULL : url->path;
	struct stream *s = calloc(1, sizeof(*s));
	struct stat st;

	l->state = s;
	l->ops = &stream_ops;
	if (s == NULL) {
		snprintf(why, UDP_WHY, "out of memory");
		return -ENOMEM;
	}
	if (path == NULL)
		l->fd = STDIN_FILENO;
	else if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		/* Held open for writing too: writers come and go. */
		l->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	else
		l->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0 || fstat(l->fd, &st) < 0) {
		snprintf(why, UDP_WHY, "cannot open");
		return -errno;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(why, UDP_WHY, "cannot read");
		return -EISDIR;
	}
	l->file = S_ISREG(st.st_mode);
	l->id_of_file = file_id_of_fd(l->fd);
	ts_sync_init(&s->sync);
	return 0;
}
