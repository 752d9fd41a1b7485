#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/net/tlsclient.h"

static SSL_CTX *
new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_verify_paths(ctx);	/* looks at the environment first */
	return ctx;
}

static bool
is_address(const char *host)
{
	uint8_t a[16];

	return inet_pton(AF_INET, host, a) == 1 || inet_pton(AF_INET6, host, a) == 1;
}

static bool
name_server(SSL *ssl, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

int
tlsclient_init(struct tlsclient *t, int fd, const char *host)
{
	memset(t, 0, sizeof(*t));
	t->ctx = new_context();
	if (t->ctx == NULL || (t->ssl = SSL_new(t->ctx)) == NULL ||
	    SSL_set_fd(t->ssl, fd) != 1 || !name_server(t->ssl, host)) {
		tlsclient_free(t);
		ERR_clear_error();
		return -ENOMEM;
	}
	SSL_set_connect_state(t->ssl);
	return 0;
}

void
tlsclient_free(struct tlsclient *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	t->ssl = NULL;
	t->ctx = NULL;
}

/* What a call that did nothing means. */
static int
reason(struct tlsclient *t, int n)
{
	int err = SSL_get_error(t->ssl, n);

	t->want = err == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	return -ECONNRESET;
}

int
tlsclient_handshake(struct tlsclient *t)
{
	const char *text;
	long verify;
	int n, r;

	ERR_clear_error();
	n = SSL_do_handshake(t->ssl);
	if (n == 1)
		return 0;
	if ((r = reason(t, n)) == -EAGAIN)
		return r;
	verify = SSL_get_verify_result(t->ssl);
	text = ERR_reason_error_string(ERR_peek_error());
	if (verify != X509_V_OK)
		text = X509_verify_cert_error_string(verify);
	ERR_clear_error();
	return why_failed(t->why, -EPROTO, "no TLS: %s",
	    text != NULL ? text : "the server has hung up");
}

ssize_t
tlsclient_read(struct tlsclient *t, void *p, size_t len)
{
	int n;

	ERR_clear_error();
	n = SSL_read(t->ssl, p, len > INT_MAX ? INT_MAX : (int)len);
	if (n > 0)
		return n;
	return SSL_get_error(t->ssl, n) == SSL_ERROR_ZERO_RETURN ? 0 : reason(t, n);
}

ssize_t
tlsclient_write(struct tlsclient *t, const void *p, size_t len)
{
	int n;

	ERR_clear_error();
	n = SSL_write(t->ssl, p, len > INT_MAX ? INT_MAX : (int)len);
	return n > 0 ? n : reason(t, n);
}

void
tlsclient_end(struct tlsclient *t)
{
	ERR_clear_error();
	SSL_shutdown(t->ssl);
	ERR_clear_error();
}
