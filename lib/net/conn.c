/* Connections: from bytes to requests, and what becomes of the connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/conn.h"
#include "lib/net/h2.h"
#include "lib/net/tls.h"

#define TURNS	16		/* before others have theirs */

void
conn_disarm(struct httpd_conn *c)
{
	link_remove(&c->timer_link);
}

void
conn_arm(struct httpd_conn *c, enum httpd_timer timer)
{
	const struct httpd_config *k = &c->loop->server->config;
	const int64_t span[HTTPD_TIMERS] = {
		k->head_ns, k->idle_ns, k->body_ns, k->send_ns, 2 * CLK_SECOND,
	};

	conn_disarm(c);
	c->timer = timer;
	c->deadline_ns = c->loop->now_ns + span[timer];
	link_append(&c->loop->timer[timer], &c->timer_link);
}

void
conn_later(struct httpd_conn *c)
{
	if (link_empty(&c->run_link))
		link_append(&c->loop->run, &c->run_link);
}

void
conn_free(struct httpd_conn *c)
{
	budget_give(&c->loop->server->memory, c->in_len);
	free(c->in);
	free(c->out);
	free(c);
}

void
conn_new(struct httpd_loop *l, int fd, const struct httpd_listener *from)
{
	struct httpd_conn *c = calloc(1, sizeof(*c));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	socklen_t len = sizeof(c->peer);
	int one = 1;

	if (c == NULL) {
		close(fd);
		atomic_fetch_sub(&l->conns, 1);
		return;
	}
	c->fd = fd;
	c->io = &httpd_io_socket;
	c->loop = l;
	c->listener = from;
	c->stats = from->kind == 0 ? &l->stats : &l->other_stats;
	c->state = CONN_HEAD;
	c->http = 11;
	link_append(&l->all, &c->all_link);
	link_init(&c->timer_link);
	link_init(&c->run_link);
	link_init(&c->wait_link);
	getpeername(fd, (struct sockaddr *)&c->peer, &len);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	httpd_add(&c->stats->accepted, 1);
	conn_arm(c, HTTPD_HEAD);
	if (from->tls) {
		c->tls = true;
		c->state = CONN_HANDSHAKE;
		if (tls_begin(l->server->tls, c) < 0) {
			conn_close(c, true);
			return;
		}
	}
	ev.data.ptr = c;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		conn_close(c, true);
}

/* End the exchange, if there is one, as broken off. */
static void
break_off(struct httpd_conn *c)
{
	if (!c->in_exchange)
		return;
	c->in_exchange = false;
	c->end_ns = clk_mono_ns();
	httpd_add(&c->stats->aborted, 1);
	c->loop->server->app->done(c, false);
}

void
conn_close(struct httpd_conn *c, bool reset)
{
	struct linger hard = { .l_onoff = 1 };

	if (c->state == CONN_DEAD)
		return;
	if (c->stream != 0) {
		h2_stream_end(c);
		break_off(c);
		c->state = CONN_DEAD;
	} else {
		h2_end(c, !reset);
		tls_end(c, !reset);
		if (reset)
			setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		break_off(c);
		c->state = CONN_DEAD;
		close(c->fd);		/* leaves the epoll by itself */
		httpd_add(&c->stats->closed, 1);
		atomic_fetch_sub(&c->loop->conns, 1);
	}
	conn_disarm(c);
	link_remove(&c->all_link);
	link_remove(&c->run_link);
	link_remove(&c->wait_link);
	object_unref(&c->object);
	/* Events of this turn may still point to it. */
	if (c->holds == 0)
		link_append(&c->loop->dead, &c->run_link);
}

void
httpd_hold(struct httpd_conn *c)
{
	c->holds++;
}

bool
httpd_release(struct httpd_conn *c)
{
	c->holds--;
	if (c->state != CONN_DEAD)
		return true;
	if (c->holds == 0)
		link_append(&c->loop->dead, &c->run_link);
	return false;
}

void
httpd_abort(struct httpd_conn *c)
{
	conn_close(c, true);
}

static const char *
refusal(int status)
{
	switch (status) {
	case 408: return "the request came too slowly";
	case 413: return "the body is too long";
	case 414: return "the target is too long";
	case 417: return "only 100-continue can be expected";
	case 431: return "too many or too long fields";
	case 501: return "only chunked can be decoded";
	case 503: return "too much at once";
	case 505: return "only HTTP/1.1 and 1.0 are spoken here";
	default: return "the request is damaged";
	}
}

void
conn_refuse(struct httpd_conn *c, int status)
{
	if (!c->in_exchange) {		/* what there is of a request */
		c->user = NULL;
		c->bytes_in = c->bytes_out = 0;
		c->start_ns = clk_mono_ns();
		c->first_ns = 0;
		c->method = H1_OTHER;
		c->in_exchange = true;
	}
	c->keep_alive = false;
	c->body_unread = true;
	c->head_only = false;
	httpd_reply_text(c, status, NULL, refusal(status));
}

void
conn_begin(struct httpd_conn *c, const struct h1_request *r)
{
	c->minor = r->minor;
	if (c->stream == 0)
		c->http = r->minor == 0 ? 10 : 11;
	c->method = r->method;
	c->keep_alive = r->keep_alive && !atomic_load_explicit(
	    &c->loop->server->stopping, memory_order_relaxed);
	c->head_only = r->method == H1_HEAD;
	c->body_unread = c->stream != 0 ? !c->in_end :
	    r->chunked || r->content_length > 0;
	c->chunked_in = r->chunked && c->stream == 0;
	c->body_left = r->content_length;
	c->expect_continue = r->expect_continue && c->body_unread;
	c->chunked = (struct h1_chunked){ 0 };
	c->user = NULL;
	c->status = 0;
	c->bytes_in = c->bytes_out = 0;
	c->start_ns = clk_mono_ns();
	c->first_ns = 0;
	c->in_exchange = true;
	c->state = CONN_BUSY;
	conn_disarm(c);
	httpd_add(&c->stats->requests[r->method], 1);
	httpd_add(&c->stats->protocol[c->stream != 0], 1);
	c->loop->server->app->request(c, r);
}

void
httpd_take_body(struct httpd_conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = { (void *)(uintptr_t)go_on, sizeof(go_on) - 1 };

	c->state = CONN_BODY;
	conn_arm(c, HTTPD_BODY);
	if (c->stream != 0) {
		h2_stream_take_body(c);
		return;
	}
	if (c->expect_continue &&
	    c->io->sendv(c, &iov, 1, false) != (ssize_t)iov.iov_len)
		c->broken = true;
	conn_later(c);
}

bool
httpd_more_soon(const struct httpd_conn *c)
{
	return c->chunked_in ? c->chunked.left > 0 : c->body_left > 0;
}

/* Take what is the body's from buf.  Returns how much that was. */
static size_t
take_body(struct httpd_conn *c, const char *buf, size_t len)
{
	const struct httpd_app *app = c->loop->server->app;
	struct h1_str data = { buf, 0 };
	size_t used = 0;
	int r = H1_DATA;

	if (c->chunked_in) {
		r = h1_chunked_next(&c->chunked, buf, len, &used, &data);
		if (r < 0) {
			conn_refuse(c, 400);
			return len;
		}
	} else {
		used = data.len = len < c->body_left ? len : (size_t)c->body_left;
		c->body_left -= used;
		if (used == 0)
			r = c->body_left == 0 ? H1_END : H1_MORE;
	}
	if (r == H1_DATA) {
		c->bytes_in += data.len;
		httpd_add(&c->stats->bytes_in, data.len);
		conn_arm(c, HTTPD_BODY);
		app->body(c, data.p, data.len);
	} else if (r == H1_END) {
		c->body_unread = false;
		c->state = CONN_BUSY;
		conn_disarm(c);
		app->body_end(c);
	}
	return used;
}

/* How much of HTTP/2's preface buf begins with; 0 when it is something else. */
static size_t
preface(const char *buf, size_t len)
{
	size_t n = len < H2_MAGIC_LEN ? len : H2_MAGIC_LEN;

	return memcmp(buf, H2_MAGIC, n) == 0 ? n : 0;
}

/* Take requests and bodies from buf, while we can.  Returns what was used. */
static size_t
take(struct httpd_conn *c, const char *buf, size_t len)
{
	struct h1_request *r = &c->loop->req;
	size_t pos = 0, used;

	for (;;)
		switch (c->state) {
		case CONN_HEAD:
			if (pos == len)
				return pos;
			if (!c->used && pos == 0 && (used = preface(buf, len)) > 0) {
				if (used < H2_MAGIC_LEN)
					return pos;
				if (h2_begin(c) < 0) {
					c->broken = true;
					return len;
				}
				break;
			}
			switch (h1_request_parse(r, buf + pos, len - pos, &c->scanned,
			    &used)) {
			case 0:
				if (c->timer != HTTPD_HEAD || link_empty(&c->timer_link))
					conn_arm(c, HTTPD_HEAD);
				return pos;
			case 1:
				c->scanned = 0;
				c->used = true;
				pos += used;
				conn_begin(c, r);
				break;
			default:
				conn_refuse(c, r->status);
				return len;
			}
			break;
		case CONN_BODY:
			used = take_body(c, buf + pos, len - pos);
			pos += used;
			if (used == 0 && c->state == CONN_BODY)
				return pos;
			break;
		case CONN_H2:
			h2_receive(c, buf + pos, len - pos);
			return len;
		case CONN_LINGER:
		case CONN_DEAD:
			return len;
		default:
			return pos;
		}
}

/* Keep what was not used. */
static int
stash(struct httpd_conn *c, const char *buf, size_t len)
{
	struct budget *memory = &c->loop->server->memory;

	if (len != c->in_len) {
		free(c->in);
		budget_give(memory, c->in_len);
		c->in = NULL;
		c->in_len = 0;
		if (len == 0)
			return 0;
		if (!budget_take(memory, len))
			return -ENOMEM;
		c->in = malloc(len);
		if (c->in == NULL) {
			budget_give(memory, len);
			return -ENOMEM;
		}
		c->in_len = len;
	}
	if (len > 0)
		memcpy(c->in, buf, len);
	return 0;
}

/*
 * Receive, and take what can be taken.  Returns 1 when something happened, 0 when
 * there is nothing to receive; the connection may be dead then.
 */
static int
receive(struct httpd_conn *c)
{
	char *buf = c->loop->buf;
	size_t len = c->in_len, used;

	if (len > 0)
		memcpy(buf, c->in, len);
	if (!c->in_ready) {
		size_t room = c->state == CONN_BODY ? CONN_READ - len :
		    CONN_READ_HEAD - len;
		ssize_t n;

		if (!c->readable)
			return 0;
		n = c->io->recv(c, buf + len, room);
		if (n == -EAGAIN) {
			c->readable = false;
			return 0;
		}
		if (n <= 0) {		/* the peer has no more to say */
			c->readable = false;
			if (n < 0 || c->state != CONN_HEAD || len == 0) {
				conn_close(c, n < 0 || c->state == CONN_BODY);
				return 0;
			}
			conn_refuse(c, 400);
			return 1;
		}
		/*
		 * A short read took all there was: an edge tells of more.  Of TLS it
		 * is one record.
		 */
		c->readable = (size_t)n == room || c->ended || c->ssl != NULL;
		len += (size_t)n;
	}
	c->in_ready = false;
	used = take(c, buf, len);
	if (c->state == CONN_DEAD)
		return 0;
	if (stash(c, buf + used, len - used) < 0) {
		if (c->state == CONN_HEAD) {
			conn_refuse(c, 503);
			return 1;
		}
		conn_close(c, true);
		return 0;
	}
	c->in_ready = len > used && c->state != CONN_HEAD && c->state != CONN_BODY;
	return 1;
}

/* Plain HTTP where there is TLS gets a plain answer: people try that. */
static void
refuse_plain(struct httpd_conn *c)
{
	char buf[4096];

	tls_end(c, false);
	c->keep_alive = false;
	while (c->io->recv(c, buf, sizeof(buf)) > 0)
		;
	c->minor = 1;
	c->bytes_in = c->bytes_out = 0;
	c->start_ns = clk_mono_ns();
	c->body_unread = true;
	httpd_reply_text(c, 400, NULL, "this port speaks HTTPS");
}

/* Returns 0 when it has to wait; the connection may be dead then. */
static int
handshake(struct httpd_conn *c)
{
	int r = tls_handshake(c);

	if (r == 0)
		return 0;
	if (r < 0) {
		httpd_add(&c->stats->tls_failed, 1);
		if (r == -EPROTONOSUPPORT)
			refuse_plain(c);
		else
			conn_close(c, false);
		return 0;
	}
	httpd_add(&c->stats->tls_done, 1);
	httpd_add(&c->stats->tls_resumed, tls_is_resumed(c));
	c->state = CONN_HEAD;
	c->readable = true;		/* it may have read more already */
	if (tls_is_h2(c) && h2_begin(c) < 0)
		conn_close(c, true);
	return 1;
}

void
conn_run(struct httpd_conn *c)
{
	if (c->stream != 0) {
		if (c->state != CONN_DEAD)
			h2_stream_run(c);
		return;
	}
	for (int turns = 0; c->state != CONN_DEAD; turns++) {
		int r;

		if (c->broken) {
			conn_close(c, c->state != CONN_LINGER);
			return;
		}
		if (turns == TURNS) {
			conn_later(c);
			return;
		}
		switch (c->state) {
		case CONN_HANDSHAKE:
			if (handshake(c) == 0)
				return;
			break;
		case CONN_H2:
			h2_run(c);
			return;
		case CONN_BUSY:
			return;
		case CONN_REPLY:
			r = reply_run(c);
			if (r == 0)
				return;
			if (r < 0)
				conn_close(c, true);
			else
				reply_done(c);
			break;
		default:
			if (receive(c) == 0)
				return;
		}
	}
}

void
conn_timeout(struct httpd_conn *c)
{
	bool idle = c->stream == 0 && (c->state == CONN_H2 ? c->timer != HTTPD_SEND :
	    c->state == CONN_HEAD && c->in_len == 0);

	if (c->stream != 0 && c->state == CONN_REPLY && !h2_stream_stalled(c)) {
		conn_arm(c, HTTPD_SEND);
		return;
	}
	if (c->state != CONN_LINGER && !idle)
		httpd_add(&c->stats->timeout, 1);
	if (c->state == CONN_HANDSHAKE)
		httpd_add(&c->stats->tls_failed, 1);
	if (c->stream != 0 && c->state == CONN_HEAD) {
		h2_head_timeout(c);
	} else if ((c->state == CONN_HEAD && c->in_len > 0) || c->state == CONN_BODY) {
		conn_disarm(c);
		conn_refuse(c, 408);
		conn_later(c);
	} else {
		conn_close(c, !idle && c->state != CONN_LINGER);
	}
}

void
httpd_peer(const struct httpd_conn *c, char buf[static HTTPD_PEER])
{
	const struct sockaddr_storage *ss = &c->peer;
	const struct sockaddr_in *v4 = (const void *)ss;
	const struct sockaddr_in6 *v6 = (const void *)ss;

	if (ss->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, buf, HTTPD_PEER);
	else if (ss->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], buf, HTTPD_PEER);
	else if (ss->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, buf, HTTPD_PEER);
	else
		snprintf(buf, HTTPD_PEER, "-");
}
