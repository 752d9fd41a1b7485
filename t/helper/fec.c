/*
 * fec send [option...] port... <ts	media to each port, columns to port + 2, rows to + 4
 *	-m LxD	the matrix [5x5]	-c	columns only	-a	staircase
 *	-n N	another matrix, DxL, and back, each N packets
 *	-w MS	wait after each 16 packets [2]
 * fec recv [option...] port... >ts			each port is a leg; ends by a BYE, or a second
 *					after the last packet
 *	-o FILE	what came, before any was dropped
 *	-h N	packets to hold back [400]	-r N	that may still come [0]
 * both	-L P	drop P of 1000 of the media	-F P	and of the FEC	-S SEED	of that [1]
 *
 * The receiver prints counts as key=value on stderr: wrong are recovered packets that
 * are not what it had dropped itself.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/fec2022.h"
#include "lib/net/fec2022dec.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtcp.h"
#include "lib/net/rtp.h"
#include "lib/net/rtpstat.h"

#define LEGS	4
#define SIZE	2048
#define TS	(7 * 188)

struct options {
	unsigned l, d, change, wait_ms, hold, reorder, loss, fec_loss;
	bool	 columns_only, staircase;
	const char *sent;
	unsigned nleg, port[LEGS];
};

static bool
unlucky(unsigned of_1000)
{
	return (unsigned)(random() % 1000) < of_1000;
}

/* ---- send */

static void
send_to(int fd, unsigned port, const uint8_t *p, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	/* Nobody listens there, perhaps: as it goes. */
	sendto(fd, p, len, 0, (struct sockaddr *)&to, sizeof(to));
}

static struct fec_enc *
encoder(const struct options *o, bool other)
{
	struct fec_spec spec = { .l = other ? o->d : o->l, .d = other ? o->l : o->d,
	    .rows = !o->columns_only, .staircase = o->staircase, .size = SIZE };
	struct fec_enc *e;

	if (fec_enc_new(&e, &spec) < 0) {
		fprintf(stderr, "no matrix: %u x %u\n", spec.l, spec.d);
		exit(2);
	}
	return e;
}

static void
send_fec(const struct options *o, int fd, struct fec_enc *e)
{
	const uint8_t *fec;
	size_t len;
	bool row;

	while ((len = fec_enc_pop(e, &fec, &row)) > 0)
		for (unsigned leg = 0; leg < o->nleg; leg++)
			if (!unlucky(o->fec_loss))
				send_to(fd, o->port[leg] + (row ? FEC_PORT_ROW : FEC_PORT_COLUMN),
				    fec, len);
}

static int
do_send(const struct options *o)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct fec_enc *e = encoder(o, false);
	uint8_t ts[TS], p[SIZE];
	size_t n, len;

	for (unsigned i = 0; (n = fread(ts, 188, 7, stdin)) > 0; i++) {
		struct rtp_packet pkt = { .type = RTP_TYPE_TS, .seq = (uint16_t)(65000 + i),
		    .timestamp = i * 90, .ssrc = 0, .payload = ts, .payload_len = n * 188 };

		if (o->change > 0 && i > 0 && i % o->change == 0) {
			fec_enc_flush(e);
			send_fec(o, fd, e);
			fec_enc_free(e);
			e = encoder(o, i / o->change % 2 == 1);
		}
		len = (size_t)rtp_put(p, sizeof(p), &pkt);
		fec_enc_push(e, p, len);
		for (unsigned leg = 0; leg < o->nleg; leg++)
			if (!unlucky(o->loss))
				send_to(fd, o->port[leg], p, len);
		send_fec(o, fd, e);
		if (i % 16 == 15)
			nanosleep(&(struct timespec){ .tv_nsec = o->wait_ms * 1000000L }, NULL);
	}
	fec_enc_flush(e);
	send_fec(o, fd, e);
	fec_enc_free(e);
	len = (size_t)rtcp_put_report(p, sizeof(p), &(struct rtcp_report){ .sender = true });
	len += (size_t)rtcp_put_cname(p + len, sizeof(p) - len, 0, "fec");
	len += (size_t)rtcp_put_bye(p + len, sizeof(p) - len, 0, "end");
	for (unsigned leg = 0; leg < o->nleg; leg++)
		send_to(fd, o->port[leg] + 1, p, len);
	return 0;
}

/* ---- receive */

struct receiver {
	const struct options *o;
	struct fec_dec *dec;
	struct rtp_ext ext;
	struct rtp_stat stat[LEGS];
	FILE	*sent;
	uint64_t first, next;		/* to be written */
	unsigned dropped, by_row, by_column, missing, wrong, written, reports, bad;
	unsigned sr_packets;		/* as the sender says */
	bool	 bye;			/* the sender has ended */
	unsigned tail;			/* missing of the last two matrices */
	struct original {
		uint64_t seq;
		size_t	 len;
		uint8_t	 data[SIZE];
	} original[4096];
};

static void *
make(void *ctx, size_t len, uint8_t **data)
{
	(void)ctx;
	return *data = malloc(len);
}

static void
drop(void *ctx, void *pkt)
{
	(void)ctx;
	free(pkt);
}

static void
write_out(struct receiver *r, uint64_t end)
{
	for (; r->next < end; r->next++) {
		const struct fec_slot *s = fec_dec_find(r->dec, r->next);
		const struct original *was = &r->original[r->next % 4096];
		struct rtp_packet pkt;

		if (s == NULL || s->how == FEC_MISSING) {
			r->missing += r->written > 0;
			continue;
		}
		r->by_row += s->how == FEC_BY_ROW;
		r->by_column += s->how == FEC_BY_COLUMN;
		if (s->how != FEC_RECEIVED && was->seq == r->next)
			r->wrong += was->len != s->len || memcmp(was->data, s->data, was->len) != 0;
		rtp_parse(s->data, s->len, &pkt);
		fwrite(pkt.payload, 1, pkt.payload_len, stdout);
		r->written++;
	}
}

static void
take_media(struct receiver *r, unsigned leg, const uint8_t *p, size_t len, int64_t now_ns)
{
	struct original *o;
	struct fec_arrival a;
	struct rtp_packet pkt;
	uint64_t seq;

	if (rtp_parse(p, len, &pkt) < 0) {
		r->bad++;
		return;
	}
	switch (rtp_ext_add(&r->ext, &pkt, &seq)) {
	case RTP_EXT_DOUBT:
		return;
	case RTP_EXT_RESTART:
		fec_dec_reset(r->dec);
		/* fall through */
	case RTP_EXT_FIRST:
		/* Others may have been overtaken by it. */
		r->first = seq;
		r->next = seq - r->o->reorder;
		break;
	default:
		break;
	}
	rtp_stat_add(&r->stat[leg], seq, pkt.timestamp, now_ns);
	o = &r->original[seq % 4096];
	if (r->sent != NULL && o->seq != seq)
		fwrite(pkt.payload, 1, pkt.payload_len, r->sent);
	o->seq = seq;
	o->len = len;
	memcpy(o->data, p, len);
	/* Not the first: who begins with the second cannot know of it. */
	if (seq != r->first && unlucky(r->o->loss)) {
		r->dropped++;
		return;
	}
	a = (struct fec_arrival){ .pkt = malloc(len), .len = len, .leg = leg,
	    .arrival_ns = now_ns };
	a.data = memcpy(a.pkt, p, len);
	fec_dec_media(r->dec, seq, &a);
	if (r->dec->newest > r->next + r->o->hold)
		write_out(r, r->dec->newest - r->o->hold);
}

static void
take_fec(struct receiver *r, unsigned leg, const uint8_t *p, size_t len, int64_t now_ns)
{
	struct fec_arrival a = { .pkt = malloc(len + 1), .len = len, .leg = leg,
	    .arrival_ns = now_ns };

	if (unlucky(r->o->fec_loss)) {
		free(a.pkt);
		return;
	}
	a.data = memcpy(a.pkt, p, len);
	r->bad += fec_dec_fec(r->dec, &a) < 0;
}

static void
take_rtcp(struct receiver *r, const uint8_t *p, size_t len)
{
	static struct rtcp_report report;
	struct rtcp_packet pkt;
	size_t pos = 0;

	if (rtcp_check(p, len) < 0)
		r->bad++;
	while (rtcp_next(p, len, &pos, &pkt) == 1) {
		r->bye |= pkt.type == RTCP_BYE;
		if (rtcp_parse_report(&pkt, &report) == 0 && report.sender) {
			r->reports++;
			r->sr_packets = report.packets;
		}
	}
}

/* A socket, and the datagram that is next there. */
struct port {
	int	 fd;
	bool	 full;
	int64_t	 utc_ns;		/* when the kernel got it */
	size_t	 len;
	uint8_t	 data[65536];
};

static bool
receive(struct port *p)
{
	union {
		char	 space[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { p->data, sizeof(p->data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
	    .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(p->fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *c;
	struct timespec t;

	if (len < 0)
		return false;
	p->len = (size_t)len;
	p->utc_ns = clk_utc_ns();
	if ((c = CMSG_FIRSTHDR(&msg)) != NULL && c->cmsg_type == SCM_TIMESTAMPNS) {
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		p->utc_ns = (int64_t)t.tv_sec * CLK_SECOND + t.tv_nsec;
	}
	return p->full = true;
}

/*
 * The datagram that came first at any port; NULL: none has.  Of what has piled up, the
 * FEC must not be read long before or after the media that it is for.
 */
static struct port *
first_of(struct port *port, unsigned n)
{
	struct port *first = NULL;

	for (unsigned i = 0; i < n; i++)
		if ((port[i].full || receive(&port[i])) &&
		    (first == NULL || port[i].utc_ns < first->utc_ns))
			first = &port[i];
	if (first != NULL)
		first->full = false;
	return first;
}

static int
do_recv(const struct options *o)
{
	static const unsigned above[] = { 0, 1, FEC_PORT_COLUMN, FEC_PORT_ROW };
	static struct receiver r;
	const struct fec_store store = { .make = make, .drop = drop };
	static struct port port[LEGS * 4], *p;
	struct pollfd pfd[LEGS * 4];
	unsigned n = 0, lost = 0;
	int size = 8 << 20, one = 1;

	r.o = o;
	rtp_ext_init(&r.ext, RTP_DROPOUT, false);
	if (fec_dec_new(&r.dec, 1024, o->reorder, &store) < 0 || (o->sent != NULL &&
	    (r.sent = fopen(o->sent, "w")) == NULL))
		return 1;
	for (unsigned leg = 0; leg < o->nleg; leg++) {
		rtp_stat_init(&r.stat[leg], 90000);
		for (unsigned i = 0; i < 4; i++, n++) {
			struct sockaddr_in at = { .sin_family = AF_INET,
			    .sin_port = htons((uint16_t)(o->port[leg] + above[i])),
			    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

			pfd[n] = (struct pollfd){ .fd = socket(AF_INET, SOCK_DGRAM, 0),
			    .events = POLLIN };
			port[n].fd = pfd[n].fd;
			setsockopt(pfd[n].fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
			if (setsockopt(pfd[n].fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
			    sizeof(size)) < 0)
				setsockopt(pfd[n].fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
			if (bind(pfd[n].fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
				perror("bind");
				return 1;
			}
		}
	}
	fprintf(stderr, "listening\n");
	/* After a farewell there is only what waits in the sockets. */
	while (poll(pfd, n, r.bye ? 0 : r.first == 0 ? 30000 : 1000) > 0)
		while ((p = first_of(port, n)) != NULL) {
			unsigned i = (unsigned)(p - port);

			if (i % 4 == 1)
				take_rtcp(&r, p->data, p->len);
			else if (i % 4 > 1)
				take_fec(&r, i / 4, p->data, p->len, clk_mono_ns());
			else if (p->len <= SIZE)
				take_media(&r, i / 4, p->data, p->len, clk_mono_ns());
		}
	fec_dec_settle(r.dec, r.dec->newest + 1000, clk_mono_ns());
	n = 2 * r.dec->leg[0].l * r.dec->leg[0].d;
	if (r.dec->newest > r.next + n)
		write_out(&r, r.dec->newest - n);
	r.tail = r.missing;
	write_out(&r, r.dec->newest + 1);
	r.tail = r.missing - r.tail;
	for (unsigned leg = 0; leg < o->nleg; leg++)
		lost += (unsigned)rtp_stat_lost(&r.stat[leg]);
	fprintf(stderr, "written=%u missing=%u tail=%u by_row=%u by_column=%u wrong=%u dropped=%u "
	    "lost=%u bad=%u false=%u l=%u d=%u changes=%u reports=%u sr_packets=%u\n", r.written,
	    r.missing - r.tail, r.tail, r.by_row, r.by_column, r.wrong, r.dropped, lost, r.bad,
	    (unsigned)(r.dec->leg[0].bad + r.dec->implausible + r.dec->mismatches),
	    r.dec->leg[0].l, r.dec->leg[0].d, (unsigned)r.dec->leg[0].changes, r.reports,
	    r.sr_packets);
	fec_dec_free(r.dec);
	return fflush(stdout) != 0 || (r.sent != NULL && fclose(r.sent) != 0);
}

int
main(int argc, char *argv[])
{
	struct options o = { .l = 5, .d = 5, .wait_ms = 2, .hold = 400 };
	bool sending = argc > 1 && strcmp(argv[1], "send") == 0;
	char *p;
	int c;

	srandom(1);
	argc--;
	argv++;
	while ((c = getopt(argc, argv, "aF:ch:L:m:n:o:r:S:w:")) != -1)
		switch (c) {
		case 'a':
			o.staircase = true;
			break;
		case 'F':
			o.fec_loss = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			o.columns_only = true;
			break;
		case 'h':
			o.hold = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'L':
			o.loss = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			o.l = (unsigned)strtoul(optarg, &p, 10);
			o.d = *p == 'x' ? (unsigned)strtoul(p + 1, NULL, 10) : 0;
			break;
		case 'n':
			o.change = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			o.sent = optarg;
			break;
		case 'r':
			o.reorder = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'S':
			srandom((unsigned)strtoul(optarg, NULL, 10));
			break;
		case 'w':
			o.wait_ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	for (; optind < argc && o.nleg < LEGS; optind++)
		o.port[o.nleg++] = (unsigned)strtoul(argv[optind], NULL, 10);
	if (o.nleg == 0 || optind < argc)
		return 2;
	return sending ? do_send(&o) : do_recv(&o);
}
