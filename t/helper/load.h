/*
 * load.h - what the helpers share that put load on a server: connections to
 * loopback, as many descriptors as there may be, percentiles of times, and what the
 * server takes of CPU and memory.
 *
 * Units    Times in ns.
 * Errors   The helper ends with a message, or as said.
 */
#ifndef LOAD_H
#define LOAD_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static inline _Noreturn void
load_die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void
load_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		load_die("limit of descriptors");
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}

/* A connection, or -1 when the server does not take it. */
static inline int
load_connect(int port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static inline void
load_send(int fd, const void *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0)
			load_die("send");
		p = (const char *)p + n;
		len -= (size_t)n;
	}
}

static inline int
load_by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static inline void
load_sort(int64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), load_by_size);
}

/* Of what is sorted: how many ms so many per mille took at most; -1 of nothing. */
static inline double
load_ms(const int64_t *ns, size_t n, size_t per_mille)
{
	return n == 0 ? -1 : (double)ns[(n - 1) * per_mille / 1000] / 1e6;
}

/* What the process of that number has used of CPU, in ticks of the system. */
static inline long
load_ticks(const char *pid)
{
	char path[64], text[1024];
	unsigned long user, sys;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		load_die(path);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	if (sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
	    "%lu %lu", &user, &sys) != 2)
		load_die(path);
	return (long)(user + sys);
}

/* And what it has in memory now, in kB. */
static inline long
load_memory(const char *pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "r");
	if (f == NULL)
		load_die(path);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "VmRSS: %ld", &kb);
	fclose(f);
	return kb;
}

#endif
