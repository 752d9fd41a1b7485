/*
 * soak [-d seconds] [-r kbit/s] [-s seed] [-u port,port] >pcapng
 * soak -c <ts
 *
 * Two legs of one RTP stream for hours, as a capture of ports 5000 and 5010, or to two
 * ports of 127.0.0.1 in real time: each leg loses packets, singly and in bursts, brings
 * some late, is silent for seconds and once in a while for a minute, and is behind the
 * other by a time that changes.  The sender's clock is 30 ppm fast; PCR, RTP timestamps
 * and sequence numbers wrap, each soon after the start at first.  One leg at least
 * brings each packet, but for some, which neither does: on stderr is how many datagrams
 * there were, and how many of these.
 *
 * -c looks at what came out: each packet has its number.  On stdout: packets, holes and
 * packets that are missing, or were not in order.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GROUP		7
#define TS		188
#define RTP		12
#define IP_UDP		28
#define DATAGRAM	(RTP + GROUP * TS)
#define SECOND		INT64_C(1000000000)
#define MS		(SECOND / 1000)
#define WRAP_27M	((INT64_C(1) << 33) * 300)
#define FIRST_27M	(WRAP_27M - INT64_C(27000000) * 600)	/* PCR wraps in ten minutes */
#define FIRST_RTP	(UINT32_C(0) - 90000 * 300)
#define FIRST_SEQ	65000
#define HEAP		65536

struct event {
	int64_t	 at_ns;
	uint64_t number;		/* of the datagram */
	unsigned leg;
};

struct leg {
	int64_t	 silent_until, silent_next;
	unsigned burst;			/* datagrams still to be lost */
};

struct soak {
	uint64_t random;
	int64_t	 seconds, step_ns;
	bool	 live;
	int	 fd[2];
	struct leg leg[2];
	uint64_t lost, sent[2];
	unsigned nevent;
	struct event heap[HEAP];
	int64_t	 start_ns;
	uint8_t	 block[28 + IP_UDP + DATAGRAM + 4];
};

static uint64_t
next_random(struct soak *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random * UINT64_C(0x2545f4914f6cdd1d);
}

/* One of n times. */
static bool
once_in(struct soak *s, uint64_t n)
{
	return next_random(s) % n == 0;
}

/* ---- the packets */

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static void
put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

/* By the sender's clock, which is fast. */
static int64_t
media_27m(const struct soak *s, uint64_t number)
{
	int64_t ns = (int64_t)number * s->step_ns;

	return ns / 1000 * 27 + ns / 1000 * 27 / 100000 * 3;
}

/* A PCR in the first packet of each eighth datagram; a number in each packet. */
static void
make_packet(const struct soak *s, uint8_t *p, uint64_t number, unsigned i)
{
	bool pcr = i == 0 && number % 8 == 0;
	uint64_t n = number * GROUP + i;

	p[0] = 0x47;
	p[1] = 0x01;
	p[2] = 0x00;
	p[3] = (uint8_t)(0x10 | (n & 15));
	memset(p + 4, (int)(n * 7), TS - 4);
	if (pcr) {
		int64_t v = (FIRST_27M + media_27m(s, number)) % WRAP_27M;
		uint64_t base = (uint64_t)v / 300;

		p[3] |= 0x20;
		p[4] = 7;
		p[5] = 0x10;
		put32(p + 6, (uint32_t)(base >> 1));
		put16(p + 10, (unsigned)((base & 1) << 15 | 0x7e00 | (uint64_t)v % 300));
	}
	put64(p + TS - 8, n);
}

static void
make_datagram(const struct soak *s, uint8_t *p, uint64_t number)
{
	p[0] = 0x80;
	p[1] = 33;
	put16(p + 2, (unsigned)(FIRST_SEQ + number) & 0xffff);
	put32(p + 4, FIRST_RTP + (uint32_t)(media_27m(s, number) / 300));
	put32(p + 8, 0x50a4);
	for (unsigned i = 0; i < GROUP; i++)
		make_packet(s, p + RTP + i * TS, number, i);
}

/* ---- out */

static void
begin_capture(void)
{
	const uint32_t head[] = {
		0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28,
		1, 32, 101, 0, 9 | 1u << 16, 9, 0, 32,
	};

	fwrite(head, sizeof(head), 1, stdout);
}

static void
capture(struct soak *s, const struct event *e)
{
	const uint32_t len = IP_UDP + DATAGRAM, total = sizeof(s->block);
	uint64_t utc = (uint64_t)(INT64_C(1700000000) * SECOND + e->at_ns);
	const uint32_t head[] = { 6, total, 0, (uint32_t)(utc >> 32), (uint32_t)utc, len, len };
	uint8_t *p = s->block + sizeof(head);
	static const uint8_t ip[] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1,
	    10, 0, 0, 2, 0x13, 0x88 };

	memcpy(s->block, head, sizeof(head));
	memcpy(p, ip, sizeof(ip));
	put16(p + 2, len);
	put16(p + 22, e->leg == 0 ? 5000 : 5010);
	put16(p + 24, len - 20);
	make_datagram(s, p + IP_UDP, e->number);
	memcpy(s->block + total - 4, &total, 4);
	if (fwrite(s->block, total, 1, stdout) != 1)
		exit(1);
}

static void
transmit(struct soak *s, const struct event *e)
{
	int64_t at = s->start_ns + e->at_ns;
	struct timespec ts = { .tv_sec = at / SECOND, .tv_nsec = at % SECOND };
	uint8_t p[DATAGRAM];

	make_datagram(s, p, e->number);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	if (send(s->fd[e->leg], p, sizeof(p), 0) < 0)
		perror("send");
}

/* ---- a heap of what is under way */

static void
put_event(struct soak *s, struct event e)
{
	unsigned i = s->nevent++;

	if (s->nevent == HEAP)
		abort();
	for (; i > 0 && s->heap[(i - 1) / 2].at_ns > e.at_ns; i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
}

static struct event
take_event(struct soak *s)
{
	struct event first = s->heap[0], e = s->heap[--s->nevent];
	unsigned i = 0, k;

	while ((k = 2 * i + 1) < s->nevent) {
		k += k + 1 < s->nevent && s->heap[k + 1].at_ns < s->heap[k].at_ns;
		if (s->heap[k].at_ns >= e.at_ns)
			break;
		s->heap[i] = s->heap[k];
		i = k;
	}
	s->heap[i] = e;
	return first;
}

/* ---- what the network does */

static bool
loses(struct soak *s, struct leg *l, const struct leg *other, int64_t at_ns)
{
	if (at_ns >= l->silent_next && at_ns >= other->silent_until + SECOND) {
		l->silent_until = at_ns + (once_in(s, 10) ? 60 : 2) * SECOND;
		l->silent_next = at_ns + (120 + (int64_t)(next_random(s) % 600)) * SECOND;
	}
	if (at_ns < l->silent_until)
		return true;
	if (l->burst == 0 && once_in(s, 500))
		l->burst = 1 + (unsigned)(next_random(s) % 20);
	l->burst -= l->burst > 0;
	return l->burst > 0 || once_in(s, 100);
}

static void
offer(struct soak *s, uint64_t number)
{
	int64_t at = (int64_t)number * s->step_ns, slow = at / SECOND % 3600;
	bool both = once_in(s, 100000), a, b;
	/* Up to 30 ms behind, and back, in each hour. */
	int64_t behind = (slow < 1800 ? slow : 3600 - slow) * MS / 60;

	a = loses(s, &s->leg[0], &s->leg[1], at);
	b = loses(s, &s->leg[1], &s->leg[0], at);
	if (a && b && !both) {
		if (s->leg[1].silent_until > at)
			a = false;
		else
			b = false;
	}
	a |= both;
	b |= both;
	s->lost += both;
	if (!a)
		put_event(s, (struct event){ at + (int64_t)(next_random(s) % (2 * MS)) +
		    (once_in(s, 200) ? 15 * MS : 0), number, 0 });
	if (!b)
		put_event(s, (struct event){ at + behind + (int64_t)(next_random(s) % (5 * MS)) +
		    (once_in(s, 200) ? 25 * MS : 0), number, 1 });
}

static void
run(struct soak *s)
{
	uint64_t n = 0, all = (uint64_t)(s->seconds * SECOND / s->step_ns);

	if (!s->live)
		begin_capture();
	while (n < all || s->nevent > 0) {
		struct event e;

		/* Nothing that comes later can be due before the first one. */
		while (n < all && (s->nevent == 0 ||
		    (int64_t)n * s->step_ns <= s->heap[0].at_ns))
			offer(s, n++);
		e = take_event(s);
		s->sent[e.leg]++;
		if (s->live)
			transmit(s, &e);
		else
			capture(s, &e);
	}
	fflush(stdout);
	fprintf(stderr, "datagrams %llu lost %llu first %llu second %llu\n",
	    (unsigned long long)n, (unsigned long long)s->lost,
	    (unsigned long long)s->sent[0], (unsigned long long)s->sent[1]);
}

/* ---- the other end */

static int
check(void)
{
	uint64_t packets = 0, holes = 0, missing = 0, next = 0, disorder = 0, n;
	uint8_t p[TS];

	while (fread(p, TS, 1, stdin) == 1) {
		n = 0;
		for (unsigned i = 0; i < 8; i++)
			n = n << 8 | p[TS - 8 + i];
		packets++;
		if (n < next || p[0] != 0x47 || p[TS - 9] != (uint8_t)(n * 7)) {
			disorder++;
			continue;
		}
		holes += n > next;
		missing += n - next;
		next = n + 1;
	}
	printf("packets %llu holes %llu missing %llu disorder %llu\n",
	    (unsigned long long)packets, (unsigned long long)holes,
	    (unsigned long long)missing, (unsigned long long)disorder);
	return 0;
}

static int
connected(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("socket");
		exit(1);
	}
	return fd;
}

static int64_t
number(const char *arg)
{
	char *end;
	long v = strtol(arg, &end, 10);

	if (end == arg || v < 1) {
		fprintf(stderr, "soak: what is '%s'?\n", arg);
		exit(2);
	}
	return v;
}

int
main(int argc, char *argv[])
{
	static struct soak s = { .random = 1, .seconds = 60,
	    .leg = { { .silent_next = 60 * SECOND }, { .silent_next = 150 * SECOND } } };
	struct timespec now;
	int64_t kbit = 2000;
	char *comma;
	int c;

	while ((c = getopt(argc, argv, "cd:r:s:u:")) != -1)
		switch (c) {
		case 'c':
			return check();
		case 'd':
			s.seconds = number(optarg);
			break;
		case 'r':
			kbit = number(optarg);
			break;
		case 's':
			s.random = (uint64_t)number(optarg) * UINT64_C(0x9e3779b97f4a7c15);
			break;
		case 'u':
			s.live = true;
			if ((comma = strchr(optarg, ',')) == NULL)
				return 2;
			*comma = '\0';
			s.fd[0] = connected((unsigned)number(optarg));
			s.fd[1] = connected((unsigned)number(comma + 1));
			break;
		default:
			return 2;
		}
	s.step_ns = GROUP * TS * 8 * (SECOND / 1000) / kbit;
	clock_gettime(CLOCK_MONOTONIC, &now);
	s.start_ns = now.tv_sec * SECOND + now.tv_nsec + SECOND / 2;
	run(&s);
	return 0;
}
