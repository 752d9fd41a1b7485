/* What a peer of HTTP/2 sends: requests that begin, their fields and bodies. */
#include <stdlib.h>
#include <string.h>

#include "lib/net/h2priv.h"

#define REFUSED_TOKENS	50

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
	return dear && h2_spend(h) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
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
	h->in_head = true;
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
	struct h1_str field = { (const char *)name, name_len };
	struct httpd_conn *c;

	(void)session, (void)flags;
	/* Trailers are read and forgotten. */
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || h->head == NULL)
		return 0;
	h2_head_add(h->head, field, (struct h1_str){ (const char *)value, value_len });
	c = h2_stream_of(h, frame->hd.stream_id);
	if (c != NULL && h1_is(field, "priority"))
		c->prioritised = true;
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
void
h2_body_end(struct httpd_conn *c)
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
	struct httpd_conn *c = h2_stream_of(h, frame->hd.stream_id);
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	(void)session;
	if (frame->hd.type == NGHTTP2_PRIORITY_UPDATE) {
		const nghttp2_ext_priority_update *update = frame->ext.payload;

		c = h2_stream_of(h, update->stream_id);
		if (c != NULL)
			c->prioritised = true;
		return 0;
	}
	if (frame->hd.type == NGHTTP2_HEADERS)
		h->in_head = false;
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
		if (h2_spend(h))
			return NGHTTP2_ERR_CALLBACK_FAILURE;
	} else if (end && (frame->hd.type == NGHTTP2_DATA ||
	    frame->hd.type == NGHTTP2_HEADERS)) {
		h2_body_end(c);
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

void
h2_hand_on(struct httpd_conn *c, const void *data, size_t len)
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
	struct httpd_conn *c = h2_stream_of(h, id);

	(void)flags;
	h->frame_left -= len < h->frame_left ? len : h->frame_left;
	if (c != NULL && c->state == CONN_BODY && c->in_len == 0) {
		c->body_left = h->frame_left;	/* for httpd_more_soon() */
		h2_hand_on(c, data, len);
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
	struct httpd_conn *c = h2_stream_of(user, id);

	(void)session, (void)code;
	if (c != NULL) {
		c->gone = true;
		conn_close(c, false);
	}
	return 0;
}

void
h2_receive_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb,
	    on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
}
