#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/media/ts.h"
#include "lib/net/tsudp.h"

#define BATCH		32
#define REORDER		(100 * CLK_SECOND / 1000)

struct tsudp_private {
	bool	 rtp_only;
	int64_t	 last_utc_ns;		/* of the datagram before */
	char	 warning[128];		/* "": none */
	bool	 warned_type, warned_junk;

	unsigned n, i;			/* of the batch: there, done */
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	union {
		char	 space[UDP_CONTROL];
		struct cmsghdr align;
	} control[BATCH];
	uint8_t	*buf;			/* BATCH times UDP_DATAGRAM */
};

static int
set_up(struct tsudp *t, struct url *url, char why[static UDP_WHY])
{
	static const struct opt_unit times[] = {
		{ "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 },
	};
	struct tsudp_private *u = t->private;
	const char *reorder = url_get(url, "reorder");
	uint64_t window = (uint64_t)REORDER;
	int r;

	u->rtp_only = strcmp(url->scheme, "rtp") == 0;
	if (reorder != NULL && (opt_scaled(reorder, times, &window) < 0 ||
	    window > 10 * (uint64_t)CLK_SECOND)) {
		snprintf(why, UDP_WHY, "reorder '%s' is not a time such as 100ms", reorder);
		return -EINVAL;
	}
	rtp_order_init(&t->order, (int64_t)window);
	if ((r = udp_open_in(&t->in, url, why)) < 0)
		return r;
	if (t->in.rcvbuf_asked > 0)
		snprintf(u->warning, sizeof(u->warning), "the receive buffer is %d bytes, "
		    "not %d: see net.core.rmem_max", t->in.rcvbuf_given,
		    t->in.rcvbuf_asked);
	return 0;
}

struct tsudp *
tsudp_open(struct url *url, int *err, char why[static UDP_WHY])
{
	struct tsudp *t = calloc(1, sizeof(*t));
	struct tsudp_private *u = calloc(1, sizeof(*u));
	uint8_t *buf = malloc((size_t)BATCH * UDP_DATAGRAM);

	if (t == NULL || u == NULL || buf == NULL) {
		free(t);
		free(u);
		free(buf);
		snprintf(why, UDP_WHY, "no memory");
		*err = -ENOMEM;
		return NULL;
	}
	t->private = u;
	t->in.fd = -1;
	u->buf = buf;
	for (unsigned i = 0; i < BATCH; i++)
		u->iov[i] = (struct iovec){ u->buf + (size_t)i * UDP_DATAGRAM,
		    UDP_DATAGRAM };
	*err = set_up(t, url, why);
	if (*err < 0) {
		tsudp_close(t);
		return NULL;
	}
	return t;
}

void
tsudp_close(struct tsudp *t)
{
	if (t == NULL)
		return;
	if (t->in.fd >= 0)
		close(t->in.fd);
	rtp_order_free(&t->order);
	free(t->private->buf);
	free(t->private);
	free(t);
}

/* ---- datagrams */

/* Wait for datagrams until deadline_ns, and take what there is.  0: none. */
static int
receive(struct tsudp *t, int64_t deadline_ns)
{
	struct tsudp_private *u = t->private;
	int64_t order = rtp_order_deadline(&t->order), left;
	int n;

	if (order < deadline_ns)
		deadline_ns = order;
	left = deadline_ns - clk_mono_ns();
	u->n = u->i = 0;
	if (io_wait(&(struct pollfd){ .fd = t->in.fd, .events = POLLIN }, 1,
	    left > 0 ? left : 0) <= 0)
		return 0;
	for (unsigned i = 0; i < BATCH; i++)
		u->msg[i].msg_hdr = (struct msghdr){
			.msg_iov = &u->iov[i], .msg_iovlen = 1,
			.msg_name = &u->from[i], .msg_namelen = sizeof(u->from[i]),
			.msg_control = &u->control[i],
			.msg_controllen = sizeof(u->control[i]),
		};
	n = recvmmsg(t->in.fd, u->msg, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? 0 :
		    -errno;
	u->n = (unsigned)n;
	return n;
}

/* A datagram of RTP: TSUDP_BYTES, TSUDP_RESTART, TSUDP_NOTHING or an error. */
static int
take_rtp(struct tsudp *t, const struct rtp_packet *pkt)
{
	struct tsudp_private *u = t->private;
	int r;

	if (pkt->type != RTP_TYPE_TS) {
		t->bad_type++;
		if (!u->warned_type)
			snprintf(u->warning, sizeof(u->warning),
			    "RTP of payload type %u, not %u: dropped", pkt->type,
			    RTP_TYPE_TS);
		u->warned_type = true;
		return TSUDP_NOTHING;
	}
	t->rtp++;
	r = rtp_order_push(&t->order, pkt, clk_mono_ns());
	switch (r) {
	case RTP_NOW:
		t->data = pkt->payload;
		t->len = pkt->payload_len;
		return TSUDP_BYTES;
	case RTP_RESTART:
		return TSUDP_RESTART;
	case RTP_HELD:
	case RTP_DROPPED:
		return TSUDP_NOTHING;
	default:
		return r;
	}
}

static void
note_arrival(struct tsudp *t, int64_t utc_ns)
{
	int64_t last = t->private->last_utc_ns;

	if (t->iat != NULL && last != 0 && utc_ns >= last)
		hist_add(t->iat, (uint64_t)(utc_ns - last));
	t->private->last_utc_ns = utc_ns;
	t->utc_ns = utc_ns;
}

/* The next datagram of the batch. */
static int
take_datagram(struct tsudp *t)
{
	struct tsudp_private *u = t->private;
	struct mmsghdr *m = &u->msg[u->i];
	const uint8_t *p = u->iov[u->i].iov_base;
	size_t len = m->msg_len;
	int64_t utc_ns = udp_note(&t->in, &m->msg_hdr).utc_ns;
	struct rtp_packet pkt;

	if (!udp_wanted(&t->in, &u->from[u->i])) {
		u->i++;
		t->foreign++;
		return TSUDP_NOTHING;
	}
	u->i++;
	t->datagrams++;
	t->truncated += (m->msg_hdr.msg_flags & MSG_TRUNC) != 0;
	note_arrival(t, utc_ns);
	/* A sync byte is no RTP: its version would be 1. */
	if (len >= TS_PACKET && p[0] == TS_SYNC && !u->rtp_only) {
		t->data = p;
		t->len = len;
		return TSUDP_BYTES;
	}
	if (rtp_parse(p, len, &pkt) == 0 && pkt.payload_len > 0)
		return take_rtp(t, &pkt);
	t->junk++;
	if (!u->warned_junk)
		snprintf(u->warning, sizeof(u->warning), len >= TS_PACKET && p[0] == TS_SYNC ?
		    "datagrams without RTP, which udp:// is for: dropped" :
		    "datagrams that are no transport stream: dropped");
	u->warned_junk = true;
	return TSUDP_NOTHING;
}

int
tsudp_read(struct tsudp *t, int64_t deadline_ns)
{
	struct tsudp_private *u = t->private;
	int64_t arrival_ns;
	int r;

	for (;;) {
		int64_t now = clk_mono_ns();

		if (rtp_order_pop(&t->order, now, &t->data, &t->len, &arrival_ns)) {
			t->utc_ns = clk_utc_ns() - (now - arrival_ns);
			r = TSUDP_BYTES;
			break;
		}
		if (u->i < u->n) {
			if ((r = take_datagram(t)) != TSUDP_NOTHING)
				break;
			continue;
		}
		if ((r = receive(t, deadline_ns)) < 0)
			return r;
		if (r == 0 && (io_stopping() || clk_mono_ns() >= deadline_ns))
			return TSUDP_NOTHING;
	}
	t->more = u->i < u->n;
	return r;
}

bool
tsudp_warning(struct tsudp *t, char text[static UDP_WHY])
{
	if (t->private->warning[0] == '\0')
		return false;
	snprintf(text, UDP_WHY, "%s", t->private->warning);
	t->private->warning[0] = '\0';
	return true;
}
