/*
 * ristkeyed PORT SECRET HEX...: each of these, RTP or reports, as one who has the secret
 * sends them by the main profile of RIST to a port of 127.0.0.1.
 *
 * Spec     VSF TR-06-2 6: AES-128 in counter mode, its key by PBKDF2 of the nonce.
 */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/hex.h"

#define HEAD		12		/* of GRE with key and number */
#define PORTS		4
#define INNER		1400
#define ITERATIONS	1024

static const uint8_t nonce[4] = { 0x12, 0x34, 0x56, 0x78 };
static const uint8_t ports[PORTS] = { 0x07, 0xb1, 0x80, 0 };

/* How many bytes, or -1. */
static int
get_hex(const char *text, uint8_t *p, size_t room)
{
	size_t n = strlen(text) / 2;

	if (n > room)
		return -1;
	for (size_t i = 0; i < 2 * n; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return -1;
		p[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : p[i / 2] | digit);
	}
	return (int)n;
}

static int
seal(const uint8_t key[16], uint32_t number, const uint8_t *inner, int len, uint8_t *d)
{
	const uint8_t head[HEAD] = { 0x30, 0, 0x88, 0xb6, nonce[0], nonce[1], nonce[2],
	    nonce[3], 0, 0, (uint8_t)(number >> 8), (uint8_t)number };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t iv[16] = { 0 };
	int n = 0;

	memcpy(d, head, HEAD);
	memcpy(iv + 12, head + 8, 4);	/* as in version 0 of the head */
	if (ctx == NULL || EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, iv) != 1 ||
	    EVP_EncryptUpdate(ctx, d + HEAD, &n, inner, len) != 1)
		abort();
	EVP_CIPHER_CTX_free(ctx);
	return HEAD + n;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t key[16];

	if (argc < 4 || fd < 0)
		return 2;
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	if (PKCS5_PBKDF2_HMAC(argv[2], (int)strlen(argv[2]), nonce, sizeof(nonce), ITERATIONS,
	    EVP_sha256(), sizeof(key), key) != 1)
		return 1;
	for (int i = 3; i < argc; i++) {
		uint8_t inner[INNER], d[HEAD + INNER];
		int n = get_hex(argv[i], inner + PORTS, INNER - PORTS);

		if (n < 0)
			return 2;
		memcpy(inner, ports, PORTS);
		n = seal(key, (uint32_t)i, inner, n + PORTS, d);
		if (sendto(fd, d, (size_t)n, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			return 1;
	}
	close(fd);
	return 0;
}
