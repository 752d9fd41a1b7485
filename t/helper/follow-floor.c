/*
 * follow-floor - the least that a server can do for readers of a growing object,
 * to measure mstore-serve against.
 *
 * Prints its port.  What a connection PUTs in chunks is one object, in a memory
 * file and as it came, chunk lines included; who GETs gets a head and then one
 * sendfile() for each piece.  It parses nothing, keeps nothing on disk, has no
 * limits and no end: it is killed.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS	512
#define HEAD	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define DONE	"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"

struct peer {
	int fd;
	bool asked;
	off_t pos;
	struct peer *next;		/* reader */
};

struct floor {
	int listen, epoll, mem;
	off_t len;
	struct peer *writer, *readers, **last;
};

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
feed(const struct floor *f, struct peer *p)
{
	while (p->pos < f->len) {
		ssize_t n = sendfile(p->fd, f->mem, &p->pos, (size_t)(f->len - p->pos));

		if (n <= 0)
			break;
	}
}

static void
take_peers(const struct floor *f)
{
	int fd, one = 1;

	while ((fd = accept4(f->listen, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
		struct peer *p = calloc(1, sizeof(*p));

		if (p == NULL)
			die("peer");
		p->fd = fd;
		e.data.ptr = p;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e);
	}
}

static void
say(const struct peer *p, const char *text)
{
	if (send(p->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		die("send");
}

/* The first bytes of a peer: a new object, or a new reader of it. */
static size_t
begin(struct floor *f, struct peer *p, const char *buf, size_t len)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4);

	p->asked = true;
	if (end == NULL)
		die("half a head");
	if (memcmp(buf, "PUT", 3) != 0) {
		say(p, HEAD);
		*f->last = p;
		f->last = &p->next;
		return len;
	}
	f->writer = p;
	f->readers = NULL;
	f->last = &f->readers;
	f->len = 0;
	return (size_t)(end + 4 - buf);
}

static void
receive(struct floor *f, struct peer *p)
{
	static char buf[262144];
	ssize_t n;

	while ((n = read(p->fd, buf, sizeof(buf))) > 0) {
		size_t at = p->asked ? 0 : begin(f, p, buf, (size_t)n);
		size_t len = (size_t)n - at;

		if (p != f->writer || len == 0)
			continue;
		if (pwrite(f->mem, buf + at, len, f->len) != (ssize_t)len)
			die("write");
		f->len += (off_t)len;
		if (len >= 5 && memcmp(buf + at + len - 5, "0\r\n\r\n", 5) == 0)
			say(p, DONE);
	}
	if (n == 0)
		close(p->fd);
}

int
main(void)
{
	struct floor f = { .mem = memfd_create("floor", 0) };
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event ev[EVENTS], e = { .events = EPOLLIN };
	socklen_t size = sizeof(sa);
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	f.last = &f.readers;
	f.epoll = epoll_create1(0);
	f.listen = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(f.listen, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);	/* no pacing */
	if (bind(f.listen, (struct sockaddr *)&sa, size) < 0 ||
	    listen(f.listen, 4096) < 0 ||
	    getsockname(f.listen, (struct sockaddr *)&sa, &size) < 0 ||
	    epoll_ctl(f.epoll, EPOLL_CTL_ADD, f.listen, &e) < 0)
		die("listen");
	printf("%d\n", ntohs(sa.sin_port));
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(f.epoll, ev, EVENTS, -1);
		off_t had = f.len;

		for (int i = 0; i < n; i++) {
			struct peer *p = ev[i].data.ptr;

			if (p == NULL)
				take_peers(&f);
			else if ((ev[i].events & EPOLLIN) != 0)
				receive(&f, p);
			else if (p->asked && p != f.writer)
				feed(&f, p);
		}
		if (f.len > had)
			for (struct peer *p = f.readers; p != NULL; p = p->next)
				feed(&f, p);
	}
}
