/*
 * A leg with FEC: the socket of its media, and those of its columns and rows two and
 * four ports above.  What has piled up at one of them must not be used long before what
 * came to another at the same time: they are read together, by the time of arrival.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/leg/legbatch.h"
#include "lib/leg/legkind.h"
#include "lib/net/fec2022.h"

#define REFILLS		8		/* of all sockets, before the others' turn */

enum { MEDIA, COLUMNS, ROWS, PORTS };

static const uint16_t above[PORTS] = { 0, FEC_PORT_COLUMN, FEC_PORT_ROW };
static const char *const what[PORTS] = { "", ", for columns of FEC", ", for rows of FEC" };

struct port {
	struct udp_in in;
	struct leg_batch *batch;
	bool	 more;			/* behind the batch */
};

struct fec_leg {
	struct port port[PORTS];
};

/* The port with the datagram that came first; NULL: none has one. */
static struct port *
first_of(struct fec_leg *f, unsigned *refills)
{
	struct port *first = NULL;

	for (unsigned i = 0; i < PORTS; i++) {
		struct port *p = &f->port[i];
		struct leg_batch *b = p->batch;

		if (b->next == b->n && p->more && *refills < REFILLS) {
			p->more = leg_batch_fill(b, &p->in);
			++*refills;
		}
		if (b->next < b->n && (first == NULL || b->note[b->next].at_ns <
		    first->batch->note[first->batch->next].at_ns))
			first = p;
	}
	return first;
}

static void
give_column(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t)
{
	leg_seen(l, FEC_PORT_COLUMN, p, len, at_ns, t);
	leg_fec(l, p, len, at_ns, t);
}

static void
give_row(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t)
{
	leg_seen(l, FEC_PORT_ROW, p, len, at_ns, t);
	leg_fec(l, p, len, at_ns, t);
}

static bool
read_all(struct leg *l, struct leg_batch *unused, const struct leg_taker *t)
{
	struct fec_leg *f = l->state;
	unsigned refills = 0;
	struct port *p;

	(void)unused;
	for (unsigned i = 0; i < PORTS; i++)
		f->port[i].more = leg_batch_fill(f->port[i].batch, &f->port[i].in);
	/* What is in the batches must not stay there: nobody would be told of it. */
	while ((p = first_of(f, &refills)) != NULL)
		leg_batch_give(p->batch, p->batch->next++, l, &p->in, t,
		    p == &f->port[MEDIA] ? leg_datagram : p == &f->port[COLUMNS] ?
		    give_column : give_row);
	return f->port[MEDIA].more || f->port[COLUMNS].more || f->port[ROWS].more;
}

static void
close_all(struct leg *l)
{
	struct fec_leg *f = l->state;

	for (unsigned i = 0; f != NULL && i < PORTS; i++) {
		if (f->port[i].in.fd >= 0)
			close(f->port[i].in.fd);
		leg_batch_free(f->port[i].batch);
	}
	if (l->fd >= 0)
		close(l->fd);
	free(f);
}

static void
count_all(const struct leg *l, struct numbers *all)
{
	const struct fec_leg *f = l->state;

	numbers_add(all, "source_dropped_packets", "counter",
	    "Datagrams that the kernel dropped: its buffer was full.",
	    f->port[MEDIA].in.kernel_drops);
	numbers_add(all, "source_fec_dropped_packets", "counter",
	    "Of FEC: the kernel dropped them.", f->port[COLUMNS].in.kernel_drops +
	    f->port[ROWS].in.kernel_drops);
}

static const struct leg_ops fec_ops = {
	.read = read_all, .close = close_all, .numbers = count_all,
};

static int
open_port(struct leg *l, struct port *p, struct url *url, unsigned i,
    char why[static UDP_WHY])
{
	struct epoll_event ev = { .events = EPOLLIN };
	char reason[UDP_WHY];
	uint16_t port = url->port;
	int r;

	if (port > UINT16_MAX - above[i]) {
		snprintf(why, UDP_WHY, "there are no ports for FEC above %u", port);
		return -EINVAL;
	}
	if (port != 0)			/* else it is refused as of any address */
		url->port = (uint16_t)(port + above[i]);
	r = udp_open_in(&p->in, url, reason);
	snprintf(why, UDP_WHY, "%.160s (port %u%s)", reason, url->port, what[i]);
	url->port = port;
	if (r < 0)
		return r;
	snprintf(why, UDP_WHY, "cannot wait for it");
	return epoll_ctl(l->fd, EPOLL_CTL_ADD, p->in.fd, &ev) < 0 ? -errno : 0;
}

int
leg_open_fec(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	struct fec_leg *f = calloc(1, sizeof(*f));
	int one = 1, r;

	l->state = f;
	l->ops = &fec_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (f == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < PORTS; i++)
		f->port[i].in.fd = -1;
	/* To its owner it is one descriptor. */
	if ((l->fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return -errno;
	for (unsigned i = 0; i < PORTS; i++) {
		if ((f->port[i].batch = leg_batch_new()) == NULL)
			return -ENOMEM;
		if ((r = open_port(l, &f->port[i], url, i, why)) < 0)
			return r;
	}
	setsockopt(f->port[MEDIA].in.fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	leg_tell_buffer(l, &f->port[MEDIA].in);
	l->has_fec = true;
	return 0;
}
