/*
 * mconnect-impair - a bad network between UDP ports: see mconnect-impair(1).
 *
 * A link takes datagrams at a port and passes them on to an address; each peer that sends
 * to it gets a socket of its own towards that address, and what comes back through it
 * goes to the peer.  What arrives is decided upon at once (impair.h), and waits in a heap
 * until it is due.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/base/stats.h"
#include "lib/base/url.h"
#include "transport/impair.h"
#include "transport/impairlog.h"

#define LINKS		16
#define PEERS		64		/* of one link; the longest silent makes room */
#define DATAGRAM	65536
#define TURN		64		/* datagrams of one socket at a time */
#define BUFFER		(16 << 20)	/* of a socket */
#define HEAP_MAX	(256u << 20)	/* bytes that wait */

enum { THERE, BACK, WAYS };

static const char *const way_name[WAYS] = { "there", "back" };

struct peer {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	int	 fd;			/* towards the target; -1: free */
	unsigned serial;		/* of who has this place */
	int64_t	 seen_ns;
};

struct net_link {
	int	 fd;
	struct sockaddr_storage target;
	socklen_t target_len;
	struct impair way[WAYS];
	struct peer peer[PEERS];
	uint64_t overflow;		/* datagrams that the kernel had no room for */
};

/* A datagram that waits. */
struct parcel {
	int64_t	 due_ns;
	uint64_t order;			/* those of the same time stay in order */
	struct net_link *link;
	unsigned way, peer, serial;
	size_t	 len;
	uint8_t	 data[];
};

struct net {
	unsigned nlink;
	struct net_link link[LINKS];
	struct parcel **heap;
	size_t	 n, size, bytes;
	uint64_t order, dropped, sent, send_errors;
	struct impairlog log;
	int64_t	 start_ns;
};

static const char help[] =
    "usage: mconnect-impair [options] [ADDRESS:]PORT=ADDRESS:PORT...\n"
    "  -b, --back SPEC          the way back: see --there\n"
    "  -l, --log FILE           a line of JSON for every decision\n"
    "      --replay FILE        decide as such a log says\n"
    "  -S, --seed NUMBER        of chance [1]\n"
    "  -s, --stats TARGET       a JSON line each second to fd:N, unix:PATH or a file\n"
    "  -t, --there SPEC         loss=5%,burst=3,states=P:R[:B[:G]],delay=40ms,jitter=5ms,\n"
    "                           overtake,reorder=1%,reorder-by=10ms,dup=1%,corrupt=1%,\n"
    "                           rate=30M,rate-trace=FILE,queue=100ms,\n"
    "                           outage=10s+2s/30s\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mconnect-impair -t loss=5%,burst=3,delay=40ms -b delay=40ms 7001=127.0.0.1:7002\n";

enum { OPT_REPLAY = 256 };

static const struct option longopts[] = {
	{ "back", required_argument, NULL, 'b' },
	{ "log", required_argument, NULL, 'l' },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "seed", required_argument, NULL, 'S' },
	{ "stats", required_argument, NULL, 's' },
	{ "there", required_argument, NULL, 't' },
	OPT_COMMON_LONG,
};

/* ---- sockets */

static void
resolve(const char *text, bool listen, struct sockaddr_storage *ss, socklen_t *len)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *ai;
	char host[256], port[8];
	uint16_t number;

	if (url_parse_listen(text, host, sizeof(host), &number) < 0 ||
	    (!listen && (number == 0 || host[0] == '\0')))
		fatal(EXIT_USAGE, 0, "'%s' is no address", text);
	snprintf(port, sizeof(port), "%u", number);
	if (getaddrinfo(host[0] != '\0' ? host : "127.0.0.1", port, &hints, &ai) != 0)
		fatal(EXIT_USAGE, 0, "cannot find '%s'", text);
	memcpy(ss, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	freeaddrinfo(ai);
}

static int
open_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, size = BUFFER;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

static void
say_where(int fd, const char *target)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	char host[64], port[8];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		log_info(ss.ss_family == AF_INET6 ? "listening on [%s]:%s for %s" :
		    "listening on %s:%s for %s", host, port, target);
}

static void
add_link(struct net *n, char *arg)
{
	struct net_link *l = &n->link[n->nlink];
	char *eq = strchr(arg, '=');
	struct sockaddr_storage at;
	socklen_t len;

	if (eq == NULL)
		opt_usage(help, "'%s' is not PORT=ADDRESS:PORT", arg);
	if (n->nlink++ == LINKS)
		fatal(EXIT_USAGE, 0, "more than %d links", LINKS);
	*eq = '\0';
	resolve(arg, true, &at, &len);
	resolve(eq + 1, false, &l->target, &l->target_len);
	l->fd = open_socket(at.ss_family);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&at, len) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot listen on '%s'", arg);
	for (int i = 0; i < PEERS; i++)
		l->peer[i].fd = -1;
	say_where(l->fd, eq + 1);
}

/* Who sent this; a new one gets a socket, or -1. */
static int
find_peer(struct net_link *l, const struct sockaddr_storage *from, socklen_t len,
    int64_t now_ns)
{
	static unsigned serial;
	int oldest = 0;
	struct peer *p;

	for (int i = 0; i < PEERS; i++) {
		p = &l->peer[i];
		if (p->fd >= 0 && p->addr_len == len && memcmp(&p->addr, from, len) == 0) {
			p->seen_ns = now_ns;
			return i;
		}
		if (p->fd < 0 || (l->peer[oldest].fd >= 0 &&
		    p->seen_ns < l->peer[oldest].seen_ns))
			oldest = i;
	}
	p = &l->peer[oldest];
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct peer){ .addr = *from, .addr_len = len, .seen_ns = now_ns,
	    .serial = ++serial };
	p->fd = open_socket(l->target.ss_family);
	if (p->fd >= 0 && connect(p->fd, (struct sockaddr *)&l->target,
	    l->target_len) < 0) {
		close(p->fd);
		p->fd = -1;
	}
	return p->fd < 0 ? -1 : oldest;
}

/* ---- what waits: a binary heap */

static bool
before(const struct parcel *a, const struct parcel *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void
push(struct net *n, struct parcel *p)
{
	size_t i = n->n;

	if (n->n == n->size) {
		size_t size = n->size * 2 + 1024;
		struct parcel **heap = realloc(n->heap, size * sizeof(void *));

		if (heap == NULL) {
			n->dropped++;
			free(p);
			return;
		}
		n->heap = heap;
		n->size = size;
	}
	p->order = n->order++;
	n->bytes += p->len;
	n->n++;
	for (; i > 0 && before(p, n->heap[(i - 1) / 2]); i = (i - 1) / 2)
		n->heap[i] = n->heap[(i - 1) / 2];
	n->heap[i] = p;
}

static struct parcel *
pop(struct net *n)
{
	struct parcel *first = n->heap[0], *last = n->heap[--n->n];
	size_t i = 0, child;

	n->bytes -= first->len;
	for (; (child = 2 * i + 1) < n->n; i = child) {
		if (child + 1 < n->n && before(n->heap[child + 1], n->heap[child]))
			child++;
		if (!before(n->heap[child], last))
			break;
		n->heap[i] = n->heap[child];
	}
	n->heap[i] = last;
	return first;
}

static void
put_parcel(struct net *n, struct net_link *l, unsigned way, int peer,
    const uint8_t *data, size_t len, int64_t due_ns, int64_t flip)
{
	struct parcel *p;

	if (n->bytes + len > HEAP_MAX || (p = malloc(sizeof(*p) + len)) == NULL) {
		n->dropped++;
		return;
	}
	*p = (struct parcel){ .due_ns = due_ns, .link = l, .way = way,
	    .peer = (unsigned)peer, .serial = l->peer[peer].serial, .len = len };
	memcpy(p->data, data, len);
	if (flip >= 0)
		p->data[flip / 8] ^= (uint8_t)(1 << flip % 8);
	push(n, p);
}

static void
send_due(struct net *n, int64_t now_ns)
{
	while (n->n > 0 && n->heap[0]->due_ns <= now_ns) {
		struct parcel *p = pop(n);
		struct peer *peer = &p->link->peer[p->peer];
		ssize_t r = 0;

		if (peer->fd < 0 || peer->serial != p->serial)
			n->dropped++;		/* who it was for has made room */
		else if (p->way == THERE)
			r = send(peer->fd, p->data, p->len, 0);
		else
			r = sendto(p->link->fd, p->data, p->len, 0,
			    (struct sockaddr *)&peer->addr, peer->addr_len);
		/* Nobody listens there, perhaps not yet: as on a real network. */
		if (r < 0 && errno != ECONNREFUSED)
			n->send_errors++;
		else
			n->sent++;
		free(p);
	}
}

/* ---- what comes */

static void
decide(struct net *n, struct net_link *l, unsigned way, int peer,
    const uint8_t *data, size_t len, int64_t now_ns)
{
	struct impair *m = &l->way[way];
	struct impairlog_line line = {
		.n = m->n, .link = (unsigned)(l - n->link), .way = way_name[way],
		.at_ns = now_ns - n->start_ns, .len = len,
	};

	line.verdict = impair_next(m, now_ns, len);
	impairlog_replay(&n->log, &line, now_ns);
	impairlog_write(&n->log, &line, now_ns);
	if (line.verdict.what != IMPAIR_PASS)
		return;
	put_parcel(n, l, way, peer, data, len, line.verdict.due_ns, line.verdict.flip);
	if (line.verdict.copy_ns >= 0)
		put_parcel(n, l, way, peer, data, len, line.verdict.copy_ns, -1);
}

/* What the kernel says beside a datagram: how many it had no room for. */
static void
note_overflow(struct net_link *l, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		uint32_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&n, CMSG_DATA(c), sizeof(n));
		if (n > l->overflow)
			l->overflow = n;
	}
}

/* peer -1: from the side that listens. */
static void
take(struct net *n, struct net_link *l, int fd, int peer)
{
	static uint8_t buf[DATAGRAM];

	for (int i = 0; i < TURN; i++) {
		struct sockaddr_storage from = { 0 };
		struct iovec iov = { buf, sizeof(buf) };
		char control[64];
		struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from),
		    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		    .msg_controllen = sizeof(control) };
		ssize_t len = recvmsg(fd, &msg, 0);
		int64_t now_ns = clk_mono_ns();
		int who = peer;

		if (len < 0)
			return;
		note_overflow(l, &msg);
		if (peer < 0)
			who = find_peer(l, &from, msg.msg_namelen, now_ns);
		else
			l->peer[peer].seen_ns = now_ns;
		if (who >= 0)
			decide(n, l, peer < 0 ? THERE : BACK, who, buf, (size_t)len, now_ns);
		else
			n->dropped++;
	}
}

/* ---- numbers */

static json_t *
count_way(const struct net_link *l, unsigned i, unsigned way)
{
	const struct impair *m = &l->way[way];

	return json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "link", (int)i, "way", way_name[way], "packets", (json_int_t)m->n,
	    "passed", (json_int_t)m->count[IMPAIR_PASS],
	    "lost", (json_int_t)m->count[IMPAIR_LOSS],
	    "outage", (json_int_t)m->count[IMPAIR_OUTAGE],
	    "queue", (json_int_t)m->count[IMPAIR_QUEUE],
	    "duplicated", (json_int_t)m->duplicated,
	    "corrupted", (json_int_t)m->corrupted,
	    "reordered", (json_int_t)m->reordered);
}

static void
write_stats(const struct net *n, struct stats *stats)
{
	json_t *ways = json_array();
	uint64_t overflow = 0;

	for (unsigned i = 0; i < n->nlink; i++) {
		overflow += n->link[i].overflow;
		for (unsigned way = 0; way < WAYS; way++)
			json_array_append_new(ways, count_way(&n->link[i], i, way));
	}
	stats_write(stats, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "ways", ways,
	    "waiting", (json_int_t)n->n, "sent", (json_int_t)n->sent,
	    "dropped", (json_int_t)n->dropped, "kernel_overflow", (json_int_t)overflow,
	    "send_errors", (json_int_t)n->send_errors));
}

static void
run(struct net *n, struct stats *stats)
{
	while (!io_stopping()) {
		struct pollfd pfd[LINKS * (PEERS + 1)];
		struct { struct net_link *link; int peer; } who[LINKS * (PEERS + 1)];
		int64_t now_ns = clk_mono_ns(), next_ns = INT64_MAX;
		unsigned count = 0;

		if (stats_due(stats))
			write_stats(n, stats);
		send_due(n, now_ns);
		for (unsigned i = 0; i < n->nlink; i++) {
			struct net_link *l = &n->link[i];

			for (int p = -1; p < PEERS; p++) {
				int fd = p < 0 ? l->fd : l->peer[p].fd;

				if (fd < 0)
					continue;
				pfd[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
				who[count].link = l;
				who[count++].peer = p;
			}
		}
		if (n->n > 0)
			next_ns = n->heap[0]->due_ns;
		if (stats->fd >= 0 && stats->next_ns < next_ns)
			next_ns = stats->next_ns;
		next_ns = next_ns == INT64_MAX ? -1 : next_ns > now_ns ? next_ns - now_ns : 0;
		if (io_wait(pfd, count, next_ns) <= 0)
			continue;
		for (unsigned i = 0; i < count; i++)
			if (pfd[i].revents != 0)
				take(n, who[i].link, pfd[i].fd, who[i].peer);
	}
}

/* It is there until the end. */
static void
read_trace(struct impair_spec *spec)
{
	struct impairtrace *t = NULL;
	unsigned line;
	int err = impairtrace_read(&t, spec->trace_path, &line);

	if (err == -EBADMSG)
		fatal(EXIT_INPUT, 0, "'%s', line %u: this is no trace of times in ms",
		    spec->trace_path, line);
	if (err < 0)
		fatal(EXIT_RUNTIME, -err, "cannot read '%s'", spec->trace_path);
	spec->trace = t;
}

static void
parse_spec(struct impair_spec *spec, const char *arg)
{
	char *text = strdup(arg);
	const char *wrong = arg, *lack = NULL;

	if (text == NULL || impair_parse(spec, text, &wrong, &lack) < 0)
		wrong = text == NULL || wrong == arg ? arg : arg + (wrong - text);
	else
		wrong = NULL;
	free(text);
	if (wrong != NULL && lack != NULL)
		fatal(EXIT_USAGE, 0, "'%s': '%.*s' does nothing without %s", arg,
		    (int)strcspn(wrong, ","), wrong, lack);
	if (wrong != NULL)			/* in arg: text has been cut up */
		fatal(EXIT_USAGE, 0, "'%s' is not what a network can be: '%.*s'", arg,
		    (int)strcspn(wrong, ","), wrong);
	if (*spec->trace_path != '\0' && spec->trace == NULL)
		read_trace(spec);
}

int
main(int argc, char *argv[])
{
	static struct net n;
	struct impair_spec spec[WAYS];
	const char *log = NULL, *replay = NULL, *target = NULL;
	uint64_t seed = 1;
	struct stats stats;
	int c, err;

	log_init("mconnect-impair");
	for (int way = 0; way < WAYS; way++)
		spec[way] = (struct impair_spec){ .queue_ns = CLK_SECOND / 10,
		    .reorder_ns = CLK_SECOND / 100 };
	while ((c = getopt_long(argc, argv, "b:l:S:s:t:" OPT_COMMON, longopts,
	    NULL)) != -1)
		switch (c) {
		case 'b':
			parse_spec(&spec[BACK], optarg);
			break;
		case 'l':
			log = optarg;
			break;
		case OPT_REPLAY:
			replay = optarg;
			break;
		case 'S':
			seed = opt_number("seed", optarg, 0, UINT64_MAX);
			break;
		case 's':
			target = optarg;
			break;
		case 't':
			parse_spec(&spec[THERE], optarg);
			break;
		default:
			opt_common(c, help);
		}
	if (optind == argc)
		opt_usage(help, "no link: say for instance 7001=127.0.0.1:7002");
	io_init_server();
	if ((err = impairlog_open(&n.log, log, replay)) < 0)
		fatal(err == -EBADMSG ? EXIT_INPUT : EXIT_RUNTIME, err == -EBADMSG ? 0 : -err,
		    err == -EBADMSG ? "'%s' is no log of mconnect-impair" :
		    "cannot open '%s'", n.log.failed);
	if ((err = stats_open(&stats, target)) < 0)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err,
		    "cannot open '%s'", target);
	for (; optind < argc; optind++)
		add_link(&n, argv[optind]);
	n.start_ns = clk_mono_ns();
	for (unsigned i = 0; i < n.nlink; i++)
		for (unsigned way = 0; way < WAYS; way++)
			impair_init(&n.link[i].way[way], &spec[way], seed * 64 + i * WAYS + way,
			    n.start_ns);
	run(&n, &stats);
	if (stats.fd >= 0)
		write_stats(&n, &stats);
	if ((err = impairlog_close(&n.log)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot write '%s'", log);
	while (n.n > 0)
		free(pop(&n));
	free(n.heap);
	return EXIT_SUCCESS;
}
