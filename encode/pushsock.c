#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "encode/pushsock.h"
#include "lib/base/clk.h"

#define EACH	(5 * CLK_SECOND)	/* of several addresses */
#define UNSENT	(128 << 10)		/* bytes that wait in the system and not here */

void
pushsock_init(struct pushsock *s, struct pushqueue *q, const atomic_bool *quit)
{
	*s = (struct pushsock){ .fd = -1, .queue = q, .quit = quit };
}

void
pushsock_close(struct pushsock *s)
{
	if (s->tls)
		tlsclient_free(&s->session);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->tls = false;
}

int
pushsock_wait(struct pushsock *s, short events, int64_t deadline_ns)
{
	struct pollfd pfd[2] = {
		{ .fd = s->queue->wake, .events = POLLIN }, { .fd = s->fd, .events = events },
	};
	int64_t left = deadline_ns - clk_mono_ns();
	int n;

	if (atomic_load(s->quit))
		return -EINTR;
	left = left < 0 ? 0 : left / 1000000 + 1;
	n = poll(pfd, 2, left > 60000 ? 60000 : (int)left);
	if (n > 0 && pfd[0].revents != 0)
		pushqueue_awake(s->queue);
	if (atomic_load(s->quit))
		return -EINTR;
	return n > 0 ? pfd[1].revents : 0;
}

/* ---- connecting */

static void
set_options(int fd)
{
	int one = 1, unsent = UNSENT;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
#ifdef TCP_NOTSENT_LOWAT
	/* What waits is to wait in our queue, which can drop it. */
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
#endif
	(void)unsent;
}

static int
connect_one(struct pushsock *s, const struct addrinfo *ai, int64_t deadline_ns)
{
	socklen_t len = sizeof(int);
	int r = 0, err = 0;

	s->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	set_options(s->fd);
	if (connect(s->fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	while ((r = pushsock_wait(s, POLLOUT, deadline_ns)) == 0)
		if (clk_mono_ns() >= deadline_ns)
			return -ETIMEDOUT;
	if (r < 0)
		return r;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

static int
connect_any(struct pushsock *s, const struct pushurl *u, int64_t deadline_ns)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list, *ai;
	char port[8];
	int r;

	snprintf(port, sizeof(port), "%u", u->port);
	r = getaddrinfo(u->host, port, &hints, &list);
	if (r != 0)
		return why_failed(s->why, -EHOSTUNREACH, "cannot find '%s': %s", u->host,
		    gai_strerror(r));
	r = -EHOSTUNREACH;
	for (ai = list; ai != NULL; ai = ai->ai_next) {
		int64_t until = clk_mono_ns() + EACH;

		pushsock_close(s);
		r = connect_one(s, ai, until < deadline_ns && ai->ai_next != NULL ? until :
		    deadline_ns);
		if (r == 0 || r == -EINTR)
			break;
	}
	freeaddrinfo(list);
	if (r < 0 && r != -EINTR)
		why_failed(s->why, r, "cannot connect: %s", strerror(-r));
	return r;
}

static int
shake(struct pushsock *s, const struct pushurl *u, int64_t deadline_ns)
{
	int r = tlsclient_init(&s->session, s->fd, u->host);

	if (r < 0)
		return why_failed(s->why, r, "no TLS: %s", strerror(-r));
	s->tls = true;
	while ((r = tlsclient_handshake(&s->session)) == -EAGAIN) {
		if ((r = pushsock_wait(s, s->session.want, deadline_ns)) < 0)
			return r;
		if (r == 0 && clk_mono_ns() >= deadline_ns)
			return why_failed(s->why, -ETIMEDOUT, "no TLS: nothing comes from it");
	}
	if (r < 0)
		why_failed(s->why, r, "%s", s->session.why);
	return r;
}

int
pushsock_open(struct pushsock *s, const struct pushurl *u, int64_t deadline_ns)
{
	int r = connect_any(s, u, deadline_ns);

	return r < 0 || !u->tls ? r : shake(s, u, deadline_ns);
}

/* ---- bytes */

ssize_t
pushsock_read(struct pushsock *s, void *p, size_t len)
{
	ssize_t n;

	if (s->tls)
		return tlsclient_read(&s->session, p, len);
	n = recv(s->fd, p, len, 0);
	return n >= 0 ? n : errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t
pushsock_write(struct pushsock *s, const void *p, size_t len)
{
	ssize_t n;

	if (s->tls)
		return tlsclient_write(&s->session, p, len);
	n = send(s->fd, p, len, MSG_NOSIGNAL);
	return n >= 0 ? n : errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

void
pushsock_end(struct pushsock *s)
{
	if (s->tls)
		tlsclient_end(&s->session);
	shutdown(s->fd, SHUT_WR);
}

uint32_t
pushsock_rtt_us(const struct pushsock *s)
{
#ifdef __linux__
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		return info.tcpi_rtt;
#endif
	(void)s;
	return 0;
}
