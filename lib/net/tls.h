/*
 * tls.h - TLS on the server's side of httpd.h, by OpenSSL.
 *
 * Spec     RFC 8446 and RFC 5246 (1.3 and 1.2, nothing older); RFC 7301, by which
 *          a peer chooses h2 or http/1.1; RFC 9325 for what is not offered.
 *          A server of another protocol has the same by tls_session().
 * Shape    One struct tls for a server: its certificate and key.  They can be
 *          read again while connections are open: those keep what they have.
 * Memory   A connection's TLS is freed by tls_end(); its buffers only exist
 *          while there is something in them.
 * Threads  tls_reload() any; what takes a connection: that of its loop.
 * Errors   Negative errno, and for files the reason in words.
 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stddef.h>

struct tls;
struct httpd_conn;
struct httpd_io;
struct ssl_st;

#define TLS_WHY	256

/* Read a certificate with its chain, and its key, both in PEM.  0 or -EINVAL. */
int tls_new(struct tls **out, const char *cert, const char *key,
    char why[static TLS_WHY]);

/* Read both files again.  On failure all stays as it was. */
int tls_reload(struct tls *t, char why[static TLS_WHY]);

void tls_free(struct tls *t);

/*
 * What is needed to speak TLS as a server on fd without httpd.h: an SSL of OpenSSL,
 * which the caller frees by SSL_free().  NULL: no memory.
 */
struct ssl_st *tls_session(struct tls *t, int fd);

/* Prepare c for its handshake.  0 or -ENOMEM. */
int tls_begin(struct tls *t, struct httpd_conn *c);

/*
 * Go on with it: 1 done, 0 it waits for the peer, -EPROTO, or -EPROTONOSUPPORT
 * when the peer speaks HTTP without TLS.
 */
int tls_handshake(struct httpd_conn *c);

/* Has the peer chosen HTTP/2?  Has it shown a ticket? */
bool tls_is_h2(const struct httpd_conn *c);
bool tls_is_resumed(const struct httpd_conn *c);

/* Free what c has of TLS; clean: and tell the peer that this is the end. */
void tls_end(struct httpd_conn *c, bool clean);

extern const struct httpd_io tls_io;

#endif
