/*
 * udp.c - transport streams in datagrams, bare or in RTP (RFC 2250).
 *
 *     udp://host:port       unicast, on that address of ours
 *     udp://:port           on all of them
 *     udp://@group:port     multicast; source@group:port: from that source only
 *
 * Datagrams are taken many at a time, with the kernel's time of arrival and its
 * count of those that did not fit into the receive buffer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/media/ts.h"
#include "lib/net/rtp.h"
#include "lib/net/udp.h"

#define BATCH		32
#define REORDER		(100 * CLK_SECOND / 1000)

struct udp {
	struct source s;
	struct udp_in in;
	bool	 rtp_only;
	struct rtp_order order;

	uint64_t datagrams, rtp, foreign, junk, bad_type, truncated;
	bool	 warned_type;

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

static struct source *
udp_open(const struct source_config *cfg, struct url *url)
{
	static const struct opt_unit times[] = {
		{ "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 },
	};
	struct udp *u;
	const char *reorder = url_get(url, "reorder");
	uint64_t window = (uint64_t)REORDER;
	char why[UDP_WHY];
	int r;

	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	u = calloc(1, sizeof(*u));
	if (u == NULL || (u->buf = malloc((size_t)BATCH * UDP_DATAGRAM)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	u->s = (struct source){ .name = cfg->name, .live = true };
	u->rtp_only = strcmp(url->scheme, "rtp") == 0;
	if (reorder != NULL && (opt_scaled(reorder, times, &window) < 0 ||
	    window > 10 * (uint64_t)CLK_SECOND))
		fatal(EXIT_USAGE, 0, "'%s': reorder '%s' is not a time such as 100ms",
		    cfg->name, reorder);
	rtp_order_init(&u->order, (int64_t)window);
	if ((r = udp_open_in(&u->in, url, why)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, r == -EINVAL ? 0 : -r,
		    "'%s': %s", cfg->name, why);
	if (u->in.rcvbuf_asked > 0)
		log_warn(0, "'%s': the receive buffer is %d bytes, not %d: see "
		    "net.core.rmem_max", cfg->name, u->in.rcvbuf_given,
		    u->in.rcvbuf_asked);
	for (unsigned i = 0; i < BATCH; i++)
		u->iov[i] = (struct iovec){ u->buf + (size_t)i * UDP_DATAGRAM,
		    UDP_DATAGRAM };
	return &u->s;
}

/* ---- datagrams */

/* Wait for datagrams until deadline_ns, and take what there is.  False: none. */
static bool
receive(struct udp *u, int64_t deadline_ns)
{
	int64_t order = rtp_order_deadline(&u->order), left;
	int n;

	if (order < deadline_ns)
		deadline_ns = order;
	left = deadline_ns - clk_mono_ns();
	u->n = u->i = 0;
	if (io_wait(&(struct pollfd){ .fd = u->in.fd, .events = POLLIN }, 1,
	    left > 0 ? left : 0) <= 0)
		return false;
	for (unsigned i = 0; i < BATCH; i++)
		u->msg[i].msg_hdr = (struct msghdr){
			.msg_iov = &u->iov[i], .msg_iovlen = 1,
			.msg_name = &u->from[i], .msg_namelen = sizeof(u->from[i]),
			.msg_control = &u->control[i],
			.msg_controllen = sizeof(u->control[i]),
		};
	n = recvmmsg(u->in.fd, u->msg, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			fatal(EXIT_RUNTIME, errno, "cannot receive from '%s'", u->s.name);
		return false;
	}
	u->n = (unsigned)n;
	return n > 0;
}

static void
give(struct udp *u, struct source_event *ev, const uint8_t *data, size_t len,
    int64_t utc_ns)
{
	u->s.connected = true;
	ev->what = SOURCE_BYTES;
	ev->data = data;
	ev->len = len;
	ev->utc_ns = utc_ns;
}

/* A datagram of RTP.  True: *ev is filled. */
static bool
take_rtp(struct udp *u, struct source_event *ev, const struct rtp_packet *pkt,
    int64_t utc_ns)
{
	int r;

	if (pkt->type != RTP_TYPE_TS) {
		u->bad_type++;
		if (!u->warned_type)
			log_warn(0, "'%s': RTP of payload type %u, not %u: dropped", u->s.name,
			    pkt->type, RTP_TYPE_TS);
		u->warned_type = true;
		return false;
	}
	u->rtp++;
	r = rtp_order_push(&u->order, pkt, clk_mono_ns());
	switch (r) {
	case RTP_NOW:
		give(u, ev, pkt->payload, pkt->payload_len, utc_ns);
		return true;
	case RTP_RESTART:
		log_info("'%s' has started anew", u->s.name);
		ev->what = SOURCE_BREAK;
		return true;
	case RTP_HELD:
	case RTP_DROPPED:
		return false;
	default:
		fatal(EXIT_RUNTIME, -r, "out of memory");
	}
}

/* The next datagram of the batch.  True: *ev is filled. */
static bool
take_datagram(struct udp *u, struct source_event *ev)
{
	struct mmsghdr *m = &u->msg[u->i];
	const uint8_t *p = u->iov[u->i].iov_base;
	size_t len = m->msg_len;
	int64_t utc_ns = udp_note(&u->in, &m->msg_hdr).utc_ns;
	struct rtp_packet pkt;

	if (!udp_wanted(&u->in, &u->from[u->i])) {
		u->i++;
		u->foreign++;
		return false;
	}
	u->i++;
	u->datagrams++;
	u->truncated += (m->msg_hdr.msg_flags & MSG_TRUNC) != 0;
	/* A sync byte is no RTP: its version would be 1. */
	if (len >= TS_PACKET && p[0] == TS_SYNC && !u->rtp_only) {
		give(u, ev, p, len, utc_ns);
		return true;
	}
	if (rtp_parse(p, len, &pkt) == 0 && pkt.payload_len > 0)
		return take_rtp(u, ev, &pkt, utc_ns);
	if (u->junk++ == 0)
		log_warn(0, len >= TS_PACKET && p[0] == TS_SYNC ?
		    "'%s': datagrams without RTP, which udp:// is for: dropped" :
		    "'%s': datagrams that are no transport stream: dropped", u->s.name);
	return false;
}

static void
udp_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct udp *u = (struct udp *)s;
	int64_t arrival_ns;

	for (;;) {
		int64_t now = clk_mono_ns();

		if (rtp_order_pop(&u->order, now, &ev->data, &ev->len, &arrival_ns)) {
			give(u, ev, ev->data, ev->len, clk_utc_ns() - (now - arrival_ns));
			break;
		}
		if (u->i < u->n) {
			if (take_datagram(u, ev))
				break;
			continue;
		}
		if (!receive(u, deadline_ns) && (io_stopping() ||
		    clk_mono_ns() >= deadline_ns))
			return;
	}
	ev->more = u->i < u->n;
}

static void
udp_stats(const struct source *s, json_t *o)
{
	const struct udp *u = (const struct udp *)s;
	const struct {
		const char *key;
		uint64_t value;
	} list[] = {
		{ "datagrams", u->datagrams },
		{ "source_dropped_packets", u->in.kernel_drops },
		{ "datagrams_junk", u->junk },
		{ "datagrams_foreign", u->foreign },
		{ "datagrams_truncated", u->truncated },
		{ "rtp_packets", u->rtp },
		{ "rtp_bad_type", u->bad_type },
		{ "rtp_reordered", u->order.reordered },
		{ "rtp_duplicates", u->order.duplicates },
		{ "rtp_late", u->order.late },
		{ "source_not_recovered_packets", u->order.lost },
		{ "rtp_restarts", u->order.restarts },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		json_object_set_new(o, list[i].key, json_integer((json_int_t)list[i].value));
}

static void
udp_close(struct source *s)
{
	struct udp *u = (struct udp *)s;

	close(u->in.fd);
	rtp_order_free(&u->order);
	free(u->buf);
	free(u);
}

const struct source_type source_udp = {
	.schemes = "udp rtp",
	.open = udp_open, .read = udp_read, .stats = udp_stats, .close = udp_close,
};
