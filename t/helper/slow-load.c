/*
 * slow-load PORT FORM COUNT SECONDS OBJECT - peers that are slow on purpose, and one that
 * is not.
 *
 * COUNT connections do, until SECONDS have gone by, what FORM says:
 *
 *     head   send a request head, a byte each 0.2 s
 *     body   PUT, and send the body in the same way
 *     chunk  the same in chunks of one byte
 *     read   ask for OBJECT, and take a byte each 0.2 s
 *     idle   nothing at all
 *     keep   one request, then nothing
 *
 * Meanwhile, and for as long before, another asks for /probe all the time, by a new
 * connection each: prints how long that took, before and during it, how many of the slow
 * were still connected at the end, and the time when the first was thrown out.  Fails
 * if a probe was not answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "t/helper/load.h"

#define STEP_NS		(CLK_SECOND / 5)
#define PROBES		100000

struct probes {
	size_t	 n, failed;
	int64_t	 ns[PROBES];
};

struct slow {
	int	 fd;
	size_t	 sent;
};

static void
probe(struct probes *p, int port)
{
	static const char request[] = "GET /probe HTTP/1.1\r\nHost: t\r\n"
	    "Connection: close\r\n\r\n";
	int64_t start;
	int fd;
	struct timeval limit = { 10, 0 };
	char buf[4096];
	ssize_t n, got = 0;
	bool good = false;

	usleep(1000);
	start = clk_mono_ns();
	fd = load_connect(port);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
		while ((n = recv(fd, buf + (got < 12 ? got : 0),
		    sizeof(buf) - (size_t)(got < 12 ? got : 0), 0)) > 0) {
			got += n;
			good |= got >= 12 && memcmp(buf, "HTTP/1.1 200", 12) == 0;
		}
		close(fd);
	}
	p->failed += !good;
	if (p->n < PROBES)
		p->ns[p->n++] = clk_mono_ns() - start;
}

/* What a slow one sends at first, and then byte by byte for ever. */
static const char *
words(const char *form, const char *object, const char **trickle)
{
	static char first[1024];

	*trickle = NULL;
	if (strcmp(form, "head") == 0) {
		*trickle = "X-Slow: y\r\n";
		return "GET /probe HTTP/1.1\r\nHost: t\r\n";
	}
	if (strcmp(form, "body") == 0) {
		*trickle = "b";
		return "PUT /slow HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n";
	}
	if (strcmp(form, "chunk") == 0) {
		*trickle = "1\r\nc\r\n";
		return "PUT /slow HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
	}
	if (strcmp(form, "idle") == 0)
		return "";
	snprintf(first, sizeof(first), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n",
	    strcmp(form, "read") == 0 ? object : "/probe");
	return first;
}

/* One step of a slow one; false when it has been thrown out. */
static bool
step(struct slow *s, const char *trickle, bool reads)
{
	struct pollfd pfd = { .fd = s->fd };
	char buf[4096];
	ssize_t n = recv(s->fd, buf, reads ? 1 : sizeof(buf), MSG_DONTWAIT);

	/* A reset is seen before all that came ahead of it has been read. */
	if (poll(&pfd, 1, 0) > 0)
		return false;
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return false;
	if (trickle == NULL)
		return true;
	n = send(s->fd, trickle + s->sent++ % strlen(trickle), 1,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	return n == 1 || errno == EAGAIN;
}

static void
report(const char *when, struct probes *p)
{
	load_sort(p->ns, p->n);
	printf("%s: probes=%zu failed=%zu p50_ms=%.2f p99_ms=%.2f max_ms=%.2f ", when, p->n,
	    p->failed, load_ms(p->ns, p->n, 500), load_ms(p->ns, p->n, 990),
	    load_ms(p->ns, p->n, 1000));
}

int
main(int argc, char *argv[])
{
	static struct probes before, during;
	const char *first, *trickle;
	size_t count, alive, refused = 0;
	int64_t start, length, next, thrown = -1;
	struct slow *s;
	int port;

	if (argc != 6) {
		fprintf(stderr, "usage: slow-load PORT FORM COUNT SECONDS OBJECT\n");
		return 2;
	}
	port = (int)strtol(argv[1], NULL, 10);
	count = strtoul(argv[3], NULL, 10);
	length = strtol(argv[4], NULL, 10) * CLK_SECOND;
	first = words(argv[2], argv[5], &trickle);
	load_descriptors();
	s = calloc(count, sizeof(*s));
	if (s == NULL)
		return 1;
	for (start = clk_mono_ns(); clk_mono_ns() - start < length;)
		probe(&before, port);
	for (size_t i = 0; i < count; i++) {
		int small = 4096;

		s[i].fd = load_connect(port);
		refused += s[i].fd < 0;
		setsockopt(s[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		if (s[i].fd >= 0)
			send(s[i].fd, first, strlen(first), MSG_NOSIGNAL);
	}
	start = next = clk_mono_ns();
	while (clk_mono_ns() - start < length) {
		if (clk_mono_ns() >= next) {
			next = clk_mono_ns() + STEP_NS;
			for (size_t i = 0; i < count; i++) {
				if (s[i].fd < 0 ||
				    step(&s[i], trickle, strcmp(argv[2], "read") == 0))
					continue;
				close(s[i].fd);
				s[i].fd = -1;
				if (thrown < 0)
					thrown = (clk_mono_ns() - start) / (CLK_SECOND / 1000);
			}
		}
		probe(&during, port);
	}
	alive = 0;
	for (size_t i = 0; i < count; i++)
		alive += s[i].fd >= 0;
	report("before", &before);
	report("during", &during);
	printf("slow=%zu refused=%zu left=%zu first_thrown_ms=%lld\n", count, refused, alive,
	    (long long)thrown);
	free(s);
	return before.failed + during.failed > 0;
}
