/* A connection to the server of RTMP: its bytes, and how long it may take over them. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "ingest/rtmpdpriv.h"
#include "lib/base/log.h"
#include "lib/net/tls.h"

#define TURN		(256u << 10)	/* bytes read of one peer before the next */
#define WAITING_MAX	(64u << 10)	/* answers that a peer does not take */
#define STRANGER_MAX	(128u << 10)	/* bytes read of one before it shows a key */
#define WINDOW		2500000u	/* usual, both ways */

struct rtmpd_conn *
rtmpdconn_new(struct rtmpd *d, int fd, bool tls, const struct sockaddr_storage *from)
{
	int64_t now = clk_mono_ns();
	char host[46] = "?", port[8] = "0";
	struct rtmpd_conn *c;

	if (!budget_take(&d->memory, sizeof(*c)))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL || (tls && (c->ssl = tls_session(d->cfg.tls, fd)) == NULL)) {
		budget_give(&d->memory, sizeof(*c));
		free(c);
		return NULL;
	}
	getnameinfo((const struct sockaddr *)from, sizeof(*from), host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(c->peer, sizeof(c->peer), strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s",
	    strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host, port);
	c->server = d;
	c->fd = fd;
	c->state = tls ? RTMPD_TLS : RTMPD_HELLO;
	c->born_ns = c->heard_ns = now;
	c->end_ns = INT64_MAX;
	c->deadline_ns = now + RTMPD_HANDSHAKE;
	c->window = WINDOW;
	link_init(&c->link);
	rtmp_in_init(&c->in, RTMPD_MESSAGE_FIRST, &d->memory);
	rtmp_out_init(&c->out);
	return c;
}

void
rtmpdconn_free(struct rtmpd_conn *c)
{
	struct rtmpd *d = c->server;

	rtmpdcmd_end(c, "the server ends");
	rtmp_in_free(&c->in);
	rtmp_out_free(&c->out);
	SSL_free(c->ssl);
	close(c->fd);
	link_remove(&c->link);
	explicit_bzero(c->buf, sizeof(c->buf));
	explicit_bzero(&c->connect, sizeof(c->connect));
	free(c);
	budget_give(&d->memory, sizeof(*c));
	d->counts.conns--;
}

void
rtmpdconn_close(struct rtmpd_conn *c)
{
	rtmpdcmd_end(c, "the server ends");
	c->state = RTMPD_DEAD;
	c->deadline_ns = 0;
}

/* ---- bytes */

/* What an SSL_read() or SSL_write() that did nothing means. */
static ssize_t
tls_reason(struct rtmpd_conn *c, int n)
{
	int err = SSL_get_error(c->ssl, n);

	ERR_clear_error();
	if (err == SSL_ERROR_ZERO_RETURN)
		return 0;
	c->want_write = err == SSL_ERROR_WANT_WRITE;
	return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? -EAGAIN :
	    -ECONNRESET;
}

static ssize_t
receive(struct rtmpd_conn *c, void *p, size_t len)
{
	ssize_t n;

	if (c->ssl != NULL) {
		ERR_clear_error();
		n = SSL_read(c->ssl, p, (int)len);
		return n > 0 ? n : tls_reason(c, (int)n);
	}
	n = recv(c->fd, p, len, 0);
	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t
transmit(struct rtmpd_conn *c, const void *p, size_t len)
{
	ssize_t n;

	if (c->ssl != NULL) {
		ERR_clear_error();
		n = SSL_write(c->ssl, p, (int)len);
		return n > 0 ? n : tls_reason(c, (int)n);
	}
	n = send(c->fd, p, len, MSG_NOSIGNAL);
	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

/* The end of a connection that we have not asked for. */
static void
broken(struct rtmpd_conn *c, int err)
{
	bool lingering = c->state == RTMPD_LINGERING;

	if (!lingering && err != 0)
		c->server->counts.failed++;
	rtmpdcmd_end(c, err == -ENOMEM ? "no memory" : err == -EMSGSIZE ?
	    "a message is too long" : err == -EBADMSG ? "what it sends is damaged" :
	    err == 0 ? "it has hung up" : strerror(-err));
	rtmpdconn_close(c);
}

static void
flush(struct rtmpd_conn *c)
{
	c->want_write = false;
	while (c->out.pos < c->out.len) {
		ssize_t n = transmit(c, c->out.data + c->out.pos, c->out.len - c->out.pos);

		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			broken(c, n == 0 ? -EPIPE : (int)n);
			return;
		}
		rtmp_out_sent(&c->out, (size_t)n);
	}
	if (c->out.len - c->out.pos > WAITING_MAX) {
		rtmpd_say(c->server, c->peer, "it does not take our answers");
		broken(c, -EPIPE);
	} else if (c->state == RTMPD_LINGERING && !c->shut && c->out.len == c->out.pos) {
		c->shut = true;
		if (c->ssl != NULL)
			SSL_shutdown(c->ssl);
		ERR_clear_error();
		shutdown(c->fd, SHUT_WR);
	}
}

void
rtmpdconn_linger(struct rtmpd_conn *c)
{
	if (c->state == RTMPD_DEAD)
		return;
	rtmpdcmd_end(c, "it was ended here");
	c->state = RTMPD_LINGERING;
	c->deadline_ns = clk_mono_ns() + RTMPD_LINGER;
	c->len = 0;
	flush(c);
}

/* ---- what they mean */

static void
junk(struct rtmpd_conn *c)
{
	c->server->counts.junk++;
	rtmpd_say(c->server, c->peer, "what it speaks is not RTMP");
	rtmpdconn_close(c);
}

/* Use what has come, as far as it goes.  Returns how much. */
static size_t
hello(struct rtmpd_conn *c)
{
	uint8_t answer[RTMP_HELLO + RTMP_SIG];
	int64_t now = clk_mono_ns();

	if (c->len > 0 && (c->buf[0] < 3 || c->buf[0] > 31)) {
		junk(c);
		return 0;
	}
	if (c->len < RTMP_HELLO)
		return 0;
	if (rtmp_answer(c->buf, (uint32_t)(now / 1000000), answer) < 0 ||
	    rtmp_out_bytes(&c->out, answer, sizeof(answer)) < 0) {
		broken(c, -ENOMEM);
		return 0;
	}
	c->state = RTMPD_ECHO;
	return RTMP_HELLO;
}

static size_t
chunks(struct rtmpd_conn *c)
{
	struct rtmp_msg m;
	size_t done = 0, used;
	int r = 1;

	/* Not while a wrong key waits for its answer: there could be many more behind it. */
	while (c->state == RTMPD_COMMANDS || c->state == RTMPD_PUBLISHING) {
		r = rtmp_in_next(&c->in, c->buf + done, c->len - done, &used, &m);
		done += used;
		if (r <= 0)
			break;
		if ((r = rtmpdcmd_message(c, &m)) < 0)
			break;
	}
	if (r < 0) {
		if (c->slot == NULL && (r == -EBADMSG || r == -EMSGSIZE))
			junk(c);
		else
			broken(c, r);
	}
	return done;
}

static void
consume(struct rtmpd_conn *c)
{
	size_t used = 1;

	while (used > 0 && c->len > 0) {
		switch (c->state) {
		case RTMPD_HELLO:
			used = hello(c);
			break;
		case RTMPD_ECHO:		/* C2: what is in it does not matter */
			used = c->len >= RTMP_SIG ? RTMP_SIG : 0;
			if (used > 0) {
				c->state = RTMPD_COMMANDS;
				c->deadline_ns = c->born_ns + RTMPD_LOGIN;
			}
			break;
		case RTMPD_COMMANDS:
		case RTMPD_PUBLISHING:
			used = chunks(c);
			break;
		case RTMPD_DELAYED:
			used = 0;
			break;
		default:
			used = c->len;
		}
		if (used > 0 && used <= c->len)
			memmove(c->buf, c->buf + used, c->len - used);
		c->len -= used <= c->len ? used : c->len;
	}
}

static void
acknowledge(struct rtmpd_conn *c)
{
	if (c->state < RTMPD_COMMANDS || c->state > RTMPD_PUBLISHING ||
	    c->received - c->acked < c->window / 2)
		return;
	c->acked = c->received;
	rtmp_out_control(&c->out, RTMP_ACK, (uint32_t)c->received);
}

static void
read_some(struct rtmpd_conn *c)
{
	c->more = false;
	for (size_t turn = 0; turn < TURN && c->state != RTMPD_DEAD;) {
		size_t room = sizeof(c->buf) - c->len;
		ssize_t n;

		if (room == 0 && c->state == RTMPD_DELAYED)
			return;			/* it can wait, as the peer does */
		n = receive(c, c->buf + c->len, room);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			broken(c, (int)n);
			return;
		}
		c->heard_ns = clk_mono_ns();
		c->len += (size_t)n;
		c->received += (uint64_t)n;
		turn += (size_t)n;
		if (c->slot != NULL)
			c->slot->bytes += (uint64_t)n;
		c->unkeyed += c->slot == NULL ? (uint64_t)n : 0;
		if (c->state < RTMPD_LINGERING && c->unkeyed > STRANGER_MAX) {
			rtmpd_say(c->server, c->peer, "it sends much and shows no key");
			broken(c, -EMSGSIZE);
			return;
		}
		consume(c);
		acknowledge(c);
		c->more = turn >= TURN;
	}
}

static bool
shake(struct rtmpd_conn *c)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(c->ssl);
	if (n == 1) {
		c->want_write = false;
		c->state = RTMPD_HELLO;
		return true;
	}
	if (tls_reason(c, n) != -EAGAIN) {
		c->server->counts.junk++;
		rtmpd_say(c->server, c->peer, "no TLS comes about with it");
		rtmpdconn_close(c);
	}
	return false;
}

void
rtmpdconn_run(struct rtmpd_conn *c, bool readable)
{
	if (c->state == RTMPD_TLS && !shake(c))
		return;
	if (readable || c->more || c->ssl != NULL)
		read_some(c);
	if (c->state != RTMPD_DEAD)
		flush(c);
}

/* ---- time */

static void
too_slow(struct rtmpd_conn *c)
{
	c->server->counts.slow++;
	rtmpd_say(c->server, c->peer, c->state < RTMPD_COMMANDS ?
	    "its handshake takes too long" : "it does not come to publish");
	rtmpdconn_close(c);
}

static void
tick_publishing(struct rtmpd_conn *c, int64_t now)
{
	int64_t silent = now - c->heard_ns;

	if (now >= c->end_ns) {
		rtmpdconn_linger(c);
		return;
	}
	if (flvunits_tick(c->units, clk_utc_ns()) < 0) {
		broken(c, -ENOMEM);
		return;
	}
	if (silent >= RTMPD_SILENCE) {
		c->server->counts.slow++;
		rtmpdcmd_end(c, "nothing comes from it");
		rtmpdconn_close(c);
		return;
	}
	if (silent >= RTMPD_PING && now - c->ping_ns >= RTMPD_PING) {
		c->ping_ns = now;
		rtmp_out_event(&c->out, RTMP_PING, (uint32_t)(now / 1000000));
		flush(c);
	}
	c->deadline_ns = now + CLK_SECOND / 2;
}

void
rtmpdconn_tick(struct rtmpd_conn *c, int64_t now)
{
	if (c->state == RTMPD_PUBLISHING) {
		tick_publishing(c, now);
		return;
	}
	if (now < c->deadline_ns)
		return;
	switch (c->state) {
	case RTMPD_DELAYED:
		rtmpdcmd_refuse(c);
		break;
	case RTMPD_LINGERING:
		rtmpdconn_close(c);
		break;
	case RTMPD_DEAD:
		break;
	default:
		too_slow(c);
	}
}
