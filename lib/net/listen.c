/*
 * Listeners of httpd.h, and the connections that come there: loop 0 takes them in and
 * hands them round.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/url.h"
#include "lib/net/conn.h"
#include "lib/net/tcplisten.h"

#define ACCEPT_TURN	256
#define BACKLOG		4096

static void
name_of(int fd, char name[static HTTPD_PEER])
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[40] = "?", port[8] = "0";

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port,
		    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(name, HTTPD_PEER, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

int
httpd_listen(struct httpd *s, const char *text, int kind,
    struct httpd_listener **out)
{
	struct httpd_listener *l = &s->listener[s->nlisten];
	char host[256];
	uint16_t port;
	bool tls = strncmp(text, "https://", 8) == 0;
	int fd;

	text += tls ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	if (s->nlisten == HTTPD_LISTEN_MAX)
		return -ENOSPC;
	if (url_parse_listen(text, host, sizeof(host), &port) < 0)
		return -EINVAL;
	fd = tcp_listen(host, port, BACKLOG, &l->loopback);
	if (fd < 0)
		return fd;
	l->kind = kind;
	l->tls = tls;
	l->fd = fd;
	name_of(fd, l->name);
	s->nlisten++;
	if (out != NULL)
		*out = l;
	return 0;
}

/* ---- new connections */

struct conn_msg {
	struct httpd_msg msg;
	int fd;
	const struct httpd_listener *from;
};

static void
take_conn(struct httpd_loop *l, int fd, const struct httpd_listener *from)
{
	const struct httpd_config *k = &l->server->config;
	struct link *idle = &l->timer[HTTPD_IDLE];

	/* Room for the new: the longest idle goes. */
	if (atomic_load(&l->conns) * k->threads >= k->max_conns - k->max_conns / 10 &&
	    !link_empty(idle))
		conn_close(LINK_OF(idle->next, struct httpd_conn, timer_link), false);
	conn_new(l, fd, from);
}

static void
on_conn(struct httpd_loop *l, struct httpd_msg *m)
{
	struct conn_msg *cm = (struct conn_msg *)m;

	take_conn(l, cm->fd, cm->from);
	free(cm);
}

static void
hand_over(struct httpd_loop *self, int fd, const struct httpd_listener *from)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
	    "Retry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	struct httpd *s = self->server;
	unsigned total = 0, best = 0;
	struct conn_msg *cm;

	for (unsigned i = 0; i < s->config.threads; i++) {
		unsigned n = atomic_load(&s->loop[i].conns);

		total += n;
		if (n < atomic_load(&s->loop[best].conns))
			best = i;
	}
	if (total >= s->config.max_conns) {
		httpd_add(&self->stats.refused, 1);
		if (!from->tls)
			send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL);
		close(fd);
		return;
	}
	atomic_fetch_add(&s->loop[best].conns, 1);
	if (best == self->index) {
		take_conn(self, fd, from);
		return;
	}
	cm = malloc(sizeof(*cm));
	if (cm == NULL) {
		atomic_fetch_sub(&s->loop[best].conns, 1);
		close(fd);
		return;
	}
	*cm = (struct conn_msg){ .msg.run = on_conn, .fd = fd, .from = from };
	httpd_post(&s->loop[best], &cm->msg);
}

void
listen_watch(struct httpd_loop *l, uint32_t events)
{
	for (unsigned i = 0; l->index == 0 && i < l->server->nlisten; i++) {
		struct epoll_event ev = { .events = events };

		ev.data.ptr = &l->server->listener[i];
		epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->server->listener[i].fd, &ev);
	}
}

void
listen_accept(struct httpd_loop *l, const struct httpd_listener *from)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(from->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			hand_over(l, fd, from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			httpd_add(&l->stats.refused, 1);
			listen_watch(l, 0);	/* until the next tick */
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}
