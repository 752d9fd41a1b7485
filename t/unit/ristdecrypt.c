/*
 * What has been decrypted: what librist stands, told as t/bpf.h tells it; and that only
 * what was received is looked at, and only media of the tunnel.
 */
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "t/bpf.h"
#include "t/tap.h"
#include "lib/leg/ristdecrypt.c"

#define MOST	64

/* "Decrypted" is what had each bit turned. */
static int
turn(void *ctx, size_t len, size_t *offset, unsigned char *nonce, unsigned char *block,
    const unsigned char *in, unsigned char *out)
{
	(void)ctx, (void)offset, (void)nonce, (void)block;
	for (size_t i = 0; i < len; i++)
		out[i] = in[i] ^ 0xff;
	return 0;
}

static int
decrypt(const uint8_t *in, uint8_t *out, size_t len)
{
	return mbedtls_aes_crypt_ctr(NULL, len, NULL, NULL, NULL, in, out);
}

/* As it comes in clear. */
static bool
stands(const uint8_t *p, size_t len)
{
	uint8_t whole[8 + MOST] = { 0, 0, 0x88, 0xb6 };

	memcpy(whole + 8, p, len);
	return bpf_wrong(RISTFILTER_CLEAR, false, whole, 8 + len) == NULL;
}

static void
test_random(void)
{
	static const uint8_t types[] = { 33, 127, 199, 200, 201, 202, 203, 204, 205, 206, 207 };
	unsigned differ = 0, good = 0, bad = 0;

	srandom(5);
	for (unsigned n = 0; n < 2000000; n++) {
		uint8_t p[MOST] = { 0 };
		size_t len = (size_t)random() % MOST;
		bool want;

		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)(random() % 4 == 0 ? random() : random() % 5);
		p[0] = (uint8_t)(random() % 8 == 0 ? random() : 0x80 | random() % 64);
		p[1] = types[(size_t)random() % sizeof(types)];
		if (random() % 4 == 0)
			p[2] = p[3] = 0xff;
		if (random() % 4 == 0)
			memcpy(p + 12, "RI\0\1", 4);
		want = stands(p, len);
		differ += ristdecrypt_stands(p, len) != want;
		*(want ? &good : &bad) += 1;
	}
	is(differ, 0, "two million: as it is told of what comes in clear");
	ok(good > 100000 && bad > 100000, "of both sorts there are many");
}

/* Head of the tunnel with key and number, then this, turned, then what may follow. */
static size_t
sealed(uint8_t *d, unsigned type, const uint8_t *inner, size_t len)
{
	static const uint8_t head[12] = { 0x30, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9 };

	memcpy(d, head, sizeof(head));
	d[2] = (uint8_t)(type >> 8);
	d[3] = (uint8_t)type;
	turn(NULL, len, NULL, NULL, NULL, inner, d + sizeof(head));
	return sizeof(head) + len;
}

static void
test_received(void)
{
	static const uint8_t endless[] = { 7, 177, 128, 0, 0x80, 201, 0xff, 0xff, 1, 2, 3, 4 };
	static const uint8_t report[] = { 7, 177, 128, 0, 0x80, 201, 0, 1, 1, 2, 3, 4 };
	struct sockaddr_in sa = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t d[MOST], got[MOST], out[MOST];
	size_t n = sealed(d, TYPE_REDUCED, endless, sizeof(endless));

	real.crypt = turn;
	if (!ok(fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	    connect(fd, (struct sockaddr *)&sa, len) == 0, "a socket"))
		return;
	ristdecrypt_begin(fd);
	ok(send(fd, d, n, 0) == (ssize_t)n && recvfrom(fd, got, sizeof(got), 0, NULL, NULL) ==
	    (ssize_t)n, "it is received");
	decrypt(got + 12, got + 12, sizeof(endless));
	is(got[12 + PORTS], 0, "a report without end becomes what librist drops");
	is(ristdecrypt_dropped(fd), 1, "and is counted");

	decrypt(d + 12, out, sizeof(endless));
	ok(memcmp(out, endless, sizeof(endless)) == 0, "the same, sent, stays as it is");
	is(ristdecrypt_dropped(fd), 1, "and is not counted");

	n = sealed(d, TYPE_REDUCED, report, sizeof(report));
	ok(send(fd, d, n, 0) == (ssize_t)n && recvfrom(fd, got, sizeof(got), 0, NULL, NULL) ==
	    (ssize_t)n, "a report is received");
	decrypt(got + 12, out, sizeof(report));
	ok(memcmp(out, report, sizeof(report)) == 0, "and stays as it is");

	n = sealed(d, TYPE_KEEPALIVE, endless, sizeof(endless));
	ok(send(fd, d, n, 0) == (ssize_t)n && recvfrom(fd, got, sizeof(got), 0, NULL, NULL) ==
	    (ssize_t)n, "what keeps alive is received");
	decrypt(got + 12, out, sizeof(endless));
	ok(memcmp(out, endless, sizeof(endless)) == 0, "and is not looked at");
	is(ristdecrypt_dropped(fd), 1, "one was dropped");
	ristdecrypt_begin(fd);
	is(ristdecrypt_dropped(fd), 0, "and another socket of that number has none");
	close(fd);
}

int
main(void)
{
	test_random();
	test_received();
	return done_testing();
}
