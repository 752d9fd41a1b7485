/*
 * Two ports that are kept apart, at sockets of UDP: what is in the queue of one already
 * stays there, unless it is of those that must not be heard; by address and port.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/tap.h"
#include "lib/leg/ristdecrypt.c"
#include "lib/leg/ristfilter.c"
#include "lib/leg/ristguard.h"
#include "lib/leg/ristguard.c"

#define MEDIA	"\x80\x21\0\7\0\0\0\0\x12\x34\x56\x78G"
#define REPORT	"\x80\xc9\0\1\x12\x34\x56\x78"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* At that address, of a port that is odd or even if it is not 2; -1 if there is none. */
static int
bound(int family, uint32_t v4, unsigned odd)
{
	int fd = -1;

	for (int tries = 0; tries < 1000; tries++) {
		union address sa = { .v6 = { .sin6_family = AF_INET6 } };

		if (family == AF_INET)
			sa.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
			    .sin_addr.s_addr = htonl(v4) };
		else if (v4 != 0)
			sa.v6.sin6_addr = in6addr_loopback;
		if ((fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
			return -1;
		if (bind(fd, &sa.any, family == AF_INET ? sizeof(sa.v4) : sizeof(sa.v6)) == 0 &&
		    (odd == 2 || ristguard_odd(fd) == (odd != 0)))
			return fd;
		close(fd);
	}
	return -1;
}

static bool
sends(int from, int family, int to, const char *p, size_t len)
{
	union address sa = { .v6 = { 0 } };

	if (family == AF_INET)
		sa.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		    .sin_port = htons((uint16_t)port_of(to)),
		    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	else
		sa.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		    .sin6_port = htons((uint16_t)port_of(to)), .sin6_addr = in6addr_loopback };
	return sendto(from, p, len, 0, &sa.any,
	    family == AF_INET ? sizeof(sa.v4) : sizeof(sa.v6)) == (ssize_t)len;
}

static unsigned
queued(int fd)
{
	char buf[64];
	unsigned n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static struct ristfilter_source
who(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	memset(&sa, 0, sizeof(sa));
	getsockname(fd, (struct sockaddr *)&sa, &len);
	return source_of(&sa);
}

static void
test_queue(bool odd)
{
	int to = bound(AF_INET, INADDR_LOOPBACK, odd), one = bound(AF_INET, INADDR_LOOPBACK, 2);
	int other = bound(AF_INET, INADDR_LOOPBACK, 2);
	struct ristfilter_source but[2] = { { 0x7f000005, 7 }, who(one) };
	const char *p = odd ? REPORT : MEDIA;
	size_t len = odd ? sizeof(REPORT) - 1 : sizeof(MEDIA) - 1;

	if (!ok(to >= 0 && one >= 0 && other >= 0, "sockets"))
		return;
	for (int i = 0; i < 100; i++)
		sends(other, AF_INET, to, p, len - (size_t)(!odd && i % 2));
	is(ristguard_part(to, but, 2), 0, "%s: apart from two", odd ? "odd" : "even");
	is(queued(to), 100, "what others have sent before is all there");
	sends(one, AF_INET, to, p, len);
	sends(other, AF_INET, to, p, len);
	is(queued(to), 1, "one is heard no more");
	is(ristguard_part(to, but, 1), 0, "but for the other of the two");
	sends(one, AF_INET, to, p, len);
	sends(other, AF_INET, to, p, len);
	is(ristguard_part(to, but, 2), 0, "and is not again, when it has sent something");
	is(queued(to), 0, "which goes, with all else");
	is(ristguard_part(to, but, 1), 0, "once more");
	for (int i = 0; i < PEEKS + 1; i++)
		sends(other, AF_INET, to, p, len);
	is(ristguard_part(to, but, 2), 0, "with more than is looked at");
	is(queued(to), 0, "all that goes");
	is(ristguard_part(to, NULL, 0), 0, "apart from none");
	sends(one, AF_INET, to, p, len);
	sends(one, AF_INET, to, odd ? MEDIA : REPORT, odd ? sizeof(MEDIA) - 1 : 8);
	is(queued(to), 1, "it is heard, but what belongs to that port only");
	close(to);
	close(one);
	close(other);
}

/* The same port of another address is another source, in IPv4 and IPv6. */
static void
test_address(void)
{
	int v4 = bound(AF_INET, INADDR_ANY, 1), v6 = bound(AF_INET6, 0, 1);
	int one = bound(AF_INET, INADDR_LOOPBACK, 2), six = bound(AF_INET6, 1, 2);
	struct ristfilter_source but[2] = { who(one), { 0 } }, near;

	ok(v4 >= 0 && one >= 0, "sockets");
	near = but[0];
	near.address++;
	is(ristguard_part(v4, &near, 1), 0, "apart from another address");
	sends(one, AF_INET, v4, REPORT, 8);
	is(queued(v4), 1, "it is heard");
	near = but[0];
	near.port++;
	is(ristguard_part(v4, &near, 1), 0, "apart from another port");
	sends(one, AF_INET, v4, REPORT, 8);
	is(queued(v4), 1, "it is heard");
	is(ristguard_part(v4, but, 1), 0, "apart from it");
	sends(one, AF_INET, v4, REPORT, 8);
	is(queued(v4), 0, "it is not");
	if (v6 >= 0 && six >= 0) {
		but[1] = who(six);
		sends(one, AF_INET, v6, REPORT, 8);
		sends(six, AF_INET6, v6, REPORT, 8);
		is(queued(v6), 2, "a socket of both kinds hears both");
		near = but[1];
		near.address++;
		is(ristguard_part(v6, &near, 1), 0, "apart from another");
		sends(six, AF_INET6, v6, REPORT, 8);
		is(queued(v6), 1, "it is heard");
		is(ristguard_part(v6, but, 2), 0, "apart from them");
		sends(one, AF_INET, v6, REPORT, 8);
		sends(six, AF_INET6, v6, REPORT, 8);
		is(queued(v6), 0, "it hears neither");
	}
	close(v4);
	close(one);
	if (v6 >= 0)
		close(v6);
	if (six >= 0)
		close(six);
}

/* As many as there can be. */
static void
test_many(void)
{
	struct ristfilter_source but[RISTFILTER_SOURCES];
	int fd[2] = { bound(AF_INET, INADDR_LOOPBACK, 0), bound(AF_INET, INADDR_LOOPBACK, 1) };
	int from = bound(AF_INET, INADDR_LOOPBACK, 2);

	for (unsigned i = 0; i < RISTFILTER_SOURCES; i++)
		but[i] = (struct ristfilter_source){ 0x7f000001, (uint16_t)(i + 1) };
	for (unsigned i = 0; i < 2; i++) {
		is(ristguard_part(fd[i], but, RISTFILTER_SOURCES), 0, "apart from all");
		is(ristguard_part(fd[i], but, RISTFILTER_SOURCES), 0, "and again");
		sends(from, AF_INET, fd[i], i ? REPORT : MEDIA, i ? 8 : 13);
		is(queued(fd[i]), 1, "another is heard");
		but[RISTFILTER_SOURCES - 1] = who(from);
		is(ristguard_part(fd[i], but, RISTFILTER_SOURCES), 0, "the last of them");
		sends(from, AF_INET, fd[i], i ? REPORT : MEDIA, i ? 8 : 13);
		is(queued(fd[i]), 0, "is not");
		but[RISTFILTER_SOURCES - 1].port = 1;
		close(fd[i]);
	}
	close(from);
}

int
main(void)
{
	test_queue(false);
	test_queue(true);
	test_address();
	test_many();
	return done_testing();
}
