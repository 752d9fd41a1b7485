/*
 * tlsclient.h - TLS on the client's side of a socket, by OpenSSL.
 *
 * Spec     RFC 8446 and RFC 5246 (1.3 and 1.2, nothing older); RFC 6066 3 (SNI);
 *          RFC 9525 (the name of the server).
 * Shape    Certificates are checked: by those that the system trusts, or in their place
 *          what the environment names: SSL_CERT_FILE a file of them, SSL_CERT_DIR a folder.
 *          The socket does not block, and is the caller's.
 * Memory   tlsclient_free() gives all back.
 * Threads  Belongs to one thread.
 * Errors   -EAGAIN: want says what to wait for; -EPROTO: no session comes about, and
 *          why says why; -ECONNRESET, -ENOMEM.
 */
#ifndef TLSCLIENT_H
#define TLSCLIENT_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/why.h"

struct ssl_st;
struct ssl_ctx_st;

struct tlsclient {
	short	 want;			/* of poll(2), after -EAGAIN */
	char	 why[WHY_ROOM];
	/* private: */
	struct ssl_st *ssl;
	struct ssl_ctx_st *ctx;
};

/* host: the name, or the address, that the certificate must be of.  0 or an error. */
int tlsclient_init(struct tlsclient *t, int fd, const char *host);
void tlsclient_free(struct tlsclient *t);

/* 0 when it is done; else an error, of which -EAGAIN is none. */
int tlsclient_handshake(struct tlsclient *t);

/* How much; 0 when the peer has ended; or an error. */
ssize_t tlsclient_read(struct tlsclient *t, void *p, size_t len);
ssize_t tlsclient_write(struct tlsclient *t, const void *p, size_t len);

/* Tell the peer that this is the end. */
void tlsclient_end(struct tlsclient *t);

#endif
