#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/net/rtp.h"
#include "transport/leg.h"

#define BATCH		16
#define STREAM_ROOM	65536
#define GROUP		7		/* packets of a stream to a datagram */

struct leg_batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	union {
		char	 space[UDP_CONTROL];
		struct cmsghdr align;
	} control[BATCH];
	uint8_t	 buf[BATCH][UDP_DATAGRAM];
};

struct leg_batch *
leg_batch_new(void)
{
	return calloc(1, sizeof(struct leg_batch));
}

void
leg_batch_free(struct leg_batch *b)
{
	free(b);
}

/* ---- to open */

static int
open_stream(struct leg *l, const char *path, char why[static UDP_WHY])
{
	struct stat st;

	l->stream = true;
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
	l->file = S_ISREG(st.st_mode);
	l->buf = malloc(STREAM_ROOM);
	l->sync = malloc(sizeof(*l->sync));
	if (l->buf == NULL || l->sync == NULL) {
		snprintf(why, UDP_WHY, "out of memory");
		return -ENOMEM;
	}
	ts_sync_init(l->sync);
	return 0;
}

static int
open_socket(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	int one = 1, r = udp_open_in(&l->in, url, why);

	if (r < 0)
		return r;
	l->fd = l->in.fd;
	l->rtp_only = strcmp(url->scheme, "rtp") == 0;
	setsockopt(l->fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	if (l->in.rcvbuf_asked > 0)
		log_warn(0, "'%s': the receive buffer is %d bytes, not %d: see "
		    "net.core.rmem_max", l->text, l->in.rcvbuf_given, l->in.rcvbuf_asked);
	return 0;
}

static int
open_url(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	const char *name = url_get(url, "name"), *odd;
	int r;

	if (name != NULL)
		snprintf(l->id, sizeof(l->id), "%s", name);
	if (strcmp(url->scheme, "udp") == 0 || strcmp(url->scheme, "rtp") == 0)
		r = open_socket(l, url, why);
	else if (strcmp(url->scheme, "-") == 0)
		r = open_stream(l, NULL, why);
	else if (strcmp(url->scheme, "file") == 0)
		r = open_stream(l, url->path, why);
	else {
		snprintf(why, UDP_WHY, "there is no input of the kind %.32s://", url->scheme);
		return -EINVAL;
	}
	if (r == 0 && (odd = url_unused(url)) != NULL) {
		snprintf(why, UDP_WHY, "what is '%.64s'?", odd);
		r = -EINVAL;
	}
	return r;
}

int
leg_open(struct leg *l, const char *text, char why[static UDP_WHY])
{
	struct url *url = malloc(sizeof(*url));
	int r = -ENOMEM;

	*l = (struct leg){ .fd = -1, .text = strdup(text) };
	snprintf(why, UDP_WHY, "out of memory");
	if (url != NULL && l->text != NULL) {
		snprintf(why, UDP_WHY, "this is no address");
		r = url_parse(url, text) < 0 ? -EINVAL : open_url(l, url, why);
	}
	free(url);
	if (r < 0)
		leg_free(l);
	return r;
}

void
leg_free(struct leg *l)
{
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	free(l->text);
	free(l->sync);
	free(l->buf);
	*l = (struct leg){ .fd = -1 };
}

/* ---- datagrams */

/* The distance of its packets, when p is made of whole ones; else 0. */
static size_t
find_stride(const uint8_t *p, size_t len)
{
	static const size_t strides[] = { TS_PACKET, 204, 192 };

	for (unsigned k = 0; k < 3 && len > 0; k++) {
		size_t at = 0;

		if (len % strides[k] != 0)
			continue;
		while (at < len && p[at] == TS_SYNC)
			at += strides[k];
		if (at == len)
			return strides[k];
	}
	return 0;
}

/* Whole packets, of this stride, to the relay; rtp may be NULL. */
static void
give(struct leg *l, const uint8_t *p, size_t len, size_t stride,
    const struct rtp_packet *rtp, int64_t at_ns, const struct leg_taker *t)
{
	size_t n = len / stride;
	struct packet *pkt = packet_new(t->pool, n * TS_PACKET);

	if (pkt == NULL) {
		l->no_room++;
		return;
	}
	pkt->len = (uint32_t)(n * TS_PACKET);
	if (stride == TS_PACKET)
		memcpy(pkt->data, p, pkt->len);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(pkt->data + i * TS_PACKET, p + i * stride, TS_PACKET);
	pkt->arrival_ns = at_ns;
	if (rtp != NULL) {
		pkt->has_rtp = true;
		pkt->marker = rtp->marker;
		pkt->seq = rtp->seq;
		pkt->timestamp = rtp->timestamp;
		pkt->ssrc = rtp->ssrc;
	}
	l->taken++;
	t->take(t->arg, l, pkt, at_ns);
}

static void
refuse(struct leg *l, uint64_t *count, const char *what)
{
	(*count)++;
	if (!l->warned)
		log_warn(0, "'%s': %s: dropped", l->text, what);
	l->warned = true;
}

void
leg_datagram(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t)
{
	struct rtp_packet rtp;
	size_t stride;

	l->datagrams++;
	l->bytes += len;
	/* A sync byte is no RTP: its version would be 1. */
	if (len > 0 && p[0] == TS_SYNC && !l->rtp_only &&
	    (stride = find_stride(p, len)) > 0) {
		give(l, p, len, stride, NULL, at_ns, t);
		return;
	}
	if (rtp_parse(p, len, &rtp) < 0 || rtp.payload_len == 0) {
		refuse(l, &l->junk, len > 0 && p[0] == TS_SYNC && l->rtp_only ?
		    "datagrams without RTP, which udp:// is for" :
		    "datagrams that are no transport stream");
		return;
	}
	stride = find_stride(rtp.payload, rtp.payload_len);
	/* Type 33, or one that was agreed upon when it has just that in it. */
	if (stride > 0 && (rtp.type == RTP_TYPE_TS || rtp.type >= 96))
		give(l, rtp.payload, rtp.payload_len, stride, &rtp, at_ns, t);
	else if (rtp.type != RTP_TYPE_TS)
		refuse(l, &l->bad_type, "RTP of another payload type than 33");
	else
		refuse(l, &l->junk, "RTP that is no transport stream");
}

static bool
read_datagrams(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	int64_t now = clk_mono_ns(), offset = now - clk_utc_ns();
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->buf[i], UDP_DATAGRAM };
		b->msg[i].msg_hdr = (struct msghdr){
			.msg_iov = &b->iov[i], .msg_iovlen = 1,
			.msg_name = &b->from[i], .msg_namelen = sizeof(b->from[i]),
			.msg_control = &b->control[i],
			.msg_controllen = sizeof(b->control[i]),
		};
	}
	n = recvmmsg(l->fd, b->msg, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct udp_note note = udp_note(&l->in, &b->msg[i].msg_hdr);
		int64_t at = note.utc_ns + offset;
		size_t len = b->msg[i].msg_len, one = note.segment > 0 ? note.segment : len;

		/* Only if the clock of the day is not being set. */
		if (at > now || at < now - CLK_SECOND)
			at = now;
		if (!udp_wanted(&l->in, &b->from[i])) {
			l->foreign += one > 0 ? (len + one - 1) / one : 1;
			continue;
		}
		l->truncated += (b->msg[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
		if (len == 0)
			leg_datagram(l, b->buf[i], 0, at, t);
		for (size_t pos = 0; pos < len; pos += one)
			leg_datagram(l, b->buf[i] + pos, len - pos < one ? len - pos : one, at,
			    t);
	}
	return n == BATCH;
}

/* ---- streams */

static bool
read_stream(struct leg *l, const struct leg_taker *t)
{
	ssize_t n = read(l->fd, l->buf + l->fill, STREAM_ROOM - l->fill);
	int64_t now = clk_mono_ns();
	uint8_t group[GROUP * TS_PACKET];
	size_t pos = 0, used, in = 0;
	struct ts_packet pkt;
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		log_warn(errno, "cannot read '%s'", l->text);
	if (n <= 0)
		l->ended = l->sync->eof = true;
	l->fill += n > 0 ? (size_t)n : 0;
	l->bytes += n > 0 ? (size_t)n : 0;
	if (!l->probed) {
		/* Until it is known how far apart its packets are. */
		l->probed = ts_probe(l->buf, l->fill, l->ended, &used, &l->sync->stride) ||
		    l->ended || l->fill > STREAM_ROOM / 2;
		if (!l->probed)
			return n > 0;
	}
	while ((r = ts_sync_next(l->sync, l->buf + pos, l->fill - pos, &used, &pkt)) != 0) {
		pos += used;
		memcpy(group + in, pkt.data, TS_PACKET);
		in += TS_PACKET;
		if (in < sizeof(group))
			continue;
		l->datagrams++;
		give(l, group, in, TS_PACKET, NULL, now, t);
		in = 0;
	}
	pos += used;
	if (in > 0) {
		l->datagrams++;
		give(l, group, in, TS_PACKET, NULL, now, t);
	}
	l->junk_bytes = l->sync->junk_bytes;
	l->fill -= pos;
	memmove(l->buf, l->buf + pos, l->fill);
	return n > 0;
}

bool
leg_read(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	if (l->ended)
		return false;
	return l->stream ? read_stream(l, t) : read_datagrams(l, b, t);
}
