#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "origin/match.h"

/* On a mismatch only the last * takes more: the time is len times the pattern. */
bool
match_glob(const char *p, const char *text, size_t len)
{
	const char *star = NULL;
	size_t i = 0, back = 0;

	while (i < len) {
		if (*p == '*') {
			star = ++p;
			back = i;
		} else if (*p != '\0' && (*p == '?' || *p == text[i])) {
			p++;
			i++;
		} else if (star != NULL) {
			p = star;
			i = ++back;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

static void
map(uint8_t to[static 16], const void *v4)
{
	memset(to, 0, 10);
	memset(to + 10, 0xff, 2);
	memcpy(to + 12, v4, 4);
}

int
match_parse_net(const char *text, struct match_net *net)
{
	size_t len = strcspn(text, "/");
	unsigned most, bits = 0;
	char addr[64];
	uint8_t v4[4];

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (inet_pton(AF_INET, addr, v4) == 1) {
		map(net->addr, v4);
		most = 32;
	} else if (inet_pton(AF_INET6, addr, net->addr) == 1) {
		most = 128;
	} else {
		return -EINVAL;
	}
	if (text[len] == '\0') {
		net->bits = 128;
		return 0;
	}
	text += len + 1;
	if (*text == '\0' || strlen(text) > 3)
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		bits = bits * 10 + (unsigned)(*text - '0');
	}
	if (bits > most)
		return -EINVAL;
	net->bits = bits + 128 - most;
	return 0;
}

bool
match_net(const struct match_net *net, const struct sockaddr_storage *peer)
{
	const struct sockaddr_in *v4 = (const void *)peer;
	const struct sockaddr_in6 *v6 = (const void *)peer;
	unsigned bytes = net->bits / 8, rest = net->bits % 8;
	uint8_t a[16];

	if (peer->ss_family == AF_INET)
		map(a, &v4->sin_addr);
	else if (peer->ss_family == AF_INET6)
		memcpy(a, &v6->sin6_addr, 16);
	else
		return false;
	return memcmp(a, net->addr, bytes) == 0 && (rest == 0 ||
	    ((a[bytes] ^ net->addr[bytes]) & 0xff & (0xff00 >> rest)) == 0);
}
