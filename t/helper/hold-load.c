/*
 * hold-load PORT PATH READERS PID ROUNDS - many readers that wait for the next part
 * of one low-latency playlist.
 *
 * Puts the playlist, lets every reader ask for the part after it and, when the server
 * PID has been quiet for a while, puts the next: how long after that PUT began each
 * reader has its whole answer; and so on, ROUNDS times on the same connections.  Prints
 * one line of key=value: times, CPU of the server, what a waiting reader costs it in
 * memory.  Fails unless each reader got each answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clk.h"

#define ANSWER	8192

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

/* 12 whole segments and parts 0 to part of the next; as a request. */
static size_t
playlist(char *buf, size_t size, const char *path, int part)
{
	static char text[4096];
	int n = snprintf(text, sizeof(text), "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
	    "#EXT-X-VERSION:9\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,"
	    "PART-HOLD-BACK=0.6,CAN-SKIP-UNTIL=24\n#EXT-X-PART-INF:PART-TARGET=0.2\n"
	    "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI=\"init.mp4\"\n");

	for (int i = 0; i < 12; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "#EXTINF:4.0,\n%d.m4s\n", i);
	for (int i = 0; i <= part; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		    "#EXT-X-PART:DURATION=0.2,URI=\"12.m4s\",BYTERANGE=\"1000@%d\"\n",
		    1000 * i);
	return (size_t)snprintf(buf, size, "PUT %s HTTP/1.1\r\nHost: t\r\n"
	    "x-amz-storage-class: TEMPORAL\r\nContent-Length: %d\r\n\r\n%s", path, n, text);
}

static void
publish(int fd, const char *path, int part)
{
	char buf[8192], answer[512];
	size_t len = playlist(buf, sizeof(buf), path, part);
	ssize_t n;

	if (send(fd, buf, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
	n = read(fd, answer, sizeof(answer));
	if (n < 12 || memcmp(answer, "HTTP/1.1 20", 11) != 0)
		die("the answer to PUT");
}

/* CPU ticks of a process, and its memory in kB. */
static long
ticks(const char *pid)
{
	char path[64], text[1024];
	unsigned long user, sys;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		die(path);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	if (sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
	    "%lu %lu", &user, &sys) != 2)
		die(path);
	return (long)(user + sys);
}

static long
memory(const char *pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "r");
	if (f == NULL)
		die(path);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "VmRSS: %ld", &kb);
	fclose(f);
	return kb;
}

struct reader {
	int	 fd;
	size_t	 got, want;		/* bytes of the answer; want 0: not known yet */
	char	 head[512];
};

/* True when the whole answer is there. */
static bool
take(struct reader *r)
{
	static char buf[ANSWER];
	ssize_t n = read(r->fd, buf, sizeof(buf));
	char *end, *len;

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("a reader was disconnected");
	if (r->want == 0) {
		size_t room = sizeof(r->head) - 1 - (r->got < 511 ? r->got : 511);

		if (r->got < 511)
			memcpy(r->head + r->got, buf, (size_t)n < room ? (size_t)n : room);
		end = strstr(r->head, "\r\n\r\n");
		len = strcasestr(r->head, "content-length:");
		if (end != NULL && len != NULL) {
			if (memcmp(r->head, "HTTP/1.1 200", 12) != 0)
				die("not a 200");
			r->want = (size_t)(end + 4 - r->head) +
			    strtoul(len + 15, NULL, 10);
		}
	}
	r->got += (size_t)n;
	return r->want > 0 && r->got >= r->want;
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int
main(int argc, char *argv[])
{
	struct reader *r;
	struct epoll_event ev[1024];
	struct rlimit rl;
	int64_t *delay;
	size_t readers, ndelay = 0;
	int port, rounds, ep, writer;
	long kb, kb_held = 0, cpu = 0;

	if (argc != 6) {
		fprintf(stderr, "usage: hold-load PORT PATH READERS PID ROUNDS\n");
		return 2;
	}
	port = (int)strtol(argv[1], NULL, 10);
	readers = strtoul(argv[3], NULL, 10);
	rounds = (int)strtol(argv[5], NULL, 10);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	r = calloc(readers, sizeof(*r));
	delay = calloc(readers * (size_t)rounds, sizeof(*delay));
	if (r == NULL || delay == NULL)
		die("setup");
	ep = epoll_create1(EPOLL_CLOEXEC);
	writer = connect_to(port);
	publish(writer, argv[2], 0);
	kb = memory(argv[4]);
	for (size_t i = 0; i < readers; i++) {
		struct epoll_event e = { .events = EPOLLIN };

		e.data.ptr = &r[i];
		r[i].fd = connect_to(port);
		fcntl(r[i].fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(ep, EPOLL_CTL_ADD, r[i].fd, &e);
	}
	for (int round = 0; round < rounds; round++) {
		char request[256];
		size_t len = (size_t)snprintf(request, sizeof(request),
		    "GET %s?_HLS_msn=12&_HLS_part=%d HTTP/1.1\r\nHost: t\r\n\r\n", argv[2],
		    round + 1), left = readers;
		long before, now;
		int64_t start;

		for (size_t i = 0; i < readers; i++) {
			r[i].got = r[i].want = 0;
			memset(r[i].head, 0, sizeof(r[i].head));
			if (send(r[i].fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
				die("send");
		}
		/* Quiet: all requests have been read. */
		for (before = -1; (now = ticks(argv[4])) > before + 2; before = now)
			usleep(200000);
		if (memory(argv[4]) > kb_held)
			kb_held = memory(argv[4]);
		before = ticks(argv[4]);
		start = clk_mono_ns();
		publish(writer, argv[2], round + 1);
		while (left > 0) {
			int n = epoll_wait(ep, ev, 1024, 20000);

			if (n <= 0)
				die("no answer");
			for (int i = 0; i < n; i++) {
				if (take(ev[i].data.ptr)) {
					delay[ndelay++] = clk_mono_ns() - start;
					left--;
				}
			}
		}
		cpu += ticks(argv[4]) - before;
	}
	qsort(delay, ndelay, sizeof(*delay), by_size);
	printf("waiting=%zu p50_ms=%.1f p99_ms=%.1f max_ms=%.1f server_cpu_s=%.2f "
	    "bytes_each=%ld\n", readers, (double)delay[ndelay / 2] / 1e6,
	    (double)delay[ndelay * 99 / 100] / 1e6, (double)delay[ndelay - 1] / 1e6,
	    (double)cpu / (double)sysconf(_SC_CLK_TCK) / rounds,
	    (kb_held - kb) * 1024 / (long)readers);
	free(r);
	free(delay);
	return 0;
}
