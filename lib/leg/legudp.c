/* A leg that is a socket of datagrams: udp:// and rtp://. */
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/leg/legbatch.h"
#include "lib/leg/legkind.h"

static bool
read_datagrams(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	struct udp_in *in = l->state;
	bool more = leg_batch_fill(b, in);

	for (unsigned i = 0; i < b->n; i++)
		leg_batch_give(b, i, l, in, t, leg_datagram);
	return more;
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

void
leg_tell_buffer(const struct leg *l, const struct udp_in *in)
{
	if (in->rcvbuf_asked > 0)
		log_warn(0, "'%s': the receive buffer is %d bytes, not %d: see "
		    "net.core.rmem_max", l->text, in->rcvbuf_given, in->rcvbuf_asked);
}

static const struct leg_ops udp_ops = {
	.read = read_datagrams, .close = close_datagrams, .numbers = count_datagrams,
};

int
leg_open_udp(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	const char *fec = url_get(url, "fec");
	struct udp_in *in;
	int one = 1, r;

	l->rtp_only = strcmp(url->scheme, "rtp") == 0;
	if (fec != NULL && (!l->rtp_only || (strcmp(fec, "auto") != 0 &&
	    strcmp(fec, "no") != 0))) {
		snprintf(why, UDP_WHY, l->rtp_only ? "fec '%.32s' is neither auto nor no" :
		    "fec '%.32s': that is for rtp://", fec);
		return -EINVAL;
	}
	if (fec != NULL && strcmp(fec, "auto") == 0)
		return leg_open_fec(l, url, why);
	l->state = in = calloc(1, sizeof(*in));
	l->ops = &udp_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (in == NULL)
		return -ENOMEM;
	if ((r = udp_open_in(in, url, why)) < 0)
		return r;
	l->fd = in->fd;
	setsockopt(l->fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	leg_tell_buffer(l, in);
	return 0;
}
