/*
 * blast [-g segments] [-r Mbit/s] [-t seconds] address port
 * blast -l [-n] port
 *
 * Send datagrams of 7 null packets, as fast as it can or at a rate, so many in one call
 * by UDP_SEGMENT.  -l: take what comes (by UDP_GRO, if not -n), until it has been silent
 * for a second; on stdout: datagrams, Mbit, the seconds from first to last, and the
 * seconds of the processor.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAM	1316
#define MOST		48
#define SECOND		INT64_C(1000000000)

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static long
number(const char *arg, long most)
{
	char *end;
	long v = strtol(arg, &end, 10);

	if (end == arg || v < 0 || v > most) {
		fprintf(stderr, "blast: what is '%s'?\n", arg);
		exit(2);
	}
	return v;
}

static struct sockaddr_in
address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)number(port, 65535)) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		fail(host);
	return a;
}

static void
send_for(int64_t seconds, int64_t mbit, int segments, const char *host, const char *port)
{
	static uint8_t buf[MOST * DATAGRAM];
	struct sockaddr_in to = address(host, port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = DATAGRAM;
	int64_t start = now_ns(), due = start, sent = 0;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("socket");
	if (segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
		fail("UDP_SEGMENT");
	for (size_t i = 0; i < sizeof(buf); i += 188)
		memcpy(buf + i, (uint8_t[]){ 0x47, 0x1f, 0xff, 0x10 }, 4);
	while (due < start + seconds * SECOND) {
		if (send(fd, buf, (size_t)segments * DATAGRAM, 0) > 0)
			sent += segments;
		if (mbit == 0) {
			due = now_ns();
			continue;
		}
		due += segments * DATAGRAM * 8 * INT64_C(1000) / mbit;
		if (due > now_ns()) {
			struct timespec ts = { .tv_sec = due / SECOND,
			    .tv_nsec = due % SECOND };

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		}
	}
	printf("%lld\n", (long long)sent);
}

static void
take(bool gro, const char *port)
{
	static uint8_t buf[65536];
	struct sockaddr_in on = address("0.0.0.0", port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1, room = 32 << 20;
	int64_t first = 0, last = 0, bytes = 0;
	struct rusage u;
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&on, sizeof(on)) < 0)
		fail("bind");
	if (gro && setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one)) < 0)
		fail("UDP_GRO");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		last = now_ns();
		if (first == 0) {
			first = last;
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 1, 0 },
			    sizeof(struct timeval));
		}
		bytes += n;
	}
	getrusage(RUSAGE_SELF, &u);
	printf("%lld %lld %.3f %.3f\n", (long long)(bytes / DATAGRAM),
	    (long long)(bytes * 8 / 1000000), (double)(last - first) / 1e9,
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

int
main(int argc, char *argv[])
{
	bool listens = false, gro = true;
	long segments = 1, mbit = 0, seconds = 5;
	int c;

	while ((c = getopt(argc, argv, "g:lnr:t:")) != -1)
		switch (c) {
		case 'g':
			segments = number(optarg, MOST);
			break;
		case 'l':
			listens = true;
			break;
		case 'n':
			gro = false;
			break;
		case 'r':
			mbit = number(optarg, 1000000);
			break;
		case 't':
			seconds = number(optarg, 86400);
			break;
		default:
			return 2;
		}
	if (optind + (listens ? 1 : 2) != argc)
		return 2;
	if (listens)
		take(gro, argv[optind]);
	else
		send_for(seconds, mbit, (int)segments, argv[optind], argv[optind + 1]);
	return 0;
}
