#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "lib/net/conn.h"
#include "lib/net/tls.h"

#define RECORD		16384u		/* most bytes of one record, RFC 8446 5.1 */
#define READ_AHEAD	65536u
#define FILE_PIECE	65536u		/* of a file at once: what a cache near us holds */

struct tls {
	const char *cert, *key;
	BIO_METHOD *bio;
	pthread_mutex_t lock;
	SSL_CTX *ctx;			/* under lock */
};

/* ---- between OpenSSL and the socket

A BIO of our own before OpenSSL's for sockets, so that the system is told when more
records follow and makes few large packets of them, and is not asked for more bytes
when it has just said that there are none.  With TLS in the kernel, it is not
in the way.
*/

static int
bio_write(BIO *b, const char *buf, int len)
{
	struct httpd_conn *c = BIO_get_data(b);
	int n;

	BIO_clear_retry_flags(b);
	if (BIO_get_ktls_send(BIO_next(b))) {
		n = BIO_write(BIO_next(b), buf, len);
		BIO_copy_next_retry(b);
		return n;
	}
	n = (int)send(c->fd, buf, (size_t)len, MSG_NOSIGNAL |
	    (c->more_follows ? MSG_MORE : 0));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return n;
}

static int
bio_read(BIO *b, char *buf, int len)
{
	struct httpd_conn *c = BIO_get_data(b);
	int n;

	BIO_clear_retry_flags(b);
	if (BIO_get_ktls_recv(BIO_next(b))) {
		n = BIO_read(BIO_next(b), buf, len);
		BIO_copy_next_retry(b);
		return n;
	}
	n = -1;
	if (!c->drained) {
		errno = 0;
		n = (int)recv(c->fd, buf, (size_t)len, 0);
		/* A short read took all there was: an edge tells of more. */
		c->drained = n != 0 && n < len && errno != EINTR && !c->ended;
	} else {
		errno = EAGAIN;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	return n;
}

static long
bio_ctrl(BIO *b, int what, long n, void *p)
{
	return BIO_ctrl(BIO_next(b), what, n, p);
}

static int
bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static BIO_METHOD *
new_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "httpd");

	if (m != NULL && BIO_meth_set_write(m, bio_write) == 1 &&
	    BIO_meth_set_read(m, bio_read) == 1 && BIO_meth_set_ctrl(m, bio_ctrl) == 1 &&
	    BIO_meth_set_create(m, bio_create) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* Put ours before the one that SSL_set_fd() has made. */
static bool
push_bio(const struct tls *t, struct httpd_conn *c)
{
	BIO *ours = BIO_new(t->bio), *socket = SSL_get_wbio(c->ssl);

	if (ours == NULL)
		return false;
	BIO_set_data(ours, c);
	BIO_up_ref(socket);
	BIO_push(ours, socket);
	SSL_set_bio(c->ssl, ours, ours);
	return true;
}

/* ---- certificates */

/* Nobody is there to be asked for a password. */
static int
no_password(char *buf, int size, int writing, void *user)
{
	(void)buf, (void)size, (void)writing, (void)user;
	return -1;
}

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *user)
{
	static const unsigned char ours[] = "\2h2\10http/1.1";
	unsigned char *chosen;

	(void)user;
	if (SSL_get_app_data(ssl) != NULL)	/* of tls_session(): no HTTP */
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
	    in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int
explain(char why[static TLS_WHY], const char *what, const char *file)
{
	unsigned long err = ERR_peek_error();	/* the cause; the last is that it failed */
	const char *reason = ERR_reason_error_string(err);

	if (reason == NULL && ERR_SYSTEM_ERROR(err))
		reason = strerror(ERR_GET_REASON(err));
	snprintf(why, TLS_WHY, "%s '%s': %s", what, file,
	    reason != NULL ? reason : "unknown error");
	ERR_clear_error();
	return -EINVAL;
}

/*
 * Tickets let a peer resume; their keys live and die with the context, and no
 * session is kept here, so that peers cannot fill our memory.
 */
static SSL_CTX *
new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
	    SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"httpd", 5);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	/* The shorter key costs a quarter less, and is what browsers ask for first. */
	if (SSL_CTX_set_cipher_list(ctx,
	    "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:"
	    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int
load(const struct tls *t, SSL_CTX **out, char why[static TLS_WHY])
{
	SSL_CTX *ctx = new_context();
	int err = 0;

	ERR_clear_error();
	if (ctx == NULL)
		return explain(why, "cannot use TLS for", t->cert);
	if (SSL_CTX_use_certificate_chain_file(ctx, t->cert) != 1)
		err = explain(why, "cannot use the certificate", t->cert);
	else if (SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1)
		err = explain(why, "cannot use the key", t->key);
	else if (SSL_CTX_check_private_key(ctx) != 1)
		err = explain(why, "the certificate has another key than", t->key);
	if (err < 0)
		SSL_CTX_free(ctx);
	else
		*out = ctx;
	return err;
}

int
tls_new(struct tls **out, const char *cert, const char *key,
    char why[static TLS_WHY])
{
	struct tls *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->cert = cert;
	t->key = key;
	pthread_mutex_init(&t->lock, NULL);
	t->bio = new_bio_method();
	err = t->bio == NULL ? -ENOMEM : load(t, &t->ctx, why);
	if (err == -ENOMEM)
		snprintf(why, TLS_WHY, "no memory for TLS");
	if (err < 0)
		tls_free(t);
	else
		*out = t;
	return err;
}

int
tls_reload(struct tls *t, char why[static TLS_WHY])
{
	SSL_CTX *ctx, *old;
	int err = load(t, &ctx, why);

	if (err < 0)
		return err;
	pthread_mutex_lock(&t->lock);
	old = t->ctx;
	t->ctx = ctx;
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old);		/* connections have references */
	return 0;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- connections */

struct ssl_st *
tls_session(struct tls *t, int fd)
{
	SSL *ssl;

	pthread_mutex_lock(&t->lock);
	ssl = SSL_new(t->ctx);
	pthread_mutex_unlock(&t->lock);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_app_data(ssl, t) != 1) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return ssl;
}

int
tls_begin(struct tls *t, struct httpd_conn *c)
{
	pthread_mutex_lock(&t->lock);
	c->ssl = SSL_new(t->ctx);
	pthread_mutex_unlock(&t->lock);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || !push_bio(t, c)) {
		ERR_clear_error();
		tls_end(c, false);
		return -ENOMEM;
	}
	SSL_set_accept_state(c->ssl);
	c->io = &tls_io;
	return 0;
}

int
tls_handshake(struct httpd_conn *c)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(c->ssl);
	if (n == 1)
		return 1;
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	}
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST)
		n = -EPROTONOSUPPORT;
	else
		n = -EPROTO;
	ERR_clear_error();
	return n;
}

bool
tls_is_h2(const struct httpd_conn *c)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(c->ssl, &name, &len);
	return len == 2 && memcmp(name, "h2", 2) == 0;
}

bool
tls_is_resumed(const struct httpd_conn *c)
{
	return SSL_session_reused(c->ssl);
}

void
tls_end(struct httpd_conn *c, bool clean)
{
	if (c->ssl == NULL)
		return;
	ERR_clear_error();
	if (clean && SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	c->ssl = NULL;
	c->io = &httpd_io_socket;
	ERR_clear_error();
}

/* What SSL_read() or SSL_write() mean by not having done anything. */
static ssize_t
reason(SSL *ssl, int n)
{
	int err = errno;

	switch (SSL_get_error(ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return err != 0 ? -err : -ECONNRESET;
	default:
		return -ECONNRESET;	/* an alert, or an end without one */
	}
}

static ssize_t
tls_recv(struct httpd_conn *c, void *buf, size_t len)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_read(c->ssl, buf, len < INT32_MAX ? (int)len : INT32_MAX);
	return n > 0 ? n : reason(c->ssl, n);
}

/*
 * One record after another; what is not taken is offered again from here.  more: and
 * there is more behind it, at once.
 */
static ssize_t
write_some(struct httpd_conn *c, const void *p, size_t len, bool more)
{
	size_t done = 0;
	ssize_t r = 0;

	while (done < len) {
		size_t want = len - done < RECORD ? len - done : RECORD;
		int n;

		ERR_clear_error();
		errno = 0;
		c->more_follows = more || done + want < len;
		n = SSL_write(c->ssl, (const char *)p + done, (int)want);
		if (n <= 0) {
			r = reason(c->ssl, n);
			break;
		}
		done += (size_t)n;
	}
	c->more_follows = false;
	if (done > 0 || len == 0)
		return (ssize_t)done;
	return r != 0 ? r : -EPIPE;
}

/*
 * A short head goes into one record with what is behind it.  When that does not
 * go at once, OpenSSL wants the same bytes again, and at least as many: a
 * caller comes back with all that is left.
 */
static ssize_t
tls_sendv(struct httpd_conn *c, const struct iovec *iov, int n, bool more)
{
	char record[RECORD];
	size_t done = 0;

	if (n == 2 && iov[0].iov_len < RECORD) {
		size_t len = iov[0].iov_len, rest = RECORD - len;
		ssize_t r;

		memcpy(record, iov[0].iov_base, len);
		if (rest > iov[1].iov_len)
			rest = iov[1].iov_len;
		memcpy(record + len, iov[1].iov_base, rest);
		len += rest;
		r = write_some(c, record, len, more || rest < iov[1].iov_len);
		if (r != (ssize_t)len || rest == iov[1].iov_len)
			return r;
		r = write_some(c, (char *)iov[1].iov_base + rest, iov[1].iov_len - rest,
		    more);
		return (ssize_t)len + (r > 0 ? r : 0);
	}
	for (int i = 0; i < n; i++) {
		ssize_t r = write_some(c, iov[i].iov_base, iov[i].iov_len,
		    more || i + 1 < n);

		if (r < 0)
			return done > 0 ? (ssize_t)done : r;
		done += (size_t)r;
		if ((size_t)r < iov[i].iov_len)
			break;
	}
	return (ssize_t)done;
}

/*
 * From a file: by the kernel where it knows TLS, else through a buffer.  A mapping
 * would save that copy, and kill us when someone cuts the file off.
 */
static ssize_t
tls_sendfile(struct httpd_conn *c, int from, uint64_t pos, size_t len)
{
	size_t done = 0;

#ifndef OPENSSL_NO_KTLS
	if (BIO_get_ktls_send(SSL_get_wbio(c->ssl))) {
		ossl_ssize_t n;

		ERR_clear_error();
		errno = 0;
		n = SSL_sendfile(c->ssl, from, (off_t)pos, len, 0);
		return n >= 0 ? n : reason(c->ssl, (int)n);
	}
#endif
	while (done < len) {
		size_t want = len - done < FILE_PIECE ? len - done : FILE_PIECE;
		ssize_t n = pread(from, c->loop->batch, want, (off_t)(pos + done)), r;

		if (n <= 0) {
			if (done > 0)
				break;
			return n < 0 ? -errno : 0;
		}
		r = write_some(c, c->loop->batch, (size_t)n, done + (size_t)n < len);
		if (r < 0)
			return done > 0 ? (ssize_t)done : r;
		done += (size_t)r;
		if (r < n)
			break;
	}
	return (ssize_t)done;
}

static void
tls_finish(struct httpd_conn *c)
{
	ERR_clear_error();
	SSL_shutdown(c->ssl);
	ERR_clear_error();
	shutdown(c->fd, SHUT_WR);
}

const struct httpd_io tls_io = { tls_recv, tls_sendv, tls_sendfile, tls_finish };
