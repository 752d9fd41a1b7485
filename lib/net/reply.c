/* Replies: heads put together, bodies sent from memory or by sendfile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/conn.h"
#include "lib/net/h2.h"

/*
 * To one peer before others have a turn, who wait while a disk is read: 10 ms for
 * 4 MiB on a disk of 400 MB/s.
 */
#define TURN_BYTES	(1u << 20)

const int64_t httpd_bucket_ns[HTTPD_BUCKETS] = {
	1000000, 5000000, 20000000, 100000000, 500000000,
	2 * CLK_SECOND, 10 * CLK_SECOND, INT64_MAX,
};

static ssize_t
socket_recv(struct httpd_conn *c, void *buf, size_t len)
{
	ssize_t n = recv(c->fd, buf, len, 0);

	return n < 0 ? -errno : n;
}

static ssize_t
socket_sendv(struct httpd_conn *c, const struct iovec *iov, int n, bool more)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n,
	};
	ssize_t r = sendmsg(c->fd, &msg, MSG_NOSIGNAL | (more ? MSG_MORE : 0));

	return r < 0 ? -errno : r;
}

static ssize_t
socket_sendfile(struct httpd_conn *c, int from, uint64_t pos, size_t len)
{
	off_t at = (off_t)pos;
	ssize_t n = sendfile(c->fd, from, &at, len);

	return n < 0 ? -errno : n;
}

static void
socket_finish(struct httpd_conn *c)
{
	shutdown(c->fd, SHUT_WR);
}

const struct httpd_io httpd_io_socket = {
	socket_recv, socket_sendv, socket_sendfile, socket_finish,
};

void
reply_sent(struct httpd_conn *c, size_t n)
{
	if (c->first_ns == 0)
		c->first_ns = clk_mono_ns();
	c->bytes_out += n;
	httpd_add(&c->stats->bytes_out, n);
	c->progress += n;
	if (c->progress >= c->loop->server->config.min_progress) {
		c->progress = 0;
		conn_disarm(c);
	}
}

void
reply_taken(const struct httpd_conn *c)
{
	struct object *o = c->object;

	if (o->on_sent != NULL && c->wire == NULL)
		o->on_sent(o->on_sent_user, c->pos);
}

/* The peer does not take more now: it has send_ns for some progress. */
static int
blocked(struct httpd_conn *c)
{
	if (link_empty(&c->timer_link))
		conn_arm(c, HTTPD_SEND);
	return 0;
}

/* Send from memory: 1 all, 0 blocked, or -errno. */
static int
send_iov(struct httpd_conn *c, const struct iovec *iov, int count, size_t *done,
    bool more)
{
	size_t len = iov[0].iov_len + (count > 1 ? iov[1].iov_len : 0);
	ssize_t n = c->io->sendv(c, iov, count, more);

	*done = 0;
	if (n == -EAGAIN)
		return blocked(c);
	if (n < 0)
		return (int)n;
	reply_sent(c, (size_t)n);
	*done = (size_t)n;
	return (size_t)n == len ? 1 : blocked(c);
}

static int
send_mem(struct httpd_conn *c, const void *p, size_t len, size_t *done, bool more)
{
	struct iovec iov = { (char *)(uintptr_t)p, len };

	return send_iov(c, &iov, 1, done, more);
}

/* How far an object can be sent now. */
static uint64_t
available(const struct httpd_conn *c)
{
	return c->wire != NULL ? atomic_load(&c->wire->len) : object_len(c->object);
}

/* What was put together before and did not go at once. */
static int
send_left(struct httpd_conn *c)
{
	size_t n;
	int r;

	if (c->out != NULL) {
		struct iovec iov[2] = {
			{ c->out + c->out_pos, c->out_len - c->out_pos },
			{ (void *)(uintptr_t)c->mem, c->mem_len },
		};

		/* TLS has to be given the same bytes again, so both. */
		r = send_iov(c, iov, c->mem_len > 0 ? 2 : 1, &n, c->mem_len == 0 &&
		    c->object != NULL && available(c) > c->pos);
		if (n > iov[0].iov_len) {
			c->mem += n - iov[0].iov_len;
			c->mem_len -= n - iov[0].iov_len;
			n = iov[0].iov_len;
		}
		c->out_pos += n;
		if (c->out_pos == c->out_len) {
			free(c->out);
			c->out = NULL;
		}
		if (r <= 0)
			return r;
	}
	if (c->mem_len > 0) {
		r = send_mem(c, c->mem, c->mem_len, &n, false);
		c->mem += n;
		c->mem_len -= n;
		if (r <= 0)
			return r;
	}
	if (c->frame_pos < c->frame_len) {
		r = send_mem(c, c->frame + c->frame_pos, c->frame_len - c->frame_pos,
		    &n, c->chunk_left > 0);
		c->frame_pos += (unsigned)n;
		return r;
	}
	return 1;
}

/* Send len bytes of the object, or of fd: 1 some went, 0 blocked, or -errno. */
static int
send_object(struct httpd_conn *c, int fd, uint64_t len)
{
	size_t want = len < TURN_BYTES ? (size_t)len : TURN_BYTES;
	ssize_t n;

	if (fd < 0) {
		struct iovec iov = { c->object->mem + c->pos, want };

		n = c->io->sendv(c, &iov, 1, false);
	} else {
		n = c->io->sendfile(c, fd, c->pos, want);
	}
	if (n == -EAGAIN)
		return blocked(c);
	if (n <= 0)		/* 0: someone has cut the file off */
		return n < 0 ? (int)n : -EIO;
	reply_sent(c, (size_t)n);
	c->pos += (uint64_t)n;
	reply_taken(c);
	if (c->chunk_left > 0)
		c->chunk_left -= (uint64_t)n;
	return 1;
}

int
reply_wait(struct httpd_conn *c)
{
	struct wait_queue *q = c->object->waiting;

	conn_disarm(c);
	link_remove(&c->wait_link);
	link_append(&q->local[c->loop->index], &c->wait_link);
	atomic_fetch_or(&q->loops, 1u << c->loop->index);
	if (object_state(c->object) == OBJECT_GROWING && available(c) <= c->pos &&
	    (c->wire == NULL || !atomic_load(&c->wire->frozen)))
		return 0;
	link_remove(&c->wait_link);
	return 1;
}

/*
 * Follow an object by its wire.  Returns 1 when something went, 2 at the end, 0
 * to wait, or -errno.
 */
static int
follow_wire(struct httpd_conn *c)
{
	struct wire *w = c->wire;
	enum object_state state = object_state(c->object);	/* before the length */
	bool frozen = atomic_load(&w->frozen);
	uint64_t len = atomic_load(&w->len);

	if (len > c->pos)
		return send_object(c, w->fd, len - c->pos);
	if (state == OBJECT_FAILED)
		return -EPIPE;
	if (frozen) {			/* now by chunks of our own */
		c->pos = atomic_load(&w->data_len);
		c->wire = NULL;
		return 1;
	}
	return state == OBJECT_WHOLE ? 2 : reply_wait(c);
}

/*
 * The next chunk of an object that is followed.  Returns 1 when there is
 * something to send, 2 at the end, 0 to wait, or -errno.
 */
static int
next_chunk(struct httpd_conn *c)
{
	bool owed = c->frame_len > 2;		/* the end of the chunk before */
	const char *before = owed ? "\r\n" : "";
	enum object_state state = object_state(c->object);	/* before the length */
	uint64_t len = object_len(c->object);

	if (len > c->end)
		len = c->end;
	if (state == OBJECT_FAILED)
		return -EPIPE;
	if (len > c->pos) {
		c->chunk_left = len - c->pos;
		if (c->chunked_out)
			c->frame_len = (unsigned)snprintf(c->frame, sizeof(c->frame),
			    "%s%llx\r\n", before, (unsigned long long)c->chunk_left);
	} else if (state == OBJECT_WHOLE || c->pos == c->end) {
		c->end = c->pos;	/* this is the end */
		if (!c->chunked_out)
			return 2;
		c->frame_len = (unsigned)snprintf(c->frame, sizeof(c->frame),
		    "%s0\r\n\r\n", before);
		c->chunked_out = false;
	} else if (c->chunked_out && owed) {
		/* A cache may not hand a chunk on before it has ended. */
		c->frame_len = (unsigned)snprintf(c->frame, sizeof(c->frame), "\r\n");
	} else {
		return reply_wait(c);
	}
	c->frame_pos = c->chunked_out || c->chunk_left == 0 ? 0 : c->frame_len;
	return 1;
}

int
reply_run(struct httpd_conn *c)
{
	uint64_t budget = c->bytes_out + TURN_BYTES;
	bool follow = c->object != NULL && c->object->waiting != NULL;
	int r;

	for (;;) {
		if ((r = send_left(c)) <= 0)
			return r;
		if (c->object == NULL || (!follow && c->pos == c->end))
			return 1;
		if (c->bytes_out >= budget) {
			conn_later(c);
			return 0;
		}
		if (!follow) {
			r = send_object(c, c->object->fd, c->end - c->pos);
		} else if (c->wire != NULL) {
			r = follow_wire(c);
			if (r == 2)
				return 1;
		} else if (c->chunk_left > 0) {
			r = send_object(c, c->object->fd, c->chunk_left);
		} else if (c->frame_len > 0 && !c->chunked_out && c->pos == c->end) {
			return 1;	/* the last chunk went */
		} else {
			r = next_chunk(c);
			if (r == 2)
				return 1;
		}
		if (r <= 0)
			return r;
	}
}

static void
count_time(struct httpd_times *t, int64_t ns)
{
	int i = 0;

	while (ns > httpd_bucket_ns[i])
		i++;
	httpd_add(&t->bucket[i], 1);
	httpd_add(&t->sum_ns, (uint64_t)ns);
	httpd_add(&t->count, 1);
}

void
reply_count(struct httpd_conn *c)
{
	struct httpd_stats *stats = c->stats;

	c->end_ns = clk_mono_ns();
	httpd_add(&stats->status[c->status / 100 % 6], 1);
	count_time(&stats->total, c->end_ns - c->start_ns);
	count_time(&stats->turnaround, c->first_ns - c->start_ns);
	if (c->in_exchange) {
		c->in_exchange = false;
		c->loop->server->app->done(c, true);
	}
	object_unref(&c->object);
	conn_disarm(c);
}

void
reply_done(struct httpd_conn *c)
{
	reply_count(c);
	if (c->keep_alive && !c->body_unread) {
		c->state = CONN_HEAD;
		conn_arm(c, HTTPD_IDLE);
		if (c->in_len > 0 || c->readable)
			conn_later(c);		/* the next may be here already */
		return;
	}
	/*
	 * A close with something unread makes a reset, which can overtake the
	 * reply: say that we are done, and let the peer close.
	 */
	c->io->finish(c);
	c->state = CONN_LINGER;
	conn_arm(c, HTTPD_LINGER);
	conn_later(c);
}

static char *
put(char *to, const char *p, size_t len)
{
	if (len > 0)
		memcpy(to, p, len);
	return to + len;
}

#define PUT(to, text)	put((to), (text), sizeof(text) - 1)

static char *
put_number(char *to, uint64_t v)
{
	char digit[20];
	size_t n = sizeof(digit);

	do
		digit[--n] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	return put(to, digit + n, sizeof(digit) - n);
}

/* Status line and fields to the loop's buffer.  Returns the length. */
static size_t
put_head(struct httpd_conn *c, const struct httpd_reply *r)
{
	const char *reason = http_reason(r->status);
	char *p = c->loop->head;

	p = PUT(p, "HTTP/1.1 ");
	p = put_number(p, (unsigned)r->status);
	*p++ = ' ';
	p = put(p, reason, strlen(reason));
	p = PUT(p, "\r\nDate: ");
	p = put(p, c->loop->date, HTTP_DATE - 1);
	p = PUT(p, "\r\n");
	if (r->head_len + r->head2_len < CONN_OUT - 512) {
		p = put(p, r->head, r->head_len);
		p = put(p, r->head2, r->head2_len);
	}
	if (c->chunked_out) {
		p = PUT(p, "Transfer-Encoding: chunked\r\n");
	} else if ((!r->follow || r->sized) && r->status >= 200 && r->status != 204 &&
	    r->status != 304) {
		p = PUT(p, "Content-Length: ");
		p = put_number(p, r->from_object ? r->end - r->first : r->mem_len);
		p = PUT(p, "\r\n");
	}
	if (!c->keep_alive)
		p = PUT(p, "Connection: close\r\n");
	else if (c->minor == 0)
		p = PUT(p, "Connection: keep-alive\r\n");
	p = PUT(p, "\r\n");
	return (size_t)(p - c->loop->head);
}

/* Keep a part of the head and of a passing body for later. */
static int
keep(struct httpd_conn *c, const char *head, size_t head_len,
    const struct iovec *body)
{
	bool passing = c->object == NULL;
	size_t len = head_len + (passing ? body->iov_len : 0);

	if (!passing) {
		c->mem = body->iov_base;
		c->mem_len = body->iov_len;
	}
	if (len == 0)
		return 0;
	c->out = malloc(len);
	if (c->out == NULL)
		return -ENOMEM;
	if (head_len > 0)
		memcpy(c->out, head, head_len);
	if (passing && body->iov_len > 0)
		memcpy(c->out + head_len, body->iov_base, body->iov_len);
	c->out_len = len;
	c->out_pos = 0;
	return 0;
}

/* The head, and a body in memory with it: mostly that is all. */
static int
send_first(struct httpd_conn *c, const struct httpd_reply *r)
{
	size_t head_len = put_head(c, r), sent;
	struct iovec iov[2] = {
		{ c->loop->head, head_len }, { (void *)(uintptr_t)r->mem, r->mem_len },
	};
	ssize_t n;

	if (c->head_only)
		iov[1].iov_len = 0;
	/* The system keeps back what is said to have more behind it. */
	n = c->io->sendv(c, iov, iov[1].iov_len > 0 ? 2 : 1,
	    !c->head_only && r->from_object && object_len(c->object) > r->first);
	if (n < 0 && n != -EAGAIN)
		return (int)n;
	sent = n < 0 ? 0 : (size_t)n;
	if (sent > 0)
		reply_sent(c, sent);
	if (sent == head_len + iov[1].iov_len)
		return 0;
	blocked(c);
	if (sent > head_len) {
		iov[1].iov_base = (char *)iov[1].iov_base + (sent - head_len);
		iov[1].iov_len -= sent - head_len;
		sent = head_len;
	}
	return keep(c, c->loop->head + sent, head_len - sent, &iov[1]);
}

/* By HTTP/2: only what the body is; frames take it as they go. */
static void
reply_stream(struct httpd_conn *c, const struct httpd_reply *r)
{
	struct iovec body = { (void *)(uintptr_t)r->mem, r->mem_len };

	c->pos = c->end = 0;
	if (!c->head_only && r->from_object) {
		c->pos = r->first;
		c->end = r->end;
	} else if (!c->head_only && keep(c, NULL, 0, &body) < 0) {
		conn_close(c, true);
		return;
	} else if (c->mem_len == 0) {
		object_unref(&c->object);
	}
	h2_stream_reply(c, r);
}

void
httpd_reply(struct httpd_conn *c, struct httpd_reply *r)
{
	int err;

	if (c->state == CONN_DEAD) {
		object_unref(&r->object);
		return;
	}
	if (r->close || c->body_unread ||
	    atomic_load_explicit(&c->loop->server->stopping, memory_order_relaxed))
		c->keep_alive = false;
	c->chunked_out = r->follow && !r->sized && c->minor > 0;
	if (r->follow && !r->sized && !c->chunked_out)
		c->keep_alive = false;		/* its end is ours */
	c->state = CONN_REPLY;
	c->status = r->status;
	c->object = r->object;
	r->object = NULL;
	c->mem_len = 0;
	c->frame_len = c->frame_pos = 0;
	c->wire = NULL;
	c->chunk_left = c->progress = 0;
	conn_disarm(c);
	if (c->stream != 0) {
		reply_stream(c, r);
		return;
	}
	err = send_first(c, r);
	if (c->head_only || !r->from_object) {
		if (c->mem_len == 0)
			object_unref(&c->object);
		c->pos = c->end = 0;
	} else {
		c->pos = r->first;
		c->end = r->end;
		if (c->chunked_out && c->pos == 0 && c->end == UINT64_MAX)
			c->wire = wire_of(c->object);
	}
	if (c->head_only)
		c->chunked_out = false;
	if (err == 0 && c->out == NULL && c->mem_len == 0)
		err = c->object == NULL ? 1 : reply_run(c);
	if (err == 1)
		reply_done(c);
	else if (err < 0)
		conn_close(c, true);
}

void
httpd_reply_text(struct httpd_conn *c, int status, const char *head,
    const char *text)
{
	char body[256], fields[2048];
	int n, m;

	n = snprintf(body, sizeof(body), "%d %s%s%s\n", status, http_reason(status),
	    text != NULL ? ": " : "", text != NULL ? text : "");
	m = snprintf(fields, sizeof(fields), "Content-Type: text/plain; charset=utf-8"
	    "\r\n%s", head != NULL ? head : "");
	httpd_reply(c, &(struct httpd_reply){
		.status = status, .head = fields,
		.head_len = (size_t)m < sizeof(fields) ? (size_t)m : 0,
		.mem = body, .mem_len = (size_t)n < sizeof(body) ? (size_t)n :
		    sizeof(body) - 1,
	});
}
