/*
 * hammer PORT SECONDS [WRITERS [READERS [crash]]] - overwrite objects and read them.
 *
 * Each of four objects is overwritten by a quarter of the writers and read by all
 * readers.  A version carries its number, length and hash.  A read has to be of one
 * whole version, and of none that was replaced before the read began: when a PUT
 * began after that of a version was acknowledged, and was acknowledged itself, the
 * version is gone.  With crash the server may go away and come back; what was
 * acknowledged has to be there still.  Prints the counts; status 1 when one is wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/net/h1.h"

#define OBJECTS		4
#define WRITERS		64
#define READERS		256
#define VERSIONS	(1u << 20)	/* of a writer */
#define BYTES		400000

struct version {			/* at the head of the bytes */
	uint64_t writer, seq, len, hash;
};

struct hammer {
	int	 port;
	bool	 crash;
	int64_t	 until_ns;
	unsigned writers;
	/* When the newest acknowledged PUT began: what was over before is gone. */
	_Atomic int64_t floor_ns[OBJECTS];
	_Atomic int64_t *acked_ns[WRITERS];	/* by version; 0: not yet */
	atomic_uint ready;
	_Atomic uint64_t puts, gets, lost, wrong, stale, torn;
};

struct worker {
	struct hammer *h;
	unsigned index;
	int	 fd;
	char	*buf;
	size_t	 have;
	pthread_t thread;
};

static bool
running(const struct hammer *h)
{
	return clk_mono_ns() < h->until_ns;
}

static bool
join(struct worker *w)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)w->h->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval tv = { .tv_sec = 30 };

	if (w->fd >= 0)
		return true;
	w->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	w->have = 0;
	if (connect(w->fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return true;
	close(w->fd);
	w->fd = -1;
	return false;
}

/* The connection is gone: as it may, or as a failure. */
static void
part(struct worker *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	atomic_fetch_add(&w->h->lost, 1);
	clk_sleep_until(clk_mono_ns() + CLK_SECOND / 50);
}

static bool
send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
more(struct worker *w)
{
	ssize_t n = recv(w->fd, w->buf + w->have, 2 * BYTES - w->have, 0);

	if (n > 0)
		w->have += (size_t)n;
	return n > 0;
}

/* Read an answer: its status, 0 when it broke off; *body is in w->buf. */
static int
answer(struct worker *w, struct h1_str *body)
{
	struct h1_chunked chunked = { 0 };
	const char *end, *field;
	size_t at, len = 0, used;
	int status, r;

	while ((end = memmem(w->buf, w->have, "\r\n\r\n", 4)) == NULL)
		if (!more(w))
			return 0;
	at = (size_t)(end - w->buf) + 4;
	status = (int)strtol(w->buf + 9, NULL, 10);
	*body = (struct h1_str){ w->buf + at, 0 };
	field = memmem(w->buf, at, "\r\nTransfer-Encoding: chunked", 28);
	if (field == NULL) {
		field = memmem(w->buf, at, "\r\nContent-Length: ", 18);
		len = field == NULL ? 0 : strtoul(field + 18, NULL, 10);
		while (w->have < at + len)
			if (!more(w))
				return 0;
		body->len = len;
		w->have = 0;
		return status;
	}
	for (;;) {
		struct h1_str data;

		r = h1_chunked_next(&chunked, w->buf + at, w->have - at, &used, &data);
		at += used;
		if (r == H1_END)
			break;
		if (r == H1_DATA) {
			memmove(w->buf + (body->p - w->buf) + body->len, data.p, data.len);
			body->len += data.len;
		} else if (r < 0 || !more(w)) {
			return 0;
		}
	}
	w->have = 0;
	return status;
}

static void
make(struct version *v, char *bytes)
{
	uint64_t x = v->writer << 32 ^ v->seq ^ 88172645463325252u;

	for (size_t i = sizeof(*v); i + 8 <= v->len; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(bytes + i, &x, 8);
	}
	v->hash = hash_add(HASH_START, bytes + sizeof(*v), v->len - sizeof(*v));
	memcpy(bytes, v, sizeof(*v));
}

static bool
put(struct worker *w, const char *bytes, size_t len, bool chunked)
{
	char head[256], size[32];
	int n = snprintf(head, sizeof(head), "PUT /hammer/%u.bin HTTP/1.1\r\nHost: localhost\r\n",
	    w->index % OBJECTS);
	struct h1_str body;
	int status;

	if (chunked)
		n += snprintf(head + n, sizeof(head) - (size_t)n,
		    "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len / 2);
	else
		n += snprintf(head + n, sizeof(head) - (size_t)n,
		    "Content-Length: %zu\r\n\r\n", len);
	snprintf(size, sizeof(size), "\r\n%zx\r\n", len - len / 2);
	if (!send_all(w->fd, head, (size_t)n) || !send_all(w->fd, bytes, len / 2) ||
	    (chunked && !send_all(w->fd, size, strlen(size))) ||
	    !send_all(w->fd, bytes + len / 2, len - len / 2) ||
	    (chunked && !send_all(w->fd, "\r\n0\r\n\r\n", 7)) ||
	    (status = answer(w, &body)) == 0) {
		part(w);
		return false;
	}
	if (status == 201 || status == 204)
		return true;
	fprintf(stderr, "PUT: %d\n", status);
	atomic_fetch_add(&w->h->wrong, 1);
	return false;
}

static void *
write_on(void *arg)
{
	struct worker *w = arg;
	struct hammer *h = w->h;
	unsigned object = w->index % OBJECTS;
	char *bytes = calloc(1, BYTES);
	struct version v = { .writer = w->index };
	bool told = false;

	while (running(h) && v.seq < VERSIONS - 1) {
		int64_t began, floor;

		if (!join(w)) {
			clk_sleep_until(clk_mono_ns() + CLK_SECOND / 50);
			continue;
		}
		v.seq++;
		v.len = 64 + v.seq * 7919 * (w->index + 1) % (BYTES - 64) / 8 * 8;
		make(&v, bytes);
		began = clk_mono_ns();
		if (!put(w, bytes, v.len, v.seq % 2 == 0))
			continue;
		atomic_store(&h->acked_ns[w->index][v.seq], clk_mono_ns());
		floor = atomic_load(&h->floor_ns[object]);
		while (floor < began &&
		    !atomic_compare_exchange_weak(&h->floor_ns[object], &floor, began))
			;
		atomic_fetch_add(&h->puts, 1);
		if (!told)
			atomic_fetch_add(&h->ready, 1);
		told = true;
	}
	free(bytes);
	return NULL;
}

static void
judge(struct hammer *h, struct h1_str body, int64_t floor)
{
	struct version v;
	int64_t acked;

	if (body.len < sizeof(v)) {
		atomic_fetch_add(&h->torn, 1);
		return;
	}
	memcpy(&v, body.p, sizeof(v));
	if (v.len != body.len || v.writer >= h->writers || v.seq >= VERSIONS ||
	    v.hash != hash_add(HASH_START, body.p + sizeof(v), body.len - sizeof(v))) {
		atomic_fetch_add(&h->torn, 1);
		return;
	}
	acked = atomic_load(&h->acked_ns[v.writer][v.seq]);
	if (acked != 0 && acked < floor)
		atomic_fetch_add(&h->stale, 1);
	atomic_fetch_add(&h->gets, 1);
}

static void *
read_on(void *arg)
{
	struct worker *w = arg;
	struct hammer *h = w->h;

	while (running(h) && atomic_load(&h->ready) < h->writers)
		clk_sleep_until(clk_mono_ns() + CLK_SECOND / 100);
	for (unsigned i = w->index; running(h); i++) {
		char head[128];
		struct h1_str body;
		int64_t floor;
		int n, status;

		if (!join(w)) {
			clk_sleep_until(clk_mono_ns() + CLK_SECOND / 50);
			continue;
		}
		n = snprintf(head, sizeof(head), "GET /hammer/%u.bin HTTP/1.1\r\n"
		    "Host: localhost\r\n\r\n", i % OBJECTS);
		floor = atomic_load(&h->floor_ns[i % OBJECTS]);
		if (!send_all(w->fd, head, (size_t)n) || (status = answer(w, &body)) == 0) {
			part(w);
		} else if (status == 200) {
			judge(h, body, floor);
		} else {
			fprintf(stderr, "GET: %d\n", status);
			atomic_fetch_add(&h->wrong, 1);
		}
	}
	return NULL;
}

int
main(int argc, char *argv[])
{
	static struct hammer h;
	static struct worker worker[WRITERS + READERS];
	unsigned readers, n;
	bool good;

	if (argc < 3)
		return 2;
	h.port = (int)strtol(argv[1], NULL, 10);
	h.until_ns = clk_mono_ns() + strtol(argv[2], NULL, 10) * CLK_SECOND;
	h.writers = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) % (WRITERS + 1) : 16;
	readers = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) % (READERS + 1) : 64;
	h.crash = argc > 5;
	n = h.writers + readers;
	for (unsigned i = 0; i < h.writers; i++)
		if ((h.acked_ns[i] = calloc(VERSIONS, sizeof(int64_t))) == NULL)
			return 2;
	for (unsigned i = 0; i < n; i++) {
		worker[i] = (struct worker){ .h = &h, .index = i, .fd = -1,
		    .buf = malloc(2 * BYTES) };
		if (worker[i].buf == NULL || pthread_create(&worker[i].thread, NULL,
		    i < h.writers ? write_on : read_on, &worker[i]) != 0)
			return 2;
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(worker[i].thread, NULL);
		if (worker[i].fd >= 0)
			close(worker[i].fd);
		free(worker[i].buf);
	}
	printf("puts=%lu gets=%lu lost=%lu wrong=%lu stale=%lu torn=%lu\n",
	    (unsigned long)h.puts, (unsigned long)h.gets, (unsigned long)h.lost,
	    (unsigned long)h.wrong, (unsigned long)h.stale, (unsigned long)h.torn);
	good = h.puts > 0 && h.gets > 0 && h.wrong + h.stale + h.torn == 0 &&
	    (h.crash || h.lost == 0);
	for (unsigned i = 0; i < h.writers; i++)
		free(h.acked_ns[i]);
	return good ? 0 : 1;
}
