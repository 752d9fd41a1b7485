#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>

#include "lib/base/clk.h"
#include "lib/net/conn.h"
#include "lib/net/h2.h"
#include "lib/net/h2head.h"

#define TURNS		16
#define TURN_BYTES	(1u << 20)
#define DATA_MAX	65536u		/* of one frame, if the peer takes that */
#define REFUSED_TOKENS	50

struct h2 {
	struct httpd_conn *conn;
	nghttp2_session *session;
	struct link streams;
	struct h2_head *head;		/* of the request that comes in now */
	bool	 asked, active;		/* there was one; since settle() */
	bool	 abused, failed;
	int64_t	 tokens, tokens_ns;
	uint64_t frame_left;		/* of a DATA frame that comes in */
	char	*left;			/* of a batch that did not go at once */
	size_t	 left_len, left_pos;
	size_t	 batch_len;		/* in the loop's batch */
	uint64_t progress;
	int64_t	 moved_ns;		/* when the peer has last taken so much */
};

/* ---- what a peer may cost */

static void
refill(struct h2 *h)
{
	int64_t now = h->conn->loop->now_ns;
	int64_t n = (now - h->tokens_ns) / (CLK_SECOND / H2_TOKENS_S);

	if (n <= 0)
		return;
	h->tokens_ns = now;
	h->tokens = h->tokens + n > H2_TOKENS ? H2_TOKENS : h->tokens + n;
}

static void
abused(struct h2 *h)
{
	if (h->abused)
		return;
	h->abused = true;
	httpd_add(&h->conn->stats->h2_abused, 1);
	nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* True when that was one too many: then the connection has to end. */
static bool
spend(struct h2 *h)
{
	if (h->tokens <= 0)
		refill(h);
	if (h->tokens-- > 0)
		return false;
	abused(h);
	return true;
}

static void
earn(struct h2 *h, int64_t n)
{
	h->tokens = h->tokens + n > H2_TOKENS ? H2_TOKENS : h->tokens + n;
}

/* ---- receiving */

static struct httpd_conn *
stream_of(struct h2 *h, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h->session, id);
}

static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct h2 *h = user;
	bool dear = true;

	/* We have said that we do not want them, so nghttp2 does not look. */
	if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0) {
		nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	if (hd->type == NGHTTP2_DATA) {
		/* What is padded has its end where nobody knows: no more is announced. */
		h->frame_left = (hd->flags & NGHTTP2_FLAG_PADDED) != 0 ? 0 : hd->length;
		dear = hd->length == 0 && (hd->flags & NGHTTP2_FLAG_END_STREAM) == 0;
	} else if (hd->type == NGHTTP2_HEADERS) {
		dear = false;
	}
	return dear && spend(h) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;
	struct httpd_conn *base = h->conn, *c;

	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	c = calloc(1, sizeof(*c));
	if (c == NULL || (h->head == NULL && (h->head = h2_head_new(
	    &base->loop->server->memory)) == NULL)) {
		free(c);
		nghttp2_submit_rst_stream(session, 0, frame->hd.stream_id,
		    NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	h2_head_clear(h->head);
	h->asked = h->active = true;
	c->fd = -1;
	c->io = base->io;
	c->loop = base->loop;
	c->listener = base->listener;
	c->stats = base->stats;
	c->peer = base->peer;
	c->tls = base->tls;
	c->http = 20;
	c->h2 = h;
	c->stream = frame->hd.stream_id;
	c->state = CONN_HEAD;
	link_append(&h->streams, &c->all_link);
	link_init(&c->timer_link);
	link_init(&c->run_link);
	link_init(&c->wait_link);
	conn_arm(c, HTTPD_HEAD);
	httpd_add(&c->stats->h2_streams, 1);
	nghttp2_session_set_stream_user_data(session, c->stream, c);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len,
    uint8_t flags, void *user)
{
	struct h2 *h = user;

	(void)session, (void)flags;
	/* Trailers are read and forgotten. */
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST && h->head != NULL)
		h2_head_add(h->head, (struct h1_str){ (const char *)name, name_len },
		    (struct h1_str){ (const char *)value, value_len });
	return 0;
}

/* A field that is none makes the whole message malformed: RFC 9113 8.1.1. */
static int
on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len,
    uint8_t flags, void *user)
{
	(void)session, (void)frame, (void)name, (void)name_len, (void)value;
	(void)value_len, (void)flags, (void)user;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The body has come to its end. */
static void
body_end(struct httpd_conn *c)
{
	c->in_end = true;
	if (c->state != CONN_BODY || c->in_len > 0)
		return;
	c->body_unread = false;
	c->state = CONN_BUSY;
	conn_disarm(c);
	c->loop->server->app->body_end(c);
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;
	struct httpd_conn *c = stream_of(h, frame->hd.stream_id);
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	(void)session;
	if (c == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS &&
	    frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		struct h1_request *r = &c->loop->req;
		int status = h2_head_parse(h->head, r, end);

		c->in_end = end;
		if (status == 0) {
			conn_begin(c, r);
			return 0;
		}
		conn_refuse(c, status);
		h->tokens -= REFUSED_TOKENS;	/* it may have been long to unpack */
		if (spend(h))
			return NGHTTP2_ERR_CALLBACK_FAILURE;
	} else if (end && (frame->hd.type == NGHTTP2_DATA ||
	    frame->hd.type == NGHTTP2_HEADERS)) {
		body_end(c);
	}
	return 0;
}

/* Keep a piece of a body until it is wanted. */
static bool
keep(struct httpd_conn *c, const uint8_t *data, size_t len)
{
	char *in;

	if (!budget_take(&c->loop->server->memory, len))
		return false;
	in = realloc(c->in, c->in_len + len);
	if (in == NULL) {
		budget_give(&c->loop->server->memory, len);
		return false;
	}
	memcpy(in + c->in_len, data, len);
	c->in = in;
	c->in_len += len;
	return true;
}

static void
hand_on(struct httpd_conn *c, const void *data, size_t len)
{
	c->bytes_in += len;
	httpd_add(&c->stats->bytes_in, len);
	conn_arm(c, HTTPD_BODY);
	c->loop->server->app->body(c, data, len);
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
    size_t len, void *user)
{
	struct h2 *h = user;
	struct httpd_conn *c = stream_of(h, id);

	(void)flags;
	h->frame_left -= len < h->frame_left ? len : h->frame_left;
	if (c != NULL && c->state == CONN_BODY && c->in_len == 0) {
		c->body_left = h->frame_left;	/* for httpd_more_soon() */
		hand_on(c, data, len);
	} else if (c != NULL && (c->state == CONN_BODY || c->state == CONN_BUSY)) {
		if (keep(c, data, len))
			return 0;	/* the peer's window stays used until then */
		conn_close(c, true);
	} else {
		nghttp2_session_consume_connection(session, len);
		return 0;
	}
	nghttp2_session_consume(session, id, len);
	return 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct httpd_conn *c = stream_of(user, id);

	(void)session, (void)code;
	if (c != NULL) {
		c->gone = true;
		conn_close(c, false);
	}
	return 0;
}

void
h2_receive(struct httpd_conn *c, const char *buf, size_t len)
{
	struct h2 *h = c->h2;
	ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)buf, len);

	if (n < 0)
		h->failed = true;
	if (n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
		abused(h);
}

/* ---- sending */

static ssize_t
on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
    void *user)
{
	struct h2 *h = user;

	(void)session, (void)flags;
	if (h->batch_len + len > CONN_BATCH)
		return NGHTTP2_ERR_WOULDBLOCK;
	memcpy(h->conn->loop->batch + h->batch_len, data, len);
	h->batch_len += len;
	return (ssize_t)len;
}

/* Bytes that c can send now, and whether they are its last; or -errno. */
static ssize_t
ready(struct httpd_conn *c, bool *last)
{
	enum object_state state;
	uint64_t len;

	*last = true;
	if (c->out != NULL)
		return (ssize_t)(c->out_len - c->out_pos);
	if (c->mem_len > 0)
		return (ssize_t)c->mem_len;
	if (c->object == NULL)
		return 0;
	state = object_state(c->object);	/* before the length */
	len = object_len(c->object);
	if (state == OBJECT_FAILED)
		return -EPIPE;
	if (len >= c->end)
		len = c->end;
	else
		*last = state == OBJECT_WHOLE;
	return len > c->pos ? (ssize_t)(len - c->pos) : 0;
}

static ssize_t
on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct httpd_conn *c = stream_of(user, id);
	bool last;
	ssize_t n;

	(void)session, (void)buf, (void)source;
	if (c == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	while ((n = ready(c, &last)) == 0 && !last)
		if (reply_wait(c) == 0)
			return NGHTTP2_ERR_DEFERRED;
	if (n < 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if ((size_t)n > len) {
		n = (ssize_t)len;
		last = false;
	}
	*flags = NGHTTP2_DATA_FLAG_NO_COPY | (last ? NGHTTP2_DATA_FLAG_EOF : 0);
	return n;
}

static ssize_t
on_read_length(nghttp2_session *session, uint8_t type, int32_t id, int32_t window,
    int32_t stream_window, uint32_t frame_max, void *user)
{
	uint32_t n = frame_max < DATA_MAX ? frame_max : DATA_MAX;

	(void)session, (void)type, (void)id, (void)user;
	if (window < (int32_t)n)
		n = (uint32_t)window;
	return stream_window < (int32_t)n ? stream_window : (ssize_t)n;
}

/* From where it is kept straight behind its frame's header. */
static bool
copy_body(struct httpd_conn *c, char *to, size_t len)
{
	if (c->out != NULL) {
		memcpy(to, c->out + c->out_pos, len);
		c->out_pos += len;
	} else if (c->mem_len > 0) {
		memcpy(to, c->mem, len);
		c->mem += len;
		c->mem_len -= len;
	} else if (c->object->fd < 0) {
		memcpy(to, c->object->mem + c->pos, len);
		c->pos += len;
	} else {
		while (len > 0) {
			ssize_t n = pread(c->object->fd, to, len, (off_t)c->pos);

			if (n <= 0)
				return false;
			to += n;
			len -= (size_t)n;
			c->pos += (uint64_t)n;
		}
	}
	return true;
}

static int
on_send_data(nghttp2_session *session, nghttp2_frame *frame,
    const uint8_t *framehd, size_t len, nghttp2_data_source *source, void *user)
{
	struct h2 *h = user;
	struct httpd_conn *c = stream_of(h, frame->hd.stream_id);
	char *to = h->conn->loop->batch + h->batch_len;

	(void)session, (void)source;
	if (h->batch_len + 9 + len > CONN_BATCH)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (c == NULL || (len > 0 && !copy_body(c, to + 9, len)))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	memcpy(to, framehd, 9);
	h->batch_len += 9 + len;
	earn(h, 2);		/* for the window updates that it brings */
	reply_sent(c, len);
	if (link_empty(&c->timer_link))
		conn_arm(c, HTTPD_SEND);
	return 0;
}

static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;
	struct httpd_conn *c = stream_of(h, frame->hd.stream_id);

	(void)session;
	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
			spend(h);	/* the peer can make us send them */
		return 0;
	}
	if (c == NULL || c->state != CONN_REPLY)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		reply_sent(c, frame->hd.length + 9);
	else if (frame->hd.type != NGHTTP2_DATA)
		return 0;
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	reply_count(c);
	c->state = CONN_LINGER;
	/*
	 * Nobody wants the rest of its body: the peer gets time to stop by itself,
	 * since curl 7 forgets an answer with a reset behind it.
	 */
	if (!c->in_end)
		conn_arm(c, HTTPD_LINGER);
	return 0;
}

/* The peer has taken n bytes. */
static void
moved(struct h2 *h, size_t n)
{
	h->progress += n;
	if (h->progress < h->conn->loop->server->config.min_progress)
		return;
	h->progress = 0;
	h->moved_ns = h->conn->loop->now_ns;
	if (h->conn->timer == HTTPD_SEND)
		conn_disarm(h->conn);
}

/* What is left of a batch: 1 nothing any more, 0 something, or -errno. */
static int
send_left(struct h2 *h)
{
	struct iovec iov = { h->left + h->left_pos, h->left_len - h->left_pos };
	ssize_t n;

	if (h->left == NULL)
		return 1;
	n = h->conn->io->sendv(h->conn, &iov, 1, false);
	if (n < 0 && n != -EAGAIN)
		return (int)n;
	if (n > 0) {
		h->left_pos += (size_t)n;
		moved(h, (size_t)n);
	}
	if (h->left_pos < h->left_len)
		return 0;
	free(h->left);
	h->left = NULL;
	return 1;
}

static int
send_batch(struct h2 *h)
{
	struct iovec iov = { h->conn->loop->batch, h->batch_len };
	ssize_t n = h->conn->io->sendv(h->conn, &iov, 1, false);

	if (n < 0 && n != -EAGAIN)
		return (int)n;
	if (n < 0)
		n = 0;
	moved(h, (size_t)n);
	if ((size_t)n == h->batch_len)
		return 1;
	h->left_len = h->batch_len - (size_t)n;
	h->left_pos = 0;
	h->left = malloc(h->left_len);
	if (h->left == NULL)
		return -ENOMEM;
	memcpy(h->left, h->conn->loop->batch + n, h->left_len);
	return 0;
}

/* Send what there is: 1 all went, 0 it waits for the peer, or -errno. */
static int
flush(struct h2 *h)
{
	size_t sent = 0;
	int r = send_left(h);

	while (r == 1) {
		if (sent >= TURN_BYTES) {
			conn_later(h->conn);
			return 1;
		}
		h->batch_len = 0;
		if (nghttp2_session_send(h->session) < 0)
			h->failed = true;
		if (h->batch_len == 0)
			return 1;
		sent += h->batch_len;
		r = send_batch(h);
	}
	return r;
}

/* Which time limit is there for the peer now? */
static void
settle(struct h2 *h)
{
	struct httpd_conn *c = h->conn;
	bool armed = !link_empty(&c->timer_link);

	if (h->left != NULL) {
		if (!armed || c->timer != HTTPD_SEND)
			conn_arm(c, HTTPD_SEND);
	} else if (!link_empty(&h->streams)) {
		conn_disarm(c);
	} else if (!armed || c->timer == HTTPD_SEND || h->active) {
		conn_arm(c, h->asked ? HTTPD_IDLE : HTTPD_HEAD);
	}
	h->active = false;
	if (link_empty(&h->streams) && h->head != NULL) {
		h2_head_free(h->head, &c->loop->server->memory);
		h->head = NULL;
	}
}

static bool
over(struct h2 *h)
{
	return h->failed || (!nghttp2_session_want_read(h->session) &&
	    !nghttp2_session_want_write(h->session));
}

void
h2_run(struct httpd_conn *c)
{
	struct h2 *h = c->h2;
	int r = 0;

	for (int turns = 0; ; turns++) {
		ssize_t n;

		r = flush(h);
		if (r <= 0 || over(h))
			break;
		if (!c->readable)
			break;
		if (turns == TURNS) {
			conn_later(c);
			break;
		}
		n = c->io->recv(c, c->loop->buf, CONN_READ);
		if (n == -EAGAIN) {
			c->readable = false;
			continue;
		}
		if (n <= 0) {		/* whom should we answer? */
			conn_close(c, true);
			return;
		}
		if (c->ssl == NULL)
			c->readable = (size_t)n == CONN_READ || c->ended;
		h2_receive(c, c->loop->buf, (size_t)n);
	}
	if (r < 0) {
		conn_close(c, true);
	} else if (r == 1 && over(h)) {
		/* A close with something unread can overtake what was said. */
		h2_end(c, false);
		c->io->finish(c);
		c->state = CONN_LINGER;
		conn_arm(c, HTTPD_LINGER);
		conn_later(c);
	} else {
		settle(h);
	}
}

/* ---- a session */

static int
new_session(struct h2 *h)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *option = NULL;
	int r = -ENOMEM;

	if (nghttp2_session_callbacks_new(&cb) == 0 && nghttp2_option_new(&option) == 0) {
		nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
		nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
		    on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_invalid_header_callback(cb,
		    on_invalid_header);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb,
		    on_stream_close);
		nghttp2_session_callbacks_set_send_callback(cb, on_send);
		nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
		nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
		nghttp2_session_callbacks_set_data_source_read_length_callback(cb,
		    on_read_length);
		nghttp2_option_set_no_auto_window_update(option, 1);
		nghttp2_option_set_no_closed_streams(option, 1);
		nghttp2_option_set_builtin_recv_extension_type(option,
		    NGHTTP2_PRIORITY_UPDATE);
		/* Our tokens come first, and say why. */
		nghttp2_option_set_stream_reset_rate_limit(option, 2 * H2_TOKENS,
		    H2_TOKENS);
		if (nghttp2_session_server_new2(&h->session, cb, h, option) == 0)
			r = 0;
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	return r;
}

int
h2_begin(struct httpd_conn *c)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H1_HEAD_MAX },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};
	struct h2 *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->conn = c;
	h->tokens = H2_TOKENS;
	h->tokens_ns = h->moved_ns = c->loop->now_ns;
	link_init(&h->streams);
	if (new_session(h) < 0) {
		free(h);
		return -ENOMEM;
	}
	c->h2 = h;
	c->state = CONN_H2;
	c->http = 20;
	if (nghttp2_submit_settings(h->session, 0, settings,
	    sizeof(settings) / sizeof(settings[0])) != 0 ||
	    nghttp2_session_set_local_window_size(h->session, 0, 0, H2_WINDOW) != 0)
		h->failed = true;
	conn_later(c);
	return 0;
}

void
h2_stop(struct httpd_conn *c)
{
	struct h2 *h = c->h2;

	nghttp2_submit_goaway(h->session, 0,
	    nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR,
	    NULL, 0);
	conn_later(c);
}

void
h2_end(struct httpd_conn *c, bool clean)
{
	struct h2 *h = c->h2;

	if (h == NULL)
		return;
	if (clean && h->left == NULL && !h->failed) {
		nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
		flush(h);
	}
	while (!link_empty(&h->streams))
		conn_close(LINK_OF(h->streams.next, struct httpd_conn, all_link), true);
	nghttp2_session_del(h->session);
	if (h->head != NULL)
		h2_head_free(h->head, &c->loop->server->memory);
	free(h->left);
	free(h);
	c->h2 = NULL;
}

/* ---- a stream */

void
h2_stream_end(struct httpd_conn *c)
{
	struct h2 *h = c->h2;
	uint32_t code = c->state == CONN_HEAD ? NGHTTP2_REFUSED_STREAM :
	    c->state == CONN_LINGER ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR;

	nghttp2_session_set_stream_user_data(h->session, c->stream, NULL);
	if (!c->gone)
		nghttp2_submit_rst_stream(h->session, 0, c->stream, code);
	if (c->in_len > 0)
		nghttp2_session_consume_connection(h->session, c->in_len);
	c->h2 = NULL;
	conn_later(h->conn);
}

void
h2_stream_run(struct httpd_conn *c)
{
	struct h2 *h = c->h2;

	if (c->state == CONN_BODY) {
		char *in = c->in;
		size_t len = c->in_len;
		int32_t id = c->stream;

		c->in = NULL;
		c->in_len = 0;
		c->body_left = 0;
		if (len > 0) {
			hand_on(c, in, len);
			budget_give(&h->conn->loop->server->memory, len);
			free(in);
			nghttp2_session_consume(h->session, id, len);
		}
		if (c->state == CONN_BODY && c->in_end)
			body_end(c);
	} else if (c->state == CONN_REPLY) {
		nghttp2_session_resume_data(h->session, c->stream);
		if (link_empty(&c->timer_link))
			conn_arm(c, HTTPD_SEND);
	}
	conn_later(h->conn);
}

void
h2_stream_take_body(struct httpd_conn *c)
{
	static const uint8_t name[] = ":status", value[] = "100";
	const nghttp2_nv nv = {
		(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, 7, 3, 0,
	};

	if (c->expect_continue && c->in_len == 0 && !c->in_end)
		nghttp2_submit_headers(c->h2->session, 0, c->stream, NULL, &nv, 1, NULL);
	conn_later(c);
}

void
h2_stream_reply(struct httpd_conn *c, const struct httpd_reply *r)
{
	nghttp2_nv nv[H2_HEAD_FIELDS];
	char text[32];
	size_t n = h2_head_put(c, r, nv, text);
	nghttp2_data_provider body = { .read_callback = on_read };
	bool has = c->out != NULL || c->mem_len > 0 ||
	    (c->object != NULL && c->pos < c->end);

	if (nghttp2_submit_response(c->h2->session, c->stream, nv, n,
	    has ? &body : NULL) != 0) {
		conn_close(c, true);
		return;
	}
	if (has)
		conn_arm(c, HTTPD_SEND);
	conn_later(c->h2->conn);
}

/*
 * A stream whose window is open waits for its turn behind others, as long as the
 * peer takes anything at all.
 */
bool
h2_stream_stalled(struct httpd_conn *c)
{
	struct h2 *h = c->h2;
	int64_t since = c->loop->now_ns - h->moved_ns;

	return nghttp2_session_get_stream_remote_window_size(h->session,
	    c->stream) <= 0 || since >= c->loop->server->config.send_ns;
}

void
h2_head_timeout(struct httpd_conn *c)
{
	nghttp2_session_terminate_session(c->h2->session, NGHTTP2_ENHANCE_YOUR_CALM);
	conn_later(c->h2->conn);
	conn_close(c, true);
}
