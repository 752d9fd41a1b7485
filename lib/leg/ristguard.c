#include <dirent.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/leg/ristdecrypt.h"
#include "lib/leg/ristguard.h"

#define PEEKED		16384		/* more than the filter lets through */
#define PEEKS		200

/* The port it is bound to, 0 if none. */
static unsigned
port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa = { .v6 = { 0 } };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, &sa.any, &len) < 0)
		return 0;
	return ntohs(sa.any.sa_family == AF_INET6 ? sa.v6.sin6_port : sa.v4.sin_port);
}

bool
ristguard_odd(int fd)
{
	return port_of(fd) % 2 != 0;
}

static int
attach(int fd, struct ristfilter *f)
{
	struct sock_fprog prog = { .len = (unsigned short)f->n, .filter = f->code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ?
	    -errno : 0;
}

/* What came before there was a filter goes unread. */
static void
drain(int fd)
{
	char none;

	while (recv(fd, &none, sizeof(none), MSG_DONTWAIT) >= 0)
		;
}

/* Where the filter looks for it. */
static struct ristfilter_source
source_of(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	struct ristfilter_source s = { 0 };

	if (sa->ss_family == AF_INET6) {
		memcpy(&s.address, &v6->sin6_addr.s6_addr[12], sizeof(s.address));
		s.port = ntohs(v6->sin6_port);
	} else {
		s.address = v4->sin_addr.s_addr;
		s.port = ntohs(v4->sin_port);
	}
	s.address = ntohl(s.address);
	return s;
}

/* May something of these be there already?  Nothing is read for good. */
static bool
waits(int fd, const struct ristfilter_source *but, unsigned n)
{
	struct sockaddr_storage sa;
	uint8_t whole[PEEKED];
	bool found = false;
	int at = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof(at)) < 0)
		return true;
	for (unsigned many = 0; !found; many++) {
		socklen_t len = sizeof(sa);
		struct ristfilter_source s;

		memset(&sa, 0, sizeof(sa));
		if (recvfrom(fd, whole, sizeof(whole), MSG_PEEK | MSG_DONTWAIT,
		    (struct sockaddr *)&sa, &len) < 0)
			break;
		s = source_of(&sa);
		found = many == PEEKS;
		for (unsigned i = 0; i < n; i++)
			found |= s.address == but[i].address && s.port == but[i].port;
	}
	at = -1;
	return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof(at)) < 0 || found;
}

int
ristguard_part(int fd, const struct ristfilter_source *but, unsigned n)
{
	struct ristfilter f;
	int r;

	ristfilter_init_but(&f, ristguard_odd(fd) ? RISTFILTER_RTCP : RISTFILTER_RTP, false,
	    but, n);
	if ((r = attach(fd, &f)) == 0 && n > 0 && waits(fd, but, n))
		drain(fd);
	return r;
}

/* For each descriptor that is open. */
static int
walk(int (*each)(void *arg, unsigned fd), void *arg)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int r = 0;

	if (d == NULL)
		return -errno;
	while (r == 0 && (e = readdir(d)) != NULL) {
		unsigned long fd = strtoul(e->d_name, NULL, 10);

		if (e->d_name[0] != '.' && (int)fd != dirfd(d))
			r = fd < RISTGUARD_FDS ? each(arg, (unsigned)fd) : -EMFILE;
	}
	closedir(d);
	return r;
}

static int
note(void *arg, unsigned fd)
{
	struct ristguard *g = arg;

	g->open[fd / 8] |= (uint8_t)(1 << fd % 8);
	return 0;
}

int
ristguard_before(struct ristguard *g)
{
	memset(g->open, 0, sizeof(g->open));
	g->n = 0;
	return walk(note, g);
}

static int
guard_new(void *arg, unsigned fd)
{
	struct ristguard *g = arg;
	struct ristfilter f;
	int type = 0, r;
	socklen_t len = sizeof(type);

	if ((g->open[fd / 8] >> fd % 8 & 1) != 0 ||
	    getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_DGRAM)
		return 0;
	if (g->n == RISTGUARD_SOCKETS)
		return -EMFILE;
	g->fd[g->n++] = (int)fd;
	ristdecrypt_begin((int)fd);
	ristfilter_init(&f, g->kind == RISTFILTER_RTP && ristguard_odd((int)fd) ?
	    RISTFILTER_RTCP : g->kind, g->login);
	r = attach((int)fd, &f);
	if (r == 0)
		drain((int)fd);
	return r;
}

int
ristguard_after(struct ristguard *g)
{
	int r = walk(guard_new, g);

	return r < 0 ? r : g->n > 0 ? 0 : -ENOENT;
}

uint64_t
ristguard_dropped(const int *fd, unsigned n)
{
	uint32_t info[SK_MEMINFO_VARS];
	uint64_t all = 0;

	for (unsigned i = 0; i < n; i++) {
		socklen_t len = sizeof(info);

		if (getsockopt(fd[i], SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
		    len > SK_MEMINFO_DROPS * sizeof(*info))
			all += info[SK_MEMINFO_DROPS];
		all += ristdecrypt_dropped(fd[i]);
	}
	return all;
}
