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
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "t/helper/load.h"

#define ANSWER	8192

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
		load_die("send");
	n = read(fd, answer, sizeof(answer));
	if (n < 12 || memcmp(answer, "HTTP/1.1 20", 11) != 0)
		load_die("the answer to PUT");
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
		load_die("a reader was disconnected");
	if (r->want == 0) {
		size_t room = sizeof(r->head) - 1 - (r->got < 511 ? r->got : 511);

		if (r->got < 511)
			memcpy(r->head + r->got, buf, (size_t)n < room ? (size_t)n : room);
		end = strstr(r->head, "\r\n\r\n");
		len = strcasestr(r->head, "content-length:");
		if (end != NULL && len != NULL) {
			if (memcmp(r->head, "HTTP/1.1 200", 12) != 0)
				load_die("not a 200");
			r->want = (size_t)(end + 4 - r->head) +
			    strtoul(len + 15, NULL, 10);
		}
	}
	r->got += (size_t)n;
	return r->want > 0 && r->got >= r->want;
}

int
main(int argc, char *argv[])
{
	struct reader *r;
	struct epoll_event ev[1024];
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
	load_descriptors();
	r = calloc(readers, sizeof(*r));
	delay = calloc(readers * (size_t)rounds, sizeof(*delay));
	if (r == NULL || delay == NULL)
		load_die("setup");
	ep = epoll_create1(EPOLL_CLOEXEC);
	writer = load_connect(port);
	if (writer < 0)
		load_die("connect");
	publish(writer, argv[2], 0);
	kb = load_memory(argv[4]);
	for (size_t i = 0; i < readers; i++) {
		struct epoll_event e = { .events = EPOLLIN };

		e.data.ptr = &r[i];
		r[i].fd = load_connect(port);
		if (r[i].fd < 0)
			load_die("connect");
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
				load_die("send");
		}
		/* Quiet: all requests have been read. */
		for (before = -1; (now = load_ticks(argv[4])) > before + 2; before = now)
			usleep(200000);
		if (load_memory(argv[4]) > kb_held)
			kb_held = load_memory(argv[4]);
		before = load_ticks(argv[4]);
		start = clk_mono_ns();
		publish(writer, argv[2], round + 1);
		while (left > 0) {
			int n = epoll_wait(ep, ev, 1024, 20000);

			if (n <= 0)
				load_die("no answer");
			for (int i = 0; i < n; i++) {
				if (take(ev[i].data.ptr)) {
					delay[ndelay++] = clk_mono_ns() - start;
					left--;
				}
			}
		}
		cpu += load_ticks(argv[4]) - before;
	}
	load_sort(delay, ndelay);
	printf("waiting=%zu p50_ms=%.1f p99_ms=%.1f max_ms=%.1f server_cpu_s=%.2f "
	    "bytes_each=%ld\n", readers, load_ms(delay, ndelay, 500),
	    load_ms(delay, ndelay, 990), load_ms(delay, ndelay, 1000),
	    (double)cpu / (double)sysconf(_SC_CLK_TCK) / rounds,
	    (kb_held - kb) * 1024 / (long)readers);
	free(r);
	free(delay);
	return 0;
}
