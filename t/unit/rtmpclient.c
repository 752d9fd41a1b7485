/* A publisher of RTMP and servers that want too much of it; fuzz-rtmpclient has the rest. */
#include <errno.h>
#include <string.h>

#include "lib/net/rtmpclient.h"
#include "t/tap.h"

#define PINGS	1000

/* Pings in chunks of type 3, which repeat the header of the first. */
static size_t
pings(uint8_t *p, bool first)
{
	static const uint8_t head[12] = { 2, 0, 0, 0, 0, 0, 6, RTMP_USER_CONTROL };
	size_t n = 0;

	for (unsigned i = 0; i < PINGS; i++) {
		if (first && i == 0) {
			memcpy(p, head, sizeof(head));
			n = sizeof(head);
		} else {
			p[n++] = 3 << 6 | 2;
		}
		memcpy(p + n, "\0\6\0\0\0\1", 6);
		n += 6;
	}
	return n;
}

int
main(void)
{
	static const uint8_t greeting[RTMP_HELLO + RTMP_SIG] = { 3 };
	static const struct rtmpclient_config config = {
		.app = "a", .stream = "s", .tc_url = "rtmp://h/a", .flash_ver = "test",
	};
	uint8_t p[PINGS * 7 + 12];
	struct rtmpclient c;
	uint64_t sent = 0;
	size_t most = 0;
	int r;

	is(rtmpclient_init(&c, &config), 0, "a client");
	r = rtmpclient_take(&c, greeting, sizeof(greeting));
	for (unsigned i = 0; r == 0 && i < 10000; i++) {
		r = rtmpclient_take(&c, p, pings(p, i == 0));
		most = c.out.len - c.out.pos > most ? c.out.len - c.out.pos : most;
		rtmp_out_sent(&c.out, c.out.len - c.out.pos);
		sent += PINGS;
	}
	ok(r == 0 && most < 100000, "a server that takes the answers may ping for ever");
	printf("# %d after %d pings, %d bytes at most\n", r, (int)sent, (int)most);
	for (unsigned i = 0; r == 0 && i < 10000; i++)
		r = rtmpclient_take(&c, p, pings(p, false));
	is(r, -EMSGSIZE, "one that does not is left");
	ok(c.out.len - c.out.pos < 40u << 20, "before all of our memory has gone");
	rtmpclient_free(&c);
	return done_testing();
}
