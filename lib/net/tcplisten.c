#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/tcplisten.h"

static bool
is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)
		    ->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(
	    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/*
 * A machine whose system paces what it sends (bbr) does so on loopback as well,
 * where there is nothing to spare: a timer for each piece, half of the rate, twice
 * the time.  It has to be set before there is a connection: one that has
 * begun with pacing keeps it.
 */
static void
send_unpaced(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno"));
}

static int
listen_on(const struct addrinfo *ai, int backlog)
{
	int one = 1, zero = 0, err;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (is_loopback(ai->ai_addr))
		send_unpaced(fd);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, backlog) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

int
tcp_listen(const char *host, uint16_t port, int backlog, bool *loopback)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE,
		.ai_family = *host == '\0' ? AF_INET6 : AF_UNSPEC,	/* takes IPv4 as well */
	};
	struct addrinfo *list, *ai;
	char service[8];
	int fd = -EINVAL;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(*host != '\0' ? host : NULL, service, &hints, &list) != 0)
		return -EINVAL;
	for (ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
		fd = listen_on(ai, backlog);
		if (loopback != NULL)
			*loopback = is_loopback(ai->ai_addr);
	}
	freeaddrinfo(list);
	if (fd == -EAFNOSUPPORT && *host == '\0') {
		struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };

		fd = listen_on(&(struct addrinfo){ .ai_family = AF_INET,
		    .ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof(any) }, backlog);
	}
	return fd;
}
