/*
 * h2priv.h - what h2.c, h2recv.c, h2send.c and h2stream.c share: private to h2.
 */
#ifndef H2PRIV_H
#define H2PRIV_H

#include <nghttp2/nghttp2.h>

#include "lib/net/conn.h"
#include "lib/net/h2.h"
#include "lib/net/h2head.h"

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

/* h2.c: true when that was one too many, and the connection has to end. */
bool h2_spend(struct h2 *h);
void h2_earn(struct h2 *h, int64_t n);

/* The connection that a stream is, or NULL. */
static inline struct httpd_conn *
h2_stream_of(struct h2 *h, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h->session, id);
}

/* h2recv.c */
void h2_receive_callbacks(nghttp2_session_callbacks *cb);
/* A piece of a body that the application wants now; and the body's end. */
void h2_hand_on(struct httpd_conn *c, const void *data, size_t len);
void h2_body_end(struct httpd_conn *c);

/* h2send.c */
void h2_send_callbacks(nghttp2_session_callbacks *cb);
/* Send what there is: 1 all went, 0 it waits for the peer, or -errno. */
int h2_flush(struct h2 *h);
/* A stream's body, as nghttp2_data_source_read_callback. */
ssize_t h2_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *user);

#endif
