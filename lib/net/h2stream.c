/* A stream of HTTP/2 as a connection of httpd.h: its body, its reply, its end. */
#include <stdlib.h>

#include "lib/net/h2priv.h"

#define BRIEF	65536u		/* bytes of a body */

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
			h2_hand_on(c, in, len);
			budget_give(&h->conn->loop->server->memory, len);
			free(in);
			nghttp2_session_consume(h->session, id, len);
		}
		if (c->state == CONN_BODY && c->in_end)
			h2_body_end(c);
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

/*
 * What is short goes before all else, so that a playlist, by which a player knows what to
 * ask for next, need not wait for what it has asked for already.  Of the rest,
 * those that the peer says nothing of share, as connections would.
 */
static void
choose_order(struct httpd_conn *c)
{
	nghttp2_extpri order = { NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1 };
	bool brief = (c->out != NULL ? c->out_len : c->mem_len) <= BRIEF &&
	    (c->object == NULL || c->mem_len > 0 || c->end - c->pos <= BRIEF);

	if (brief)
		order = (nghttp2_extpri){ NGHTTP2_EXTPRI_URGENCY_HIGH, 0 };
	else if (c->prioritised)
		return;
	nghttp2_session_change_extpri_stream_priority(c->h2->session, c->stream, &order,
	    brief);
}

void
h2_stream_reply(struct httpd_conn *c, const struct httpd_reply *r)
{
	nghttp2_nv nv[H2_HEAD_FIELDS];
	char text[32];
	size_t n = h2_head_put(c, r, nv, text);
	nghttp2_data_provider body = { .read_callback = h2_read_body };
	bool has = c->out != NULL || c->mem_len > 0 ||
	    (c->object != NULL && c->pos < c->end);

	if (has)
		choose_order(c);
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
