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
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/media/ts.h"
#include "lib/net/rtp.h"

#define BATCH		32
#define DATAGRAM	65536
#define RCVBUF		(4 << 20)
#define REORDER		(100 * CLK_SECOND / 1000)

struct udp {
	struct source s;
	int	 fd;
	bool	 rtp_only;
	bool	 has_peer;		/* take datagrams of this address only */
	struct sockaddr_storage peer;
	struct rtp_order order;

	uint64_t datagrams, rtp, foreign, junk, bad_type, truncated;
	uint64_t kernel_drops;
	uint32_t last_ovfl;
	bool	 warned_type;

	unsigned n, i;			/* of the batch: there, done */
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	union {
		char	 space[CMSG_SPACE(sizeof(struct timespec)) +
		    CMSG_SPACE(sizeof(uint32_t)) + 64];
		struct cmsghdr align;
	} control[BATCH];
	uint8_t	*buf;			/* BATCH times DATAGRAM */
};

/* ---- the socket */

static bool
is_multicast(const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;

	return sa->sa_family == AF_INET ? IN_MULTICAST(ntohl(v4->sin_addr.s_addr)) :
	    IN6_IS_ADDR_MULTICAST(&v6->sin6_addr);
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	return a->ss_family == AF_INET ?
	    a4->sin_addr.s_addr == b4->sin_addr.s_addr :
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static void
resolve(const struct udp *u, const char *host, uint16_t port, int family,
    struct sockaddr_storage *sa, socklen_t *len)
{
	const struct addrinfo hints = {
		.ai_family = family, .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *ai;
	char service[8];
	int r;

	snprintf(service, sizeof(service), "%u", port);
	r = getaddrinfo(*host != '\0' ? host : NULL, service, &hints, &ai);
	if (r != 0)
		fatal(EXIT_RUNTIME, 0, "'%s': no address of '%s': %s", u->s.name, host,
		    gai_strerror(r));
	memcpy(sa, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	freeaddrinfo(ai);
}

/* The index of an interface by its name or by an address that it has. */
static unsigned
interface(const struct udp *u, const char *name)
{
	unsigned index = if_nametoindex(name);
	struct sockaddr_storage want;
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *ai;
	struct ifaddrs *all;

	if (index != 0)
		return index;
	if (getaddrinfo(name, NULL, &hints, &ai) == 0) {
		memcpy(&want, ai->ai_addr, ai->ai_addrlen);
		freeaddrinfo(ai);
		if (getifaddrs(&all) == 0) {
			for (struct ifaddrs *i = all; i != NULL && index == 0; i = i->ifa_next)
				if (i->ifa_addr != NULL && same_address(&want,
				    (const void *)i->ifa_addr))
					index = if_nametoindex(i->ifa_name);
			freeifaddrs(all);
		}
	}
	if (index == 0)
		fatal(EXIT_USAGE, 0, "'%s': there is no interface '%s'", u->s.name, name);
	return index;
}

static void
join(struct udp *u, const struct sockaddr_storage *group, unsigned index)
{
	int level = group->ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, r;

	if (u->has_peer) {
		struct group_source_req req = { .gsr_interface = index };

		req.gsr_group = *group;
		req.gsr_source = u->peer;
		r = setsockopt(u->fd, level, MCAST_JOIN_SOURCE_GROUP, &req, sizeof(req));
	} else {
		struct group_req req = { .gr_interface = index };

		req.gr_group = *group;
		r = setsockopt(u->fd, level, MCAST_JOIN_GROUP, &req, sizeof(req));
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, errno, "'%s': cannot join the group", u->s.name);
}

static void
set_rcvbuf(struct udp *u, int size, bool asked)
{
	socklen_t len = sizeof(int);
	int got = 0;

	if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	getsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &got, &len);
	if (got / 2 < size && asked)
		log_warn(0, "'%s': the receive buffer is %d bytes, not %d: see "
		    "net.core.rmem_max", u->s.name, got / 2, size);
}

static void
open_socket(struct udp *u, struct url *url, int rcvbuf, bool rcvbuf_asked)
{
	const char *iface = url_get(url, "iface");
	unsigned index = iface != NULL ? interface(u, iface) : 0;
	char device[IF_NAMESIZE] = "";
	struct sockaddr_storage sa;
	socklen_t len, peer_len;
	int one = 1, zero = 0;

	resolve(u, url->host, url->port, *url->host == '\0' ? AF_INET : AF_UNSPEC, &sa,
	    &len);
	u->has_peer = *url->user != '\0';
	if (u->has_peer)
		resolve(u, url->user, 0, sa.ss_family, &u->peer, &peer_len);
	u->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0)
		fatal(EXIT_RUNTIME, errno, "'%s': cannot make a socket", u->s.name);
	set_rcvbuf(u, rcvbuf, rcvbuf_asked);
	setsockopt(u->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	setsockopt(u->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	if (is_multicast((struct sockaddr *)&sa)) {
		setsockopt(u->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		/* Only the groups that this socket has joined itself. */
		if (sa.ss_family == AF_INET)
			setsockopt(u->fd, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero));
		if (sa.ss_family == AF_INET6)
			((struct sockaddr_in6 *)(void *)&sa)->sin6_scope_id = index;
	} else if (iface != NULL && (if_indextoname(index, device) == NULL ||
	    setsockopt(u->fd, SOL_SOCKET, SO_BINDTODEVICE, device,
	    (socklen_t)strlen(device)) < 0)) {
		fatal(EXIT_RUNTIME, errno, "'%s': cannot bind to interface '%s'",
		    u->s.name, iface);
	}
	if (bind(u->fd, (struct sockaddr *)&sa, len) < 0)
		fatal(EXIT_RUNTIME, errno, "'%s': cannot bind", u->s.name);
	if (is_multicast((struct sockaddr *)&sa))
		join(u, &sa, index);
}

static struct source *
udp_open(const struct source_config *cfg, struct url *url)
{
	static const struct opt_unit sizes[] = {
		{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "Ki", 1 << 10 },
		{ "Mi", 1 << 20 }, { NULL, 0 },
	}, times[] = { { "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 } };
	struct udp *u;
	const char *rcvbuf = url_get(url, "rcvbuf"), *reorder = url_get(url, "reorder");
	uint64_t size = RCVBUF, window = (uint64_t)REORDER;

	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	u = calloc(1, sizeof(*u));
	if (u == NULL || (u->buf = malloc((size_t)BATCH * DATAGRAM)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	u->s = (struct source){ .name = cfg->name, .live = true };
	u->rtp_only = strcmp(url->scheme, "rtp") == 0;
	if (url->port == 0)
		fatal(EXIT_USAGE, 0, "'%s' has no port", cfg->name);
	if (*url->path != '\0' && strcmp(url->path, "/") != 0)
		fatal(EXIT_USAGE, 0, "'%s': what is '%s'?", cfg->name, url->path);
	if (rcvbuf != NULL && (opt_scaled(rcvbuf, sizes, &size) < 0 || size < 2048 ||
	    size > 1 << 30))
		fatal(EXIT_USAGE, 0, "'%s': rcvbuf '%s' is not a size such as 8Mi",
		    cfg->name, rcvbuf);
	if (reorder != NULL && (opt_scaled(reorder, times, &window) < 0 ||
	    window > 10 * (uint64_t)CLK_SECOND))
		fatal(EXIT_USAGE, 0, "'%s': reorder '%s' is not a time such as 100ms",
		    cfg->name, reorder);
	rtp_order_init(&u->order, (int64_t)window);
	open_socket(u, url, (int)size, rcvbuf != NULL);
	for (unsigned i = 0; i < BATCH; i++)
		u->iov[i] = (struct iovec){ u->buf + (size_t)i * DATAGRAM, DATAGRAM };
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
	if (io_wait(&(struct pollfd){ .fd = u->fd, .events = POLLIN }, 1,
	    left > 0 ? left : 0) <= 0)
		return false;
	for (unsigned i = 0; i < BATCH; i++)
		u->msg[i].msg_hdr = (struct msghdr){
			.msg_iov = &u->iov[i], .msg_iovlen = 1,
			.msg_name = &u->from[i], .msg_namelen = sizeof(u->from[i]),
			.msg_control = &u->control[i],
			.msg_controllen = sizeof(u->control[i]),
		};
	n = recvmmsg(u->fd, u->msg, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			fatal(EXIT_RUNTIME, errno, "cannot receive from '%s'", u->s.name);
		return false;
	}
	u->n = (unsigned)n;
	return n > 0;
}

/* When the kernel got it; and how many it had to drop before. */
static int64_t
read_control(struct udp *u, struct msghdr *m)
{
	int64_t utc_ns = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			utc_ns = (int64_t)ts.tv_sec * CLK_SECOND + ts.tv_nsec;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;

			memcpy(&drops, CMSG_DATA(c), sizeof(drops));
			u->kernel_drops += (uint32_t)(drops - u->last_ovfl);
			u->last_ovfl = drops;
		}
	}
	return utc_ns != 0 ? utc_ns : clk_utc_ns();
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
	int64_t utc_ns = read_control(u, &m->msg_hdr);
	struct rtp_packet pkt;

	if (u->has_peer && !same_address(&u->from[u->i], &u->peer)) {
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
		{ "source_dropped_packets", u->kernel_drops },
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

	close(u->fd);
	rtp_order_free(&u->order);
	free(u->buf);
	free(u);
}

const struct source_type source_udp = {
	.schemes = "udp rtp",
	.open = udp_open, .read = udp_read, .stats = udp_stats, .close = udp_close,
};
