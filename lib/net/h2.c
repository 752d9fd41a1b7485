/* A session of HTTP/2: its beginning, turns, limits and end; see h2.h. */
#include <errno.h>
#include <stdlib.h>

#include "lib/base/clk.h"
#include "lib/net/h2priv.h"

#define TURNS		16

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
bool
h2_spend(struct h2 *h)
{
	if (h->tokens <= 0)
		refill(h);
	if (h->tokens-- > 0)
		return false;
	abused(h);
	return true;
}

void
h2_earn(struct h2 *h, int64_t n)
{
	h->tokens = h->tokens + n > H2_TOKENS ? H2_TOKENS : h->tokens + n;
}

/* ---- its turns */

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
	/* Those who wait for long should not each keep 24 KiB for it. */
	if ((link_empty(&h->streams) || !h->in_head) && h->head != NULL) {
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

		r = h2_flush(h);
		/* A peer that takes no more now may yet say what it wants first. */
		if (r < 0 || over(h))
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
		h2_receive_callbacks(cb);
		h2_send_callbacks(cb);
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
	h2_batch_limit(h);
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
		h2_flush(h);
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
