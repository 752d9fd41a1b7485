/*
 * h2priv.h - what h2.c, h2recv.c, h2send.c and h2stream.c share: private to h2.
 */
#ifndef H2PRIV_H
#define H2PRIV_H

#include <nghttp2/nghttp2.h>

#include "lib/net/conn.h"
#include "lib/net/h2.h"
#include "lib/net/h2head.h"

#define H2_PIECES	130
#define H2_FRAME_HEAD	9u

/* What is sent next. */
struct h2_batch {
	unsigned n;
	size_t	 len, used;		/* of all, and of the loop's buffer */
	struct iovec iov[H2_PIECES];
	struct object *object[H2_PIECES];	/* it is of; NULL: in the loop's buffer */
	uint64_t pos[H2_PIECES];
	bool	 file[H2_PIECES];	/* it is in the file of its object, at pos */
	bool	 files;			/* there is one such */
};

struct h2 {
	struct httpd_conn *conn;
	nghttp2_session *session;
	struct link streams;
	struct h2_head *head;		/* of the request that comes in now */
	bool	 in_head;
	bool	 asked, active;		/* there was one; since settle() */
	bool	 abused, failed;
	int64_t	 tokens, tokens_ns;
	uint64_t frame_left;		/* of a DATA frame that comes in */
	char	*left;			/* of a batch that did not go at once */
	size_t	 left_len, left_pos;
	struct h2_batch *batch;		/* while there is one */
	size_t	 batch_max;
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
/* The peer has taken n bytes. */
void h2_moved(struct h2 *h, size_t n);
/* Send what there is: 1 all went, 0 it waits for the peer, or -errno. */
int h2_flush(struct h2 *h);
/* A stream's body, as nghttp2_data_source_read_callback. */
ssize_t h2_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *user);

/* h2batch.c: is there room for len bytes, a frame? */
bool h2_batch_room(const struct h2 *h, size_t len);
/* Copy len bytes into it; or the place to put them, and that they are there. */
void h2_batch_put(struct h2 *h, const void *p, size_t len);
char *h2_batch_place(const struct h2 *h);
void h2_batch_took(struct h2 *h, size_t len);
/* Send len bytes of o from mem, or NULL: from pos; false when they have to be copied. */
bool h2_batch_refer(struct h2 *h, struct object *o, const uint8_t *mem, uint64_t pos,
    size_t len);
/* Send it, or what was left before: 1 all went, 0 not all, or -errno. */
int h2_batch_send(struct h2 *h);
int h2_batch_send_left(struct h2 *h);
/* At first, and while the peer takes less than there is, send little at once. */
void h2_batch_limit(struct h2 *h);

#endif
