#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/leg/ristdecrypt.h"
#include "lib/leg/ristguard.h"
#include "lib/leg/ristwire.h"

#define HEAD		4		/* of GRE, that of a report */
#define RTP_HEAD	12
#define RTP_VERSION		0xc0

static unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* ---- the check */

/* It has a payload, if only one of null packets that were left out. */
static bool
rtp_stands(const uint8_t *p, size_t len)
{
	size_t least = RTP_HEAD;

	if ((p[0] & 0x10) != 0) {
		if (len < RTP_HEAD + 4)
			return false;
		if (((uint32_t)be16(p + 12) << 16 | be16(p + 14)) == EXT_RI) {
			least = RTP_HEAD + 8;
			if (len < least)
				return false;
			if ((be16(p + 16) & EXT_NULLS) != 0 && (be16(p + 16) & EXT_WHICH) != 0)
				return true;
		}
	}
	return len > least;
}

/* All of it are reports that hold what is read of them. */
static bool
rtcp_stands(const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t size, type;

		if (len < HEAD || (size = 4 + 4 * (size_t)be16(p + 2)) > len)
			return false;
		type = p[1];
		if ((type == RTCP_SDES || type == RTCP_APP || type == RTCP_NACK ||
		    type == RTCP_XR) && size < 12)
			return false;
		if (type == RTCP_SDES && p[9] > NAME_MOST)
			return false;
		if (type == RTCP_XR && 12 + 4 * (size_t)be16(p + 10) != size)
			return false;
		p += size;
		len -= size;
	}
	return true;
}

bool
ristdecrypt_stands(const uint8_t *p, size_t len)
{
	if (len < RTP_HEAD && (len < HEAD || p[1] < RTCP_FIRST))
		return false;
	if ((p[0] & RTP_VERSION) != 0x80)
		return false;
	return p[1] < RTCP_FIRST ? rtp_stands(p, len) : rtcp_stands(p, len);
}

/* ---- where librist comes by */

typedef ssize_t receive_fn(int fd, void *restrict buf, size_t size, int flags,
    struct sockaddr *restrict from, socklen_t *restrict len);
typedef int crypt_fn(void *ctx, size_t len, size_t *offset, unsigned char *nonce,
    unsigned char *block, const unsigned char *in, unsigned char *out);

static struct {
	receive_fn *receive;
	crypt_fn *crypt;
} real;

static _Thread_local struct {
	const uint8_t *buf;
	size_t	 len;
	int	 fd;
} received;

static atomic_uint_least64_t dropped[RISTGUARD_FDS];

static bool
has_count(int fd)
{
	return fd >= 0 && fd < RISTGUARD_FDS;
}

static void *
find(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

static void
find_receive(void)
{
	*(void **)&real.receive = find("recvfrom");
}

static void
find_crypt(void)
{
	if (real.crypt == NULL)		/* which tests set */
		*(void **)&real.crypt = find("mbedtls_aes_crypt_ctr");
}

receive_fn recvfrom;

ssize_t
recvfrom(int fd, void *restrict buf, size_t size, int flags, struct sockaddr *restrict from,
    socklen_t *restrict len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	ssize_t n;

	pthread_once(&once, find_receive);
	n = real.receive(fd, buf, size, flags, from, len);
	received.buf = buf;
	received.len = n > 0 ? (size_t)n < size ? (size_t)n : size : 0;
	received.fd = fd;
	return n;
}

/* Is this what is in the last datagram, behind a head of the tunnel that says RTP? */
static bool
is_received(const unsigned char *in, size_t len)
{
	const uint8_t *b = received.buf;

	return received.len > HEAD && in > b && len <= received.len &&
	    (size_t)(in - b) <= received.len - len && be16(b + 2) == TYPE_REDUCED;
}

crypt_fn mbedtls_aes_crypt_ctr;

int
mbedtls_aes_crypt_ctr(void *ctx, size_t len, size_t *offset, unsigned char *nonce,
    unsigned char *block, const unsigned char *in, unsigned char *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool check = is_received(in, len);
	int r;

	pthread_once(&once, find_crypt);
	r = real.crypt(ctx, len, offset, nonce, block, in, out);
	if (!check || r != 0 || len <= PORTS || ristdecrypt_stands(out + PORTS, len - PORTS))
		return r;
	out[PORTS] &= (unsigned char)~RTP_VERSION;
	if (has_count(received.fd))
		atomic_fetch_add_explicit(&dropped[received.fd], 1, memory_order_relaxed);
	return r;
}

void
ristdecrypt_begin(int fd)
{
	if (has_count(fd))
		atomic_store_explicit(&dropped[fd], 0, memory_order_relaxed);
}

uint64_t
ristdecrypt_dropped(int fd)
{
	return has_count(fd) ? atomic_load_explicit(&dropped[fd], memory_order_relaxed) : 0;
}
