#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "transport/ristguard.h"

#define UDP_HEAD	8		/* the filter sees the header */
#define GRE_TYPE	(UDP_HEAD + 2)
#define TYPE_KEEPALIVE	0x88b5
#define TYPE_EAPOL	0x888e
#define KEY_AND_SEQ	0x30

/* But for what keeps a link and logs in, all has a key and a number, or is dropped. */
static int
attach(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, GRE_TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE_KEEPALIVE, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE_EAPOL, 3, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, UDP_HEAD),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, KEY_AND_SEQ),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KEY_AND_SEQ, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ?
	    -errno : 0;
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
	memset(g, 0, sizeof(*g));
	return walk(note, g);
}

struct after {
	const struct ristguard *before;
	unsigned n;
};

static int
guard_new(void *arg, unsigned fd)
{
	struct after *a = arg;
	int type = 0;
	socklen_t len = sizeof(type);

	if ((a->before->open[fd / 8] >> fd % 8 & 1) != 0 ||
	    getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_DGRAM)
		return 0;
	a->n++;
	return attach((int)fd);
}

int
ristguard_after(const struct ristguard *g)
{
	struct after a = { .before = g };
	int r = walk(guard_new, &a);

	return r < 0 ? r : a.n > 0 ? 0 : -ENOENT;
}
