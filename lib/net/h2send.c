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
	struct httpd_conn *c = h2_stream_of(h, frame->hd.stream_id);
	char *to = h->conn->loop->batch + h->batch_len;

	(void)session, (void)source;
	if (h->batch_len + 9 + len > CONN_BATCH)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (c == NULL || (len > 0 && !copy_body(c, to + 9, len)))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	memcpy(to, framehd, 9);
	h->batch_len += 9 + len;
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

int
h2_flush(struct h2 *h)
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

void
h2_send_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_send_callback(cb, on_send);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_data_source_read_length_callback(cb,
	    on_read_length);
}
