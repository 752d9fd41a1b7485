/*
 * raw-http PORT [SECONDS] - send standard input to 127.0.0.1:PORT as it is, and
 * print what comes back.
 *
 * The bytes of \01 in the input are not sent: each is a pause of 0.2 s; \02 ends
 * it for good by a reset, \03 waits until something has come back.  After the
 * input it reads until the peer closes or SECONDS (5) have gone by without a
 * byte; the last line tells which: "[end]", "[reset]" or "[silence]".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t got;

/* Print what comes within ms; false at the end. */
static bool
read_for(int fd, int ms, const char **why)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[65536];
	ssize_t n;

	*why = "[silence]";
	if (poll(&pfd, 1, ms) != 1)
		return false;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n > 0) {
		got += (size_t)n;
		fwrite(buf, 1, (size_t)n, stdout);
		return true;
	}
	*why = n == 0 ? "[end]" : "[reset]";
	return false;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), c, small = 4096;
	int ms = argc > 2 ? (int)strtol(argv[2], NULL, 10) * 1000 : 5000;
	const char *why = "[reset]";
	struct linger hard = { .l_onoff = 1 };
	char out[4096];
	size_t n = 0;
	bool alive = true;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);	/* a test may watch what comes */
	/* Little room, so that a reader who does not read shows soon. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	sa.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		perror("connect");
		return 1;
	}
	while (alive) {
		c = getchar();
		if (n == sizeof(out) || (n > 0 && (c == EOF || (c >= 1 && c <= 3)))) {
			alive = send(fd, out, n, MSG_NOSIGNAL) == (ssize_t)n;
			n = 0;
		}
		if (c == EOF)
			break;
		if (c == 1) {
			usleep(200000);
		} else if (c == 2) {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
			close(fd);
			return 0;
		} else if (c == 3) {
			size_t before = got;

			while (got == before && read_for(fd, ms, &why))
				;
		} else {
			out[n++] = (char)c;
		}
	}
	while (read_for(fd, ms, &why))
		;
	printf("\n%s\n", why);
	return 0;
}
