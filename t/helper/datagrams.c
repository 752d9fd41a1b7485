/*
 * datagrams [-c] [-n count] [-o order] [-r seq] [-s ssrc] [-t type] [-w ms] from to port
 *
 * Send a transport stream from stdin in datagrams, in RTP with -r (the first
 * sequence number).  -o 0,2,1,1 sends each four datagrams in this order: what is
 * not named is lost, what is named twice is sent twice.  -c adds contributing
 * sources, an extension and padding.  -w waits after each 16 datagrams.
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

#define GROUP	64
#define HEADER	(12 + 8 + 8)

struct sender {
	bool	 rtp, all_parts;
	unsigned seq, ssrc, type, per, wait_ms, sent;
	int	 fd;
	struct sockaddr_in to;
	unsigned norder, group, order[GROUP];
};

static void
send_one(struct sender *s, unsigned seq, const uint8_t *ts, size_t len)
{
	uint8_t buf[HEADER + 7 * 188 + 4] = {
		0x80, (uint8_t)s->type, (uint8_t)(seq >> 8), (uint8_t)seq,
		(uint8_t)(seq >> 8), (uint8_t)seq, 0, 0,
		(uint8_t)(s->ssrc >> 24), (uint8_t)(s->ssrc >> 16),
		(uint8_t)(s->ssrc >> 8), (uint8_t)s->ssrc,
	};
	size_t n = s->rtp ? 12 : 0;

	if (s->rtp && s->all_parts) {
		buf[0] = 0x80 | 0x20 | 0x10 | 2;
		n += 8;					/* two sources */
		memcpy(buf + n, (uint8_t[]){ 0, 1, 0, 1, 9, 9, 9, 9 }, 8);
		n += 8;
	}
	memcpy(buf + n, ts, len);
	n += len;
	if (s->rtp && s->all_parts) {
		memcpy(buf + n, (uint8_t[]){ 0, 0, 0, 4 }, 4);
		n += 4;
	}
	if (sendto(s->fd, buf, n, 0, (struct sockaddr *)&s->to, sizeof(s->to)) < 0)
		perror("sendto");
	if (s->wait_ms > 0 && ++s->sent % 16 == 0)
		nanosleep(&(struct timespec){ .tv_nsec = (long)s->wait_ms * 1000000 }, NULL);
}

int
main(int argc, char *argv[])
{
	static uint8_t ts[GROUP][7 * 188];
	struct sender s = {
		.type = 33, .ssrc = 1, .per = 7, .group = 1, .norder = 1, .wait_ms = 2,
	};
	struct sockaddr_in from = { .sin_family = AF_INET };
	size_t len[GROUP];
	char *p;
	int c;

	while ((c = getopt(argc, argv, "cn:o:r:s:t:w:")) != -1)
		switch (c) {
		case 'c':
			s.all_parts = true;
			break;
		case 'n':
			s.per = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			s.norder = 0;
			for (p = optarg; *p != '\0' && s.norder < GROUP; p += *p == ',') {
				unsigned v = (unsigned)strtoul(p, &p, 10) % GROUP;

				s.order[s.norder++] = v;
				if (v >= s.group)
					s.group = v + 1;
			}
			break;
		case 'r':
			s.rtp = true;
			s.seq = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			s.ssrc = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			s.type = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'w':
			s.wait_ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	if (argc - optind != 3 || s.per < 1 || s.per > 7)
		return 2;
	s.fd = socket(AF_INET, SOCK_DGRAM, 0);
	s.to.sin_family = AF_INET;
	s.to.sin_port = htons((uint16_t)strtoul(argv[optind + 2], NULL, 10));
	if (inet_pton(AF_INET, argv[optind], &from.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[optind + 1], &s.to.sin_addr) != 1 ||
	    bind(s.fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		return 2;
	setsockopt(s.fd, IPPROTO_IP, IP_MULTICAST_IF, &from.sin_addr, sizeof(from.sin_addr));
	for (;;) {
		unsigned n = 0;

		while (n < s.group && (len[n] = fread(ts[n], 188, s.per, stdin)) > 0)
			n++;
		for (unsigned i = 0; i < s.norder; i++)
			if (s.order[i] < n)
				send_one(&s, s.seq + s.order[i], ts[s.order[i]],
				    len[s.order[i]] * 188);
		s.seq += n;
		if (n < s.group)
			return 0;
	}
}
