/*
 * follow-load [-2] [-m STREAMS] [-p PID] [-t TLS-PORT] PORT PATH READERS CHUNK COUNT
 * INTERVAL_MS - many readers of one growing object.
 *
 * One process puts the object, a chunk each interval with the time in it at which
 * it was due; the other reads it READERS times and notes how long after that each
 * chunk was there whole at each reader.  Readers have a connection each, or with
 * HTTP/2 (-2) one for STREAMS of them, in TLS with -t.  Prints one line of key=value,
 * with -p also what the server of that number took; fails unless every reader got
 * every byte and a proper end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include "lib/base/clk.h"
#include "lib/net/h1.h"
#include "t/helper/load.h"

#define WINDOW	(1 << 30)

struct reader {
	size_t off;			/* bytes of the body */
	bool head_done, ended;
	uint8_t stamp[8];
};

/* A connection, and who reads by it. */
struct peer {
	int fd;
	SSL *ssl;			/* or NULL */
	nghttp2_session *session;	/* of HTTP/2, or NULL */
	struct load *load;
	struct reader *reader;
	size_t nreader, over;
	struct h1_chunked chunked;
};

struct load {
	int port, tls_port;		/* 0: no TLS */
	bool h2;
	const char *path, *pid;
	size_t readers, streams, chunk, count;
	int64_t interval_ns;
	int64_t *delay;
	size_t ndelay, heads, complete, failed;
	uint64_t bytes;
	SSL_CTX *ctx;
	nghttp2_session_callbacks *callbacks;
};

/* The writer, once told by go that all readers are there. */
static void
put(const struct load *l, int fd, const int go[2])
{
	char *buf = calloc(1, l->chunk + 64), answer[512];
	int64_t next;
	ssize_t n;

	close(go[1]);
	if (buf == NULL || read(go[0], answer, 1) != 1)
		load_die("writer");
	next = clk_mono_ns();
	for (size_t i = 0; i < l->count; i++) {
		int head = snprintf(buf, 32, "%zx\r\n", l->chunk);
		int64_t now;

		memset(buf + head, (int)i, l->chunk);
		memcpy(buf + head, &next, sizeof(next));
		while ((now = clk_mono_ns()) < next)
			usleep((useconds_t)((next - now) / 1000 + 1));
		next += l->interval_ns;
		memcpy(buf + (size_t)head + l->chunk, "\r\n", 2);
		load_send(fd, buf, (size_t)head + l->chunk + 2);
	}
	load_send(fd, "0\r\n\r\n", 5);
	n = read(fd, answer, sizeof(answer) - 1);
	if (n < 12 || memcmp(answer, "HTTP/1.1 20", 11) != 0)
		load_die("the answer to PUT");
	exit(0);
}

/* ---- readers */

static void
take(struct load *l, struct reader *r, const char *p, size_t len)
{
	l->bytes += len;
	while (len > 0) {
		size_t pos = r->off % l->chunk, n = l->chunk - pos;

		if (n > len)
			n = len;
		for (size_t i = pos; i < 8 && i < pos + n; i++)
			r->stamp[i] = (uint8_t)p[i - pos];
		r->off += n;
		p += n;
		len -= n;
		if (r->off % l->chunk == 0) {
			int64_t sent;

			memcpy(&sent, r->stamp, sizeof(sent));
			if (l->ndelay < l->readers * l->count)
				l->delay[l->ndelay++] = clk_mono_ns() - sent;
		}
	}
}

static void
finish(struct peer *p, struct reader *r, bool well)
{
	p->over++;
	r->ended = true;
	p->load->complete += well && r->off == p->load->chunk * p->load->count;
	p->load->failed += !well;
}

/* False when this is no answer of HTTP/1. */
static bool
take_h1(struct peer *p, const char *buf, size_t len)
{
	struct reader *r = p->reader;

	if (!r->head_done) {
		const char *end = memmem(buf, len, "\r\n\r\n", 4);

		if (end == NULL || memcmp(buf, "HTTP/1.1 200", 12) != 0)
			return false;
		r->head_done = true;
		p->load->heads++;
		len -= (size_t)(end + 4 - buf);
		buf = end + 4;
	}
	while (len > 0) {
		struct h1_str data;
		size_t used;
		int k = h1_chunked_next(&p->chunked, buf, len, &used, &data);

		buf += used;
		len -= used;
		if (k == H1_DATA)
			take(p->load, r, data.p, data.len);
		else if (k == H1_END)
			finish(p, r, true);
		else
			return k == H1_MORE;
		if (k == H1_END)
			break;
	}
	return true;
}

/* ---- HTTP/2 */

static struct reader *
reader_of(struct peer *p, int32_t stream)
{
	return &p->reader[(stream - 1) / 2];
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
	struct peer *p = user;

	(void)session, (void)flags;
	if (name_len != 7 || memcmp(name, ":status", 7) != 0)
		return 0;
	if (value_len != 3 || memcmp(value, "200", 3) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	reader_of(p, frame->hd.stream_id)->head_done = true;
	p->load->heads++;
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
    size_t len, void *user)
{
	struct peer *p = user;

	(void)session, (void)flags;
	take(p->load, reader_of(p, stream), (const char *)data, len);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
	struct peer *p = user;

	(void)session;
	finish(p, reader_of(p, stream), code == NGHTTP2_NO_ERROR);
	return 0;
}

static void
begin_h2(struct load *l)
{
	if (nghttp2_session_callbacks_new(&l->callbacks) != 0)
		load_die("HTTP/2");
	nghttp2_session_callbacks_set_on_header_callback(l->callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(l->callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(l->callbacks, on_close);
}

/* ---- connections */

static void
write_all(struct peer *p, const void *data, size_t len)
{
	int n;

	if (p->ssl == NULL) {
		load_send(p->fd, data, len);
		return;
	}
	do		/* the descriptor does not block; it is little */
		n = SSL_write(p->ssl, data, (int)len);
	while (n <= 0 && SSL_get_error(p->ssl, n) == SSL_ERROR_WANT_WRITE);
	if (n != (int)len)
		load_die("write");
}

static void
send_h2(struct peer *p)
{
	const uint8_t *data;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(p->session, &data)) > 0)
		write_all(p, data, (size_t)n);
	if (n < 0)
		load_die("HTTP/2");
}

static void
ask_h2(struct peer *p)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
	};
	const struct { const char *name, *value; } field[] = {
		{ ":method", "GET" }, { ":scheme", p->ssl != NULL ? "https" : "http" },
		{ ":authority", "t" }, { ":path", p->load->path },
	};
	nghttp2_nv nv[4];

	for (size_t i = 0; i < 4; i++)
		nv[i] = (nghttp2_nv){
			(uint8_t *)(uintptr_t)field[i].name,
			(uint8_t *)(uintptr_t)field[i].value,
			strlen(field[i].name), strlen(field[i].value), 0,
		};
	if (nghttp2_session_client_new(&p->session, p->load->callbacks, p) != 0 ||
	    nghttp2_submit_settings(p->session, 0, settings, 2) != 0 ||
	    nghttp2_session_set_local_window_size(p->session, 0, 0, WINDOW) != 0)
		load_die("HTTP/2");
	for (size_t i = 0; i < p->nreader; i++)
		if (nghttp2_submit_request(p->session, NULL, nv, 4, NULL, NULL) < 0)
			load_die("HTTP/2");
	send_h2(p);
}

static void
ask(struct peer *p)
{
	struct load *l = p->load;
	char request[512];

	p->fd = load_connect(l->tls_port != 0 ? l->tls_port : l->port);
	if (p->fd < 0)
		load_die("connect");
	if (l->tls_port != 0) {
		p->ssl = SSL_new(l->ctx);
		if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1 ||
		    SSL_connect(p->ssl) != 1)
			load_die("TLS");
	}
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	if (l->h2) {
		ask_h2(p);
		return;
	}
	write_all(p, request, (size_t)snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", l->path));
}

static void
hang_up(struct peer *p)
{
	for (size_t i = 0; i < p->nreader; i++)
		if (!p->reader[i].ended)
			finish(p, &p->reader[i], false);
	nghttp2_session_del(p->session);
	SSL_free(p->ssl);
	close(p->fd);
	p->fd = -1;
}

/* One piece; false when there is no more now. */
static bool
read_some(struct peer *p)
{
	static char buf[1 << 18];
	ssize_t n;
	bool good;

	if (p->ssl == NULL) {
		n = read(p->fd, buf, sizeof(buf));
		if (n < 0 && errno == EAGAIN)
			return false;
	} else {
		n = SSL_read(p->ssl, buf, sizeof(buf));
		if (n <= 0 && SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_READ)
			return false;
	}
	good = n > 0 && (p->session == NULL ? take_h1(p, buf, (size_t)n) :
	    nghttp2_session_mem_recv(p->session, (uint8_t *)buf, (size_t)n) == n);
	if (good && p->session != NULL)
		send_h2(p);
	if (!good || p->over == p->nreader) {
		hang_up(p);
		return false;
	}
	return p->ssl != NULL;		/* which may have more than the descriptor shows */
}

static void
options(struct load *l, int argc, char *argv[])
{
	int opt;

	l->streams = 1;
	while ((opt = getopt(argc, argv, "2m:p:t:")) != -1)
		switch (opt) {
		case '2':
			l->h2 = true;
			break;
		case 'm':
			l->streams = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			l->pid = optarg;
			break;
		case 't':
			l->tls_port = (int)strtol(optarg, NULL, 10);
			break;
		default:
			optind = argc;
		}
	if (argc - optind != 6 || l->streams == 0 || (l->streams > 1 && !l->h2)) {
		fprintf(stderr, "usage: follow-load [-2] [-m STREAMS] [-p PID] [-t TLS-PORT] "
		    "PORT PATH READERS CHUNK COUNT INTERVAL_MS\n");
		exit(2);
	}
	argv += optind;
	l->port = (int)strtol(argv[0], NULL, 10);
	l->path = argv[1];
	l->readers = strtoul(argv[2], NULL, 10);
	l->chunk = strtoul(argv[3], NULL, 10);
	l->count = strtoul(argv[4], NULL, 10);
	l->interval_ns = strtol(argv[5], NULL, 10) * 1000000;
}

static void
begin_tls(struct load *l)
{
	static const unsigned char protocol[2][9] = { "\10http/1.1", "\2h2" };

	l->ctx = SSL_CTX_new(TLS_client_method());
	if (l->ctx == NULL || SSL_CTX_set_alpn_protos(l->ctx, protocol[l->h2],
	    l->h2 ? 3 : 9) != 0)
		load_die("TLS");
	SSL_CTX_set_mode(l->ctx, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(l->ctx, 1);
	SSL_CTX_set_default_read_buffer_len(l->ctx, 65536);
}

static int
begin_writing(const struct load *l, const int go[2])
{
	char head[512];
	int fd = load_connect(l->port);
	size_t n = (size_t)snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: t\r\n"
	    "Transfer-Encoding: chunked\r\nx-amz-storage-class: TEMPORAL\r\n\r\n", l->path);

	if (fd < 0)
		load_die("connect");
	load_send(fd, head, n);
	usleep(100000);
	if (fork() == 0)
		put(l, fd, go);
	return fd;
}

int
main(int argc, char *argv[])
{
	struct load l = { 0 };
	struct reader *r;
	struct peer *peer;
	struct epoll_event ev[512];
	struct rusage ru;
	int ep, go[2], n, status;
	size_t npeer;
	long kb = 0, kb_all = 0, cpu = 0;
	int64_t start = 0;

	options(&l, argc, argv);
	load_descriptors();
	npeer = (l.readers + l.streams - 1) / l.streams;
	r = calloc(l.readers, sizeof(*r));
	peer = calloc(npeer, sizeof(*peer));
	l.delay = calloc(l.readers * l.count, sizeof(*l.delay));
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (r == NULL || peer == NULL || l.delay == NULL || ep < 0 || pipe(go) < 0)
		load_die("setup");
	if (l.tls_port != 0)
		begin_tls(&l);
	if (l.h2)
		begin_h2(&l);
	close(begin_writing(&l, go));
	if (l.pid != NULL)
		kb = load_memory(l.pid);
	for (size_t i = 0; i < npeer; i++) {
		struct epoll_event e = { .events = EPOLLIN };
		size_t from = i * l.streams, left = l.readers - from;

		peer[i] = (struct peer){ .load = &l, .reader = r + from,
			.nreader = left < l.streams ? left : l.streams };
		e.data.ptr = &peer[i];
		ask(&peer[i]);
		epoll_ctl(ep, EPOLL_CTL_ADD, peer[i].fd, &e);
	}
	while (l.complete + l.failed < l.readers) {
		n = epoll_wait(ep, ev, 512, 10000);
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			while (read_some(ev[i].data.ptr))
				;
		if (start == 0 && l.heads == l.readers) {	/* all are there */
			if (l.pid != NULL) {
				kb_all = load_memory(l.pid);
				cpu = load_ticks(l.pid);
			}
			start = clk_mono_ns();
			if (write(go[1], "", 1) != 1)
				load_die("pipe");
		}
	}
	close(go[1]);
	wait(&status);
	load_sort(l.delay, l.ndelay);
	getrusage(RUSAGE_SELF, &ru);
	printf("readers=%zu complete=%zu p50_ms=%.1f p90_ms=%.1f p99_ms=%.1f "
	    "max_ms=%.1f gbit_s=%.2f client_cpu_s=%.2f", l.readers, l.complete,
	    load_ms(l.delay, l.ndelay, 500), load_ms(l.delay, l.ndelay, 900),
	    load_ms(l.delay, l.ndelay, 990), load_ms(l.delay, l.ndelay, 1000),
	    (double)l.bytes * 8 / (double)(clk_mono_ns() - start),
	    (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
	if (l.pid != NULL)
		printf(" server_cpu_s=%.2f bytes_each=%ld", (double)(load_ticks(l.pid) - cpu) /
		    (double)sysconf(_SC_CLK_TCK), (kb_all - kb) * 1024 / (long)l.readers);
	printf("\n");
	nghttp2_session_callbacks_del(l.callbacks);
	SSL_CTX_free(l.ctx);
	free(peer);
	free(r);
	free(l.delay);
	return l.complete == l.readers && status == 0 ? 0 : 1;
}
