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
#include "lib/leg/legkind.h"
#include "lib/media/ts.h"
#include "transport/legown.h"
#include "transport/pacer.h"

#define STREAM_ROOM	65536
#define GROUP		7		/* packets of a stream to a datagram */
#define APART_27M	(5 * CLK_27M)	/* the pacer takes that for another clock */
#define CLOCKLESS	(UINT64_C(8) << 20)	/* bytes without a PCR */
#define BEHIND_NS	(CLK_SECOND / 2)	/* that is caught up with */

struct stream {
	bool	 probed;		/* it is known how far apart its packets are */
	struct ts_sync sync;
	size_t	 pos, fill;		/* what is taken of buf, and what is there */
	uint8_t	 buf[STREAM_ROOM];
	size_t	 len;			/* of a group that waits, for its time too */
	uint8_t	 group[GROUP * TS_PACKET];
	bool	 timed;
	int64_t	 due_ns;
	struct {
		int	 pid;		/* the first that had a PCR; -1: none yet */
		int64_t	 pcr;
		uint64_t since;		/* bytes */
		bool	 said;
	} clock;
	struct pacer pacer;
};

/* More of it, behind what has not been taken. */
static void
fill(struct leg *l)
{
	struct stream *s = l->state;
	ssize_t n;

	memmove(s->buf, s->buf + s->pos, s->fill - s->pos);
	s->fill -= s->pos;
	s->pos = 0;
	n = read(l->fd, s->buf + s->fill, STREAM_ROOM - s->fill);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		log_warn(errno, "cannot read '%s'", l->text);
	if (n <= 0)
		s->sync.eof = true;
	s->fill += n > 0 ? (size_t)n : 0;
	l->bytes += n > 0 ? (size_t)n : 0;
	if (!s->probed)
		s->probed = ts_probe(s->buf, s->fill, s->sync.eof, &s->pos,
		    &s->sync.stride) || s->sync.eof || s->fill > STREAM_ROOM / 2;
	s->pos = 0;			/* junk before it is counted as such */
}

static void
tell_no_pace(struct leg *l)
{
	struct stream *s = l->state;

	s->clock.said = true;
	log_warn(0, "'%s': %s: it is sent as fast as it can be", l->text, s->clock.pid < 0 ?
	    "there is no PCR" : "there is no PCR for more than 5 s");
}

/* What paces a file is looked for, to say when it has nothing of that kind. */
static void
look_for_clock(struct leg *l, const struct ts_packet *pkt)
{
	struct stream *s = l->state;
	int64_t apart;

	s->clock.since += TS_PACKET;
	if (!l->file || s->clock.said)
		return;
	if (pkt->pcr != TS_NO_PCR && (s->clock.pid < 0 || s->clock.pid == pkt->pid)) {
		apart = s->clock.pid < 0 || pkt->discontinuity ? 0 :
		    (pkt->pcr - s->clock.pcr + TS_PCR_WRAP) % TS_PCR_WRAP;
		s->clock.pid = pkt->pid;
		s->clock.pcr = pkt->pcr;
		s->clock.since = 0;
		if (apart < APART_27M || apart > TS_PCR_WRAP / 2)
			return;
	} else if (s->clock.since < CLOCKLESS) {
		return;
	}
	tell_no_pace(l);
}

/* A group of packets, as many as there are; false: there is none. */
static bool
next_group(struct leg *l)
{
	struct stream *s = l->state;
	struct ts_packet pkt;
	size_t used = 0;

	while (s->probed && s->len < sizeof(s->group) && ts_sync_next(&s->sync,
	    s->buf + s->pos, s->fill - s->pos, &used, &pkt) != 0) {
		s->pos += used;
		used = 0;
		look_for_clock(l, &pkt);
		memcpy(s->group + s->len, pkt.data, TS_PACKET);
		s->len += TS_PACKET;
	}
	if (s->probed && s->len < sizeof(s->group))
		s->pos += used;
	return s->len > 0;
}

static void
give_group(struct leg *l, int64_t at_ns, const struct leg_taker *t)
{
	struct stream *s = l->state;

	leg_seen(l, 0, s->group, s->len, at_ns, t);
	l->datagrams++;
	leg_give(l, s->group, s->len, TS_PACKET, NULL, at_ns, t);
	s->len = 0;
	s->timed = false;
}

/* Each group when it is due by the PCR, as if it came then. */
static void
read_paced(struct leg *l, const struct leg_taker *t)
{
	struct stream *s = l->state;
	int64_t now = clk_mono_ns();

	for (;;) {
		if (!s->timed && !s->sync.eof && s->len < sizeof(s->group) &&
		    (!next_group(l) || s->len < sizeof(s->group)))
			fill(l);
		if (!next_group(l)) {
			l->ended = s->sync.eof;
			if (l->ended && s->clock.pid < 0 && !s->clock.said)
				tell_no_pace(l);
			break;
		}
		/* That we or its rate are late now and then is not to slow it down. */
		if (!s->timed)
			s->due_ns = pacer_next(&s->pacer, s->group, s->len,
			    now - s->due_ns > BEHIND_NS ? now :
			    s->due_ns - BEHIND_NS).due_ns;
		s->timed = true;
		if (s->due_ns > now)
			break;
		give_group(l, s->due_ns, t);
	}
	l->ready_ns = s->timed ? s->due_ns : now;
	l->sync_losses = s->sync.sync_losses;
}

static bool
read_stream(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	struct stream *s = l->state;
	int64_t now;

	(void)b;
	if (l->paced) {
		read_paced(l, t);
		return false;
	}
	fill(l);
	now = clk_mono_ns();
	while (next_group(l))
		give_group(l, now, t);
	l->ended = s->sync.eof;
	if (l->ended && l->file && s->clock.pid < 0 && !s->clock.said)
		tell_no_pace(l);
	l->sync_losses = s->sync.sync_losses;
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

static int
open_stream(struct leg *l, struct url *url, char why[static UDP_WHY])
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
	s->clock.pid = -1;
	ts_sync_init(&s->sync);
	pacer_init(&s->pacer, 1, false, -1);	/* 0 would be none */
	return 0;
}

int
legown_open(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	if (strcmp(url->scheme, "-") != 0 && strcmp(url->scheme, "file") != 0)
		return -ENOTSUP;
	return open_stream(l, url, why);
}
