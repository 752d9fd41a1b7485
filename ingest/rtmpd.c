#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "ingest/rtmpdpriv.h"
#include "lib/base/log.h"
#include "lib/net/tcplisten.h"

#define ACCEPT_TURN	32
#define BACKLOG		256
#define SAY_AGAIN	(10 * CLK_SECOND)
#define FORGET		(60 * CLK_SECOND)	/* a wrong key */
#define DELAY_MAX	(8 * CLK_SECOND)
#define WITHOUT		(CLK_SECOND / 10)	/* descriptors, before another look */
#define NO_PLACE	UINT32_MAX

void
rtmpd_digest(const char *app, const char *key, uint8_t digest[static RTMPD_DIGEST])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	char text[2 * RTMP_NAME + 2];
	size_t from = 0, len;
	int n = snprintf(text, sizeof(text), "%s/%s", app, key);

	len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	while (from < len && text[from] == '/')
		from++;
	while (len > from && text[len - 1] == '/')
		len--;
	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(md, text + from, len - from) != 1 ||
	    EVP_DigestFinal_ex(md, digest, NULL) != 1)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	EVP_MD_CTX_free(md);
	explicit_bzero(text, sizeof(text));
}

struct rtmpd *
rtmpd_new(const struct rtmpd_config *cfg)
{
	struct rtmpd *d = calloc(1, sizeof(*d));

	if (d == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	d->cfg = *cfg;
	d->memory.limit = RTMPD_MEMORY;
	link_init(&d->conns);
	return d;
}

void
rtmpd_free(struct rtmpd *d)
{
	if (d == NULL)
		return;
	while (!link_empty(&d->conns))
		rtmpdconn_free(LINK_OF(d->conns.next, struct rtmpd_conn, link));
	for (unsigned i = 0; i < d->nlisten; i++)
		close(d->listen[i].fd);
	free(d);
}

/* ---- listening */

int
rtmpd_listen(struct rtmpd *d, const char *host, uint16_t port, bool tls)
{
	int fd;

	if (d->nlisten == RTMPD_LISTEN)
		return -ENOSPC;
	fd = tcp_listen(host, port, BACKLOG, NULL);
	if (fd < 0)
		return fd;
	d->listen[d->nlisten].fd = fd;
	d->listen[d->nlisten++].tls = tls;
	return 0;
}

/* ---- who comes */

/* Of IPv4 all of it, of IPv6 the network: one host can have as many as it likes. */
static void
what_counts(const struct sockaddr_storage *from, uint8_t addr[static 16])
{
	memset(addr, 0, 16);
	if (from->ss_family == AF_INET) {
		memcpy(addr + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
		addr[10] = addr[11] = 0xff;
	} else if (from->ss_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)from)->sin6_addr;

		memcpy(addr, a, IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8);
	}
}

/* Connections from there that have not shown a key. */
static unsigned
strangers(const struct rtmpd *d, const uint8_t addr[static 16])
{
	unsigned n = 0;

	for (const struct link *l = d->conns.next; l != &d->conns; l = l->next) {
		const struct rtmpd_conn *c = LINK_OF(l, struct rtmpd_conn, link);

		n += c->slot == NULL && memcmp(c->addr, addr, 16) == 0;
	}
	return n;
}

/* Who waits stays in the queue of the socket, which would wake us at once again. */
static void
wait_to_accept(struct rtmpd *d)
{
	int64_t now = clk_mono_ns();

	if (d->accept_ns == 0 || now - d->accept_ns > SAY_AGAIN)
		log_warn(errno, "cannot take connections for now");
	d->accept_ns = now + WITHOUT;
}

static void
accept_some(struct rtmpd *d, int listener, bool tls)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof(from);
		int fd = accept4(listener, (struct sockaddr *)&from, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
		struct rtmpd_conn *c;
		uint8_t addr[16];

		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				wait_to_accept(d);
			return;
		}
		what_counts(&from, addr);
		d->counts.accepted++;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
		c = d->counts.conns < RTMPD_CONNS && strangers(d, addr) < RTMPD_STRANGERS ?
		    rtmpdconn_new(d, fd, tls, &from) : NULL;
		if (c == NULL) {
			d->counts.full++;
			close(fd);
			continue;
		}
		memcpy(c->addr, addr, sizeof(addr));
		link_append(&d->conns, &c->link);
		d->counts.conns++;
	}
}

int64_t
rtmpd_wrong_key(struct rtmpd *d, const uint8_t addr[static 16])
{
	int64_t now = clk_mono_ns(), delay;
	struct rtmpd_addr *a = &d->addr[0];

	d->counts.wrong_keys++;
	for (unsigned i = 0; i < RTMPD_ADDRS; i++) {
		if (memcmp(d->addr[i].addr, addr, 16) == 0) {
			a = &d->addr[i];
			break;
		}
		if (d->addr[i].last_ns < a->last_ns)
			a = &d->addr[i];
	}
	if (memcmp(a->addr, addr, 16) != 0 || now - a->last_ns > FORGET)
		a->wrong = 0;
	memcpy(a->addr, addr, 16);
	a->last_ns = now;
	delay = a->wrong < 4 ? CLK_SECOND / 2 << a->wrong : DELAY_MAX;
	a->wrong += a->wrong < 4;
	return delay;
}

void
rtmpd_say(struct rtmpd *d, const char *peer, const char *why)
{
	int64_t now = clk_mono_ns();

	if (d->told_ns != 0 && now - d->told_ns < SAY_AGAIN) {
		d->untold++;
		return;
	}
	if (d->untold > 0)
		log_warn(0, "'%s' is refused: %s (%" PRIu64 " more were before)", peer, why,
		    d->untold);
	else
		log_warn(0, "'%s' is refused: %s", peer, why);
	d->told_ns = now;
	d->untold = 0;
}

/* Who has a key can come and go as often as he likes, and would fill the log. */
bool
rtmpd_may_tell(struct rtmpd_slot *slot)
{
	int64_t now = clk_mono_ns(), since = (now - slot->told_ns) / RTMPD_TELL;

	if (since > 0) {
		slot->told -= since < slot->told ? (unsigned)since : slot->told;
		slot->told_ns = now;
	}
	if (slot->told >= RTMPD_TELLS) {
		slot->untold++;
		return false;
	}
	if (slot->untold > 0)
		log_warn(0, "there were %" PRIu64 " more messages about publishers of '%s'",
		    slot->untold, slot->name);
	slot->untold = 0;
	slot->told++;
	return true;
}

/* ---- the loop */

static short
events_of(const struct rtmpd_conn *c)
{
	bool out = c->out.len > c->out.pos || c->want_write;
	bool in = c->state != RTMPD_DELAYED || c->len < sizeof(c->buf);

	return (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
}

unsigned
rtmpd_prepare(struct rtmpd *d, struct pollfd *pfd, unsigned max, int64_t *deadline_ns)
{
	bool accepts = clk_mono_ns() >= d->accept_ns;
	unsigned n = 0;

	if (!accepts && d->accept_ns < *deadline_ns)
		*deadline_ns = d->accept_ns;
	d->nset = 0;
	for (unsigned i = 0; i < d->nlisten && n < max; i++) {
		pfd[n++] = (struct pollfd){ .fd = d->listen[i].fd,
		    .events = accepts ? POLLIN : 0 };
		d->nset++;
	}
	for (struct link *l = d->conns.next; l != &d->conns; l = l->next) {
		struct rtmpd_conn *c = LINK_OF(l, struct rtmpd_conn, link);

		c->place = n < max ? n : NO_PLACE;
		if (n < max)
			pfd[n++] = (struct pollfd){ .fd = c->fd, .events = events_of(c) };
		if (c->deadline_ns < *deadline_ns)
			*deadline_ns = c->deadline_ns;
		if (c->more)
			*deadline_ns = 0;
	}
	return n;
}

void
rtmpd_act(struct rtmpd *d, const struct pollfd *pfd, unsigned n)
{
	int64_t now = clk_mono_ns();

	for (struct link *l = d->conns.next, *next; l != &d->conns; l = next) {
		struct rtmpd_conn *c = LINK_OF(l, struct rtmpd_conn, link);
		int got = c->place < n ? pfd[c->place].revents : 0;

		next = l->next;
		c->place = NO_PLACE;
		/* Nobody waits for this answer; what is not read would wake us for ever. */
		if (c->state == RTMPD_DELAYED && (got & (POLLHUP | POLLERR)) != 0) {
			d->counts.failed++;
			rtmpdconn_close(c);
		} else if (got != 0 || c->more) {
			rtmpdconn_run(c, (got & (POLLIN | POLLHUP | POLLERR)) != 0);
		}
		rtmpdconn_tick(c, now);
	}
	for (struct link *l = d->conns.next, *next; l != &d->conns; l = next) {
		struct rtmpd_conn *c = LINK_OF(l, struct rtmpd_conn, link);

		next = l->next;
		if (c->state == RTMPD_DEAD)
			rtmpdconn_free(c);
	}
	for (unsigned i = 0; i < d->nset && i < n && !d->draining; i++)
		if (pfd[i].revents != 0)
			accept_some(d, d->listen[i].fd, d->listen[i].tls);
}

void
rtmpd_revoke(struct rtmpd *d, struct rtmpd_slot *slot)
{
	(void)d;
	if (slot->owner == NULL)
		return;
	rtmpdcmd_status(slot->owner, slot->owner->stream_id, "error",
	    "NetStream.Play.StreamNotFound", "the key is no longer valid");
	rtmpdconn_linger(slot->owner);
}

void
rtmpd_drain(struct rtmpd *d, int64_t grace_ns)
{
	uint8_t p[RTMP_COMMAND_MAX];
	int64_t now = clk_mono_ns();

	d->draining = true;
	for (unsigned i = 0; i < d->nlisten; i++)
		close(d->listen[i].fd);
	d->nlisten = d->nset = 0;
	for (struct link *l = d->conns.next; l != &d->conns; l = l->next) {
		struct rtmpd_conn *c = LINK_OF(l, struct rtmpd_conn, link);
		int len;

		if (c->state != RTMPD_PUBLISHING) {
			rtmpdconn_close(c);
			continue;
		}
		if ((c->connect.caps.flags & RTMP_CAN_RECONNECT) == 0) {
			rtmpdconn_linger(c);
			continue;
		}
		len = rtmp_put_status(p, sizeof(p), "status",
		    "NetConnection.Connect.ReconnectRequest", "the server ends", NULL);
		if (len > 0)
			rtmp_out_put(&c->out, &(struct rtmp_msg){ .csid = 3,
			    .type = RTMP_COMMAND, .data = p, .len = (size_t)len });
		c->end_ns = now + grace_ns;
		rtmpdconn_run(c, false);
	}
}

const struct rtmpd_counts *
rtmpd_counts(const struct rtmpd *d)
{
	return &d->counts;
}
