/*
 * follow-load PORT PATH READERS CHUNK COUNT INTERVAL_MS - many readers of one
 * growing object.
 *
 * One process puts the object, a chunk each interval with the time in it at which
 * it was due; the other reads it READERS times and notes how long after that each
 * chunk was there whole at each reader.  Prints one line of key=value; fails
 * unless every reader got every byte and a proper end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/h1.h"

struct reader {
	int fd;
	bool head_done, ended;
	size_t off;			/* bytes of the body */
	struct h1_chunked chunked;
	uint8_t stamp[8];
};

struct load {
	int port;
	const char *path;
	size_t readers, chunk, count;
	int64_t interval_ns;
	int64_t *delay;
	size_t ndelay, heads, complete, failed;
	uint64_t bytes;
};

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
connect_to(int port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
send_all(int fd, const void *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0)
			die("send");
		p = (const char *)p + n;
		len -= (size_t)n;
	}
}

/* The writer, once told by go that all readers are there. */
static void
put(const struct load *l, int fd, int go)
{
	char *buf = calloc(1, l->chunk + 64), answer[512];
	int64_t next;
	ssize_t n;

	if (buf == NULL || read(go, answer, 1) != 1)
		die("writer");
	next = clk_mono_ns();
	for (size_t i = 0; i < l->count; i++) {
		int head = snprintf(buf, 32, "%zx\r\n", l->chunk);
		int64_t now;

		memset(buf + head, (int)i, l->chunk);
		memcpy(buf + head, &next, sizeof(next));
		while ((now = clk_mono_ns()) < next)
			usleep((useconds_t)((next - now) / 1000 + 1));
		next += l->interval_ns;
		memcpy(buf + (size_t)head + l->chunk, "\r\n", 2);
		send_all(fd, buf, (size_t)head + l->chunk + 2);
	}
	send_all(fd, "0\r\n\r\n", 5);
	n = read(fd, answer, sizeof(answer) - 1);
	if (n < 12 || memcmp(answer, "HTTP/1.1 20", 11) != 0)
		die("the answer to PUT");
	exit(0);
}

static void
take(struct load *l, struct reader *r, struct h1_str data, int64_t now)
{
	l->bytes += data.len;
	while (data.len > 0) {
		size_t pos = r->off % l->chunk, n = l->chunk - pos;

		if (n > data.len)
			n = data.len;
		for (size_t i = pos; i < 8 && i < pos + n; i++)
			r->stamp[i] = (uint8_t)data.p[i - pos];
		r->off += n;
		data.p += n;
		data.len -= n;
		if (r->off % l->chunk == 0) {
			int64_t sent;

			memcpy(&sent, r->stamp, sizeof(sent));
			if (l->ndelay < l->readers * l->count)
				l->delay[l->ndelay++] = now - sent;
		}
	}
}

static void
read_some(struct load *l, struct reader *r)
{
	static char buf[1 << 18];
	ssize_t n = read(r->fd, buf, sizeof(buf));
	const char *p = buf;
	int64_t now = clk_mono_ns();

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0 && !r->head_done) {
		const char *end = memmem(buf, (size_t)n, "\r\n\r\n", 4);

		if (end == NULL || memcmp(buf, "HTTP/1.1 200", 12) != 0) {
			n = -1;
		} else {
			r->head_done = true;
			l->heads++;
			p = end + 4;
			n -= p - buf;
		}
	}
	while (n > 0) {
		struct h1_str data;
		size_t used;
		int k = h1_chunked_next(&r->chunked, p, (size_t)n, &used, &data);

		p += used;
		n -= (ssize_t)used;
		if (k == H1_DATA)
			take(l, r, data, now);
		else if (k == H1_END)
			r->ended = true;
		if (k != H1_DATA)
			break;
	}
	if (r->ended || (n <= 0 && p == buf)) {
		l->complete += r->ended && r->off == l->chunk * l->count;
		l->failed += !r->ended;
		close(r->fd);
		r->fd = -1;
	}
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double
ms(const struct load *l, size_t per_mille)
{
	return l->ndelay == 0 ? -1 :
	    (double)l->delay[(l->ndelay - 1) * per_mille / 1000] / 1e6;
}

int
main(int argc, char *argv[])
{
	struct load l = { 0 };
	struct reader *r;
	struct epoll_event ev[512];
	struct rlimit rl;
	struct rusage ru;
	char request[256], head[256];
	int ep, go[2], fd, n, status;
	int64_t start = 0;

	if (argc != 7) {
		fprintf(stderr, "usage: follow-load PORT PATH READERS CHUNK COUNT "
		    "INTERVAL_MS\n");
		return 2;
	}
	l.port = (int)strtol(argv[1], NULL, 10);
	l.path = argv[2];
	l.readers = strtoul(argv[3], NULL, 10);
	l.chunk = strtoul(argv[4], NULL, 10);
	l.count = strtoul(argv[5], NULL, 10);
	l.interval_ns = strtol(argv[6], NULL, 10) * 1000000;
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	r = calloc(l.readers, sizeof(*r));
	l.delay = calloc(l.readers * l.count, sizeof(*l.delay));
	if (r == NULL || l.delay == NULL || pipe(go) < 0)
		die("setup");
	fd = connect_to(l.port);
	n = snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: t\r\n"
	    "Transfer-Encoding: chunked\r\nx-amz-storage-class: TEMPORAL\r\n\r\n", l.path);
	send_all(fd, head, (size_t)n);
	usleep(100000);
	if (fork() == 0)
		put(&l, fd, go[0]);
	close(fd);
	ep = epoll_create1(EPOLL_CLOEXEC);
	n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n",
	    l.path);
	for (size_t i = 0; i < l.readers; i++) {
		struct epoll_event e = { .events = EPOLLIN };

		e.data.ptr = &r[i];
		r[i].fd = connect_to(l.port);
		send_all(r[i].fd, request, (size_t)n);
		fcntl(r[i].fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(ep, EPOLL_CTL_ADD, r[i].fd, &e);
	}
	while (l.complete + l.failed < l.readers) {
		n = epoll_wait(ep, ev, 512, 10000);
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			read_some(&l, ev[i].data.ptr);
		if (start == 0 && l.heads == l.readers) {	/* all are there */
			start = clk_mono_ns();
			if (write(go[1], "", 1) != 1)
				die("pipe");
		}
	}
	wait(&status);
	qsort(l.delay, l.ndelay, sizeof(*l.delay), by_size);
	getrusage(RUSAGE_SELF, &ru);
	printf("readers=%zu complete=%zu p50_ms=%.1f p90_ms=%.1f p99_ms=%.1f "
	    "max_ms=%.1f gbit_s=%.2f client_cpu_s=%.2f\n", l.readers, l.complete,
	    ms(&l, 500), ms(&l, 900), ms(&l, 990), ms(&l, 1000),
	    (double)l.bytes * 8 / (double)(clk_mono_ns() - start),
	    (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
	free(r);
	free(l.delay);
	return l.complete == l.readers && status == 0 ? 0 : 1;
}
