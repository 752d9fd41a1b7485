/* A leg that is a socket of datagrams: udp:// and rtp://. */
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "transport/legkind.h"

#define BATCH		16

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

static bool
read_datagrams(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	struct udp_in *in = l->state;
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
		struct udp_note note = udp_note(in, &b->msg[i].msg_hdr);
		int64_t at = note.utc_ns + offset;
		size_t len = b->msg[i].msg_len, one = note.segment > 0 ? note.segment : len;

		/* Only if the clock of the day is not being set. */
		if (at > now || at < now - CLK_SECOND)
			at = now;
		if (!udp_wanted(in, &b->from[i])) {
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

static void
close_datagrams(struct leg *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->state);
}

static void
count_datagrams(const struct leg *l, struct numbers *all)
{
	const struct udp_in *in = l->state;

	numbers_add(all, "source_dropped_packets", "counter",
	    "Datagrams dropped since a receive buffer was full.", in->kernel_drops);
}

static const struct leg_ops udp_ops = {
	.read = read_datagrams, .close = close_datagrams, .numbers = count_datagrams,
};

int
leg_open_udp(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	struct udp_in *in = calloc(1, sizeof(*in));
	int one = 1, r;

	l->state = in;
	l->ops = &udp_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (in == NULL)
		return -ENOMEM;
	if ((r = udp_open_in(in, url, why)) < 0)
		return r;
	l->fd = in->fd;
	l->rtp_only = strcmp(url->scheme, "rtp") == 0;
	setsockopt(l->fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	if (in->rcvbuf_asked > 0)
		log_warn(0, "'%s': the receive buffer is %d bytes, not %d: see "
		    "net.core.rmem_max", l->text, in->rcvbuf_given, in->rcvbuf_asked);
	return 0;
}
