/*
 * Bytes of a peer into a connection that may become HTTP/2, with an application
 * behind it that answers, waits, takes bodies or breaks off, by what is asked for.
 * Every exchange that begins has to end, once, and all memory come back.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/conn.h"

static struct {
	const uint8_t *in;
	size_t	 left;
	unsigned begun, done, turn;
	struct httpd_conn *waits;
} f;

/* Pieces of odd lengths; at times the peer takes nothing. */
static ssize_t
fuzz_recv(struct httpd_conn *c, void *buf, size_t len)
{
	size_t n = 1 + f.turn++ * 37 % 4096;

	(void)c;
	if (f.left == 0)
		return -EAGAIN;
	n = n < len ? n : len;
	n = n < f.left ? n : f.left;
	memcpy(buf, f.in, n);
	f.in += n;
	f.left -= n;
	return (ssize_t)n;
}

static ssize_t
fuzz_sendv(struct httpd_conn *c, const struct iovec *iov, int n, bool more)
{
	(void)c, (void)n, (void)more;
	if (f.turn++ % 5 == 4)
		return -EAGAIN;
	return (ssize_t)(iov[0].iov_len > 5000 ? 5000 : iov[0].iov_len);
}

static ssize_t
fuzz_sendfile(struct httpd_conn *c, int from, uint64_t pos, size_t len)
{
	(void)c, (void)from, (void)pos;
	return (ssize_t)len;
}

static void
fuzz_finish(struct httpd_conn *c)
{
	(void)c;
}

static const struct httpd_io fuzz_io = {
	fuzz_recv, fuzz_sendv, fuzz_sendfile, fuzz_finish,
};

static void
on_request(struct httpd_conn *c, const struct h1_request *r)
{
	f.begun++;
	switch (r->method) {
	case H1_PUT:
		httpd_take_body(c);
		break;
	case H1_DELETE:
		httpd_abort(c);
		break;
	case H1_OPTIONS:
		if (f.waits == NULL) {
			httpd_hold(c);
			f.waits = c;
			break;
		}
		/* FALLTHROUGH */
	default:
		httpd_reply_text(c, 200, "X-Test: y\r\n", "text");
	}
}

static void
on_body(struct httpd_conn *c, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len > 0 && p[0] == 'r')
		httpd_reply_text(c, 412, NULL, NULL);
	else if (len > 0 && p[0] == 'a')
		httpd_abort(c);
}

static void
on_body_end(struct httpd_conn *c)
{
	httpd_reply_text(c, 201, NULL, NULL);
}

static void
on_done(struct httpd_conn *c, bool clean)
{
	(void)c, (void)clean;
	f.done++;
}

static const struct httpd_app app = {
	.request = on_request, .body = on_body, .body_end = on_body_end,
	.done = on_done,
};

static void
run_later(struct httpd_loop *l)
{
	for (int i = 0; i < 1000 && !link_empty(&l->run); i++) {
		struct httpd_conn *c = LINK_OF(l->run.next, struct httpd_conn, run_link);

		link_remove(&c->run_link);
		conn_run(c);
	}
}

static void
answer_late(void)
{
	struct httpd_conn *c = f.waits;

	f.waits = NULL;
	if (c == NULL || !httpd_release(c))
		return;
	if (c->body_unread)
		httpd_take_body(c);
	else
		httpd_reply_text(c, 204, NULL, NULL);
}

static void
begin(struct httpd *s, struct httpd_loop *l)
{
	static const struct httpd_config config = {
		.threads = 1, .max_conns = 10, .head_ns = 1000, .idle_ns = 1000,
		.body_ns = 1000, .send_ns = 1000, .min_progress = 16384,
	};

	s->config = config;
	s->app = &app;
	s->loop = l;
	s->memory.limit = 1 << 20;
	l->server = s;
	for (int i = 0; i < HTTPD_TIMERS; i++)
		link_init(&l->timer[i]);
	link_init(&l->all);
	link_init(&l->run);
	link_init(&l->dead);
	link_init(&l->grown);
	l->buf = malloc(CONN_READ);
	l->head = malloc(CONN_OUT);
	l->batch = malloc(CONN_BATCH);
	http_date(0, l->date);
	atomic_init(&l->conns, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct httpd_loop *l = calloc(1, sizeof(*l));
	struct httpd *s = calloc(1, sizeof(*s));
	struct httpd_conn *c = calloc(1, sizeof(*c));
	static const struct httpd_listener from;

	if (l == NULL || s == NULL || c == NULL)
		abort();
	memset(&f, 0, sizeof(f));
	f.in = in;
	f.left = len;
	begin(s, l);
	c->fd = -1;
	c->io = &fuzz_io;
	c->loop = l;
	c->listener = &from;
	c->stats = &l->stats;
	c->state = CONN_HEAD;
	c->readable = true;
	link_append(&l->all, &c->all_link);
	link_init(&c->timer_link);
	link_init(&c->run_link);
	link_init(&c->wait_link);
	conn_arm(c, HTTPD_HEAD);
	while (c->state != CONN_DEAD && f.left > 0) {
		size_t before = f.left;

		c->readable = true;
		conn_run(c);
		run_later(l);
		answer_late();
		run_later(l);
		l->now_ns += 100;
		if (f.left == before && f.turn++ > 10000)
			break;
	}
	for (int i = 0; i < HTTPD_TIMERS; i++)
		while (!link_empty(&l->timer[i]) && l->now_ns++ < 1000000)
			conn_timeout(LINK_OF(l->timer[i].next, struct httpd_conn,
			    timer_link));
	run_later(l);
	conn_close(c, true);
	answer_late();
	while (!link_empty(&l->dead)) {
		struct httpd_conn *dead = LINK_OF(l->dead.next, struct httpd_conn,
		    run_link);

		link_remove(&dead->run_link);
		conn_free(dead);
	}
	if (f.begun > f.done || atomic_load(&s->memory.used) != 0)
		abort();
	free(l->buf);
	free(l->head);
	free(l->batch);
	free(l);
	free(s);
	return 0;
}
