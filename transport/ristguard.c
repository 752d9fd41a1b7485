#include <dirent.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "transport/ristguard.h"

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

/* What came before there was a filter goes unread. */
static int
attach(int fd, const struct ristguard *g)
{
	struct ristfilter f;
	struct sock_fprog prog = { .filter = f.code };
	char none;

	ristfilter_init(&f, g->kind == RISTFILTER_RTP && port_of(fd) % 2 != 0 ?
	    RISTFILTER_RTCP : g->kind, g->login);
	prog.len = (unsigned short)f.n;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		return -errno;
	while (recv(fd, &none, sizeof(none), MSG_DONTWAIT) >= 0)
		;
	return 0;
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
	int type = 0;
	socklen_t len = sizeof(type);

	if ((g->open[fd / 8] >> fd % 8 & 1) != 0 ||
	    getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_DGRAM)
		return 0;
	if (g->n == RISTGUARD_SOCKETS)
		return -EMFILE;
	g->fd[g->n++] = (int)fd;
	return attach((int)fd, g);
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
	}
	return all;
}
