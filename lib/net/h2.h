/*
 * h2.h - a connection of HTTP/2: its streams are connections of httpd.h.
 *
 * Spec     RFC 9113, RFC 7541 and RFC 9218, by libnghttp2.  A request is put as the
 *          text of one of HTTP/1.1 and read by h1.h, so that both are as strict.
 * Shape    Each stream is a struct httpd_conn without a socket, which an
 *          application cannot tell from another.  The socket's own one reads
 *          frames, and sends those of all streams in few large writes, files by
 *          sendfile() where there is no TLS.
 * Limits   A peer has tokens for frames that cost us and bring nothing: pings,
 *          settings, resets (also those that it makes us send), empty data.  They
 *          come back with time and with data that it takes.
 * Memory   Of a connection: H2_WINDOW of bodies nobody has taken yet, a head, one
 *          batch that did not go at once.
 * Threads  All on the thread of the connection's loop.
 * Errors   Negative errno.
 */
#ifndef H2_H
#define H2_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/net/httpd.h"

#define H2_MAGIC	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_MAGIC_LEN	24u
#define H2_STREAMS	128u		/* at once */
#define H2_STREAM_WINDOW (1 << 20)
#define H2_WINDOW	(4 << 20)
#define H2_TOKENS	2000
#define H2_TOKENS_S	100		/* come back each second */

/* From here on c speaks HTTP/2.  0 or -ENOMEM. */
int h2_begin(struct httpd_conn *c);

/* Take what was received: the preface first. */
void h2_receive(struct httpd_conn *c, const char *buf, size_t len);

/* Send and receive, until one has to wait.  c may be dead then. */
void h2_run(struct httpd_conn *c);

/* No more streams: c ends when those it has do. */
void h2_stop(struct httpd_conn *c);

/* All streams end, and c's session; clean: the peer is told. */
void h2_end(struct httpd_conn *c, bool clean);

/* ---- of a stream */

/* There may be more to send, or a body to hand on. */
void h2_stream_run(struct httpd_conn *c);

/* Send its reply; c has what its body is. */
void h2_stream_reply(struct httpd_conn *c, const struct httpd_reply *r);

/* Its body is wanted now. */
void h2_stream_take_body(struct httpd_conn *c);

/* It leaves its session; reset unless it has ended there. */
void h2_stream_end(struct httpd_conn *c);

/* It was too slow: is that its own fault?  A head's holds up all others. */
bool h2_stream_stalled(struct httpd_conn *c);
void h2_head_timeout(struct httpd_conn *c);

#endif
