/*
 * What we send in HTTP/2: bodies from wherever they are kept, and the frames of all
 * streams in few large writes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/h2priv.h"

#define TURN_BYTES	(1u << 20)
#define DATA_MAX	65536u		/* of one frame, if the peer takes that */

static ssize_t
on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
    void *user)
{
	struct h2 *h = user;

	(void)session, (void)flags;
	if (!h2_batch_room(h, len))
		return NGHTTP2_ERR_WOULDBLOCK;
	h2_batch_put(h, data, len);
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

ssize_t
h2_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct httpd_conn *c = h2_stream_of(user, id);
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
	const struct h2 *h = user;
	uint32_t n = frame_max < DATA_MAX ? frame_max : DATA_MAX;

	(void)session, (void)type, (void)id;
	if (n > h->batch_max - H2_FRAME_HEAD)
		n = (uint32_t)h->batch_max - H2_FRAME_HEAD;
	if (window < (int32_t)n)
		n = (uint32_t)window;
	return stream_window < (int32_t)n ? stream_window : (ssize_t)n;
}

/* From where it is kept, or copied straight behind its frame's head. */
static bool
put_body(struct h2 *h, struct httpd_conn *c, size_t len)
{
	struct object *o = c->object;
	char *to = h2_batch_place(h);

	if (c->out != NULL) {
		h2_batch_put(h, c->out + c->out_pos, len);
		c->out_pos += len;
		return true;
	}
	if (c->mem_len > 0) {
		if (!h2_batch_refer(h, o, c->mem, 0, len))
			h2_batch_put(h, c->mem, len);
		c->mem += len;
		c->mem_len -= len;
		return true;
	}
	if (o->fd < 0) {
		if (!h2_batch_refer(h, o, o->mem + c->pos, 0, len))
			h2_batch_put(h, o->mem + c->pos, len);
		c->pos += len;
		return true;
	}
	/* What is given back once it was sent cannot be sent later. */
	if (o->on_sent == NULL && h2_batch_refer(h, o, NULL, c->pos, len)) {
		c->pos += len;
		return true;
	}
	for (size_t left = len; left > 0;) {
		ssize_t n = pread(o->fd, to, left, (off_t)c->pos);

		if (n <= 0)
			return false;
		to += n;
		left -= (size_t)n;
		c->pos += (uint64_t)n;
	}
	h2_batch_took(h, len);
	reply_taken(c);
	return true;
}

static int
on_send_data(nghttp2_session *session, nghttp2_frame *frame,
    const uint8_t *framehd, size_t len, nghttp2_data_source *source, void *user)
{
	struct h2 *h = user;
	struct httpd_conn *c = h2_stream_of(h, frame->hd.stream_id);

	(void)session, (void)source;
	if (!h2_batch_room(h, H2_FRAME_HEAD + len))
		return NGHTTP2_ERR_WOULDBLOCK;
	if (c == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	h2_batch_put(h, framehd, H2_FRAME_HEAD);
	if (len > 0 && !put_body(h, c, len)) {
		/* Its file was cut off, and its frame has begun. */
		h->failed = true;
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	h2_earn(h, 2);		/* for the window updates that it brings */
	reply_sent(c, len);
	if (link_empty(&c->timer_link))
		conn_arm(c, HTTPD_SEND);
	return 0;
}

static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;
	struct httpd_conn *c = h2_stream_of(h, frame->hd.stream_id);

	(void)session;
	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
			h2_spend(h);	/* the peer can make us send them */
		return 0;
	}
	if (c == NULL || c->state != CONN_REPLY)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		reply_sent(c, frame->hd.length + H2_FRAME_HEAD);
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

void
h2_moved(struct h2 *h, size_t n)
{
	h->progress += n;
	if (h->progress < h->conn->loop->server->config.min_progress)
		return;
	h->progress = 0;
	h->moved_ns = h->conn->loop->now_ns;
	if (h->conn->timer == HTTPD_SEND)
		conn_disarm(h->conn);
}

int
h2_flush(struct h2 *h)
{
	struct h2_batch batch;
	size_t sent = 0;
	int r = h2_batch_send_left(h);

	h->batch = &batch;
	while (r == 1) {
		if (sent >= TURN_BYTES) {
			conn_later(h->conn);
			break;
		}
		batch.n = 0;
		batch.files = false;
		batch.len = batch.used = 0;
		if (nghttp2_session_send(h->session) < 0)
			h->failed = true;
		if (batch.len == 0)
			break;
		sent += batch.len;
		r = h2_batch_send(h);
	}
	h->batch = NULL;
	return r;
}

void
h2_send_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_send_callback(cb, on_send);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_data_source_read_length_callback(cb,
	    on_read_length);
}
