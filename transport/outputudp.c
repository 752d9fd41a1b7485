/* An output that is a socket of datagrams: udp:// and rtp://. */
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "transport/outputfec.h"
#include "transport/outputkind.h"

#define BATCH		64
#define SEGMENTS	48		/* datagrams in one call by UDP_SEGMENT ... */
#define SEGMENTS_BYTES	65000		/* ... and bytes: it is one packet of IP for a while */
#define WITH_FEC	4		/* before it has its turn */
#define ANSWER_NS	CLK_SECOND	/* silence of a host that said that no one is there */

struct socket {
	size_t	 head;			/* bytes before the packets: of RTP */
	struct output_fec *fec;		/* or NULL */
	bool	 no_segments;		/* UDP_SEGMENT does not work */
	bool	 said;
	int64_t	 refused_ns;		/* last that nobody was there; 0: not lately */
};

/* n datagrams of one size in one call: 0 or an errno. */
static int
send_segments(struct output *o, struct iovec *iov, unsigned n)
{
	union {
		char	 space[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = { .space = { 0 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n, .msg_control = &control,
	    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	uint16_t size = (uint16_t)iov[0].iov_len;

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	return sendmsg(o->fd, &m, MSG_DONTWAIT) < 0 ? errno : 0;
}

/* How many of them went; *err says why not all. */
static unsigned
send_some(struct output *o, struct iovec *iov, unsigned n, int *err)
{
	struct socket *s = o->state;
	struct mmsghdr msg[BATCH];
	unsigned same = 1;
	int r;

	while (same < n && same < SEGMENTS && iov[same].iov_len == iov[0].iov_len &&
	    (same + 1) * iov[0].iov_len <= SEGMENTS_BYTES)
		same++;
	*err = 0;
	if (same > 1 && !s->no_segments) {
		*err = send_segments(o, iov, same);
		if (*err == 0)
			return same;
		if (*err == EAGAIN || *err == ECONNREFUSED)
			return 0;
		s->no_segments = true;		/* an old kernel, or a small MTU */
	}
	if (n == 1) {
		*err = send(o->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT) < 0 ? errno : 0;
		return *err == 0;
	}
	for (unsigned i = 0; i < n; i++)
		msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i],
		    .msg_iovlen = 1 } };
	r = sendmmsg(o->fd, msg, n, MSG_DONTWAIT);
	*err = r < 0 ? errno : 0;
	return r < 0 ? 0 : (unsigned)r;
}

static struct iovec
vector(const struct socket *s, const struct packet *p)
{
	return (struct iovec){ p->data - s->head, p->len + s->head };
}

static void
send_datagrams(struct output *o, const struct fan *f, int64_t now_ns)
{
	struct socket *s = o->state;
	unsigned refused = 0;

	while (o->place < f->due) {
		struct iovec iov[BATCH];
		/* FEC goes between the media, not behind many at once. */
		unsigned n = 0, went, most = s->fec != NULL ? WITH_FEC : BATCH;
		int err;

		for (; n < most && o->place + n < f->due; n++)
			iov[n] = vector(s, fan_at(f, o->place + n));
		went = send_some(o, iov, n, &err);
		for (unsigned i = 0; i < went && i < n; i++) {
			o->bytes += iov[i].iov_len;
			if (s->fec != NULL)
				output_fec_follow(s->fec, iov[i].iov_base, iov[i].iov_len);
		}
		o->place += went;
		o->sent += went;
		if (err == ECONNREFUSED && refused++ < 2) {
			/* Of one before: this one was not tried. */
			o->disconnections += s->refused_ns == 0;
			s->refused_ns = now_ns;
		} else if (err == EAGAIN || err == ENOBUFS) {
			output_block(o, now_ns);
			return;
		} else if (err != 0) {
			if (!s->said && err != ECONNREFUSED)
				log_warn(err, "cannot send to '%s'", o->text);
			s->said = true;
			o->place++;
			o->failed++;
		}
		if (s->refused_ns != 0 && now_ns - s->refused_ns > ANSWER_NS)
			s->refused_ns = 0;
		o->sent_ns = s->refused_ns != 0 ? 0 : went > 0 ? now_ns : o->sent_ns;
	}
}

static void
close_socket(struct output *o)
{
	struct socket *s = o->state;

	if (s != NULL)
		output_fec_free(s->fec);
	if (o->fd >= 0)
		close(o->fd);
	free(s);
}

static void
count_socket(const struct output *o, struct numbers *all)
{
	const struct socket *s = o->state;

	if (s->fec != NULL)
		output_fec_numbers(s->fec, all);
}

static const struct output_ops socket_ops = {
	.send = send_datagrams, .close = close_socket, .numbers = count_socket,
};

int
output_open_udp(struct output *o, struct url *url, char why[static UDP_WHY])
{
	struct socket *s = calloc(1, sizeof(*s));
	int r;

	o->state = s;
	o->ops = &socket_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (s == NULL)
		return -ENOMEM;
	s->head = strcmp(url->scheme, "rtp") == 0 ? FAN_RTP : 0;
	if (s->head > 0 && (r = output_fec_open(&s->fec, url, why)) < 0)
		return r;
	return udp_open_out(&o->fd, url, why);
}
