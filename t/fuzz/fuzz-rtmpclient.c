/*
 * What a server may send to a publisher: the first byte says how the rest is cut, and
 * whether a handshake is put before it.  However it is cut, the same comes of it; memory
 * stays in its limits; and what is said to a server is chunks that can be read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "encode/pushurl.c"
#include "encode/pushfeed.h"
#include "lib/net/rtmpclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Of pushfeed.c, which is not under test. */
int
pushaudio_parse(struct pushaudio *a, const char *text)
{
	(void)a, (void)text;
	return 0;
}

struct end {
	int	 r;
	enum rtmpclient_state state;
	bool	 reconnect;
	uint32_t acked, codecs;
	char	 url[RTMP_NAME], code[64];
};

static void
check_out(const struct rtmp_out *o)
{
	const size_t skip = RTMP_HELLO + RTMP_SIG;
	struct rtmp_in in;
	struct rtmp_msg m;
	size_t at = skip, used;
	int r = 0;

	if (o->pos != 0 || o->len < RTMP_HELLO)
		abort();
	rtmp_in_init(&in, 65536, NULL);
	while (o->len > skip && (r = rtmp_in_next(&in, o->data + at, o->len - at, &used, &m)) > 0)
		at += used;
	if (r < 0 || (o->len > skip && at + used != o->len))
		abort();
	rtmp_in_free(&in);
}

static struct end
serve(const uint8_t *data, size_t len, size_t step, bool hello)
{
	static const uint8_t greeting[RTMP_HELLO + RTMP_SIG] = { 3 };
	static const struct rtmpclient_config config = {
		.app = "live", .stream = "key", .tc_url = "rtmp://host/live", .flash_ver = "fuzz",
		.caps = { .codecs = 1u << RTMP_HEVC, .flags = RTMP_CAN_RECONNECT },
	};
	struct rtmpclient c;
	struct end e = { .r = 0 };

	if (rtmpclient_init(&c, &config) < 0)
		abort();
	if (hello)
		e.r = rtmpclient_take(&c, greeting, sizeof(greeting));
	while (e.r >= 0 && len > 0) {
		size_t n = len < step ? len : step;
		uint8_t *copy = malloc(n);

		if (copy == NULL)
			abort();
		memcpy(copy, data, n);
		e.r = rtmpclient_take(&c, copy, n);
		free(copy);
		data += n;
		len -= n;
	}
	if (e.r >= 0 && c.state == RTMPCLIENT_PUBLISHING &&
	    (rtmpclient_put(&c, RTMP_VIDEO, 5, greeting, 100) < 0 || rtmpclient_end(&c) < 0))
		abort();
	if (c.in.total > 4 * RTMPCLIENT_MESSAGE || strlen(c.code) >= sizeof(c.code))
		abort();
	check_out(&c.out);
	e.state = c.state;
	e.reconnect = c.reconnect;
	e.acked = c.acked;
	e.codecs = c.caps.codecs;
	memcpy(e.url, c.reconnect_url, sizeof(e.url));
	memcpy(e.code, c.code, sizeof(e.code));
	rtmpclient_free(&c);
	return e;
}

/* Where it sends us to: an address of the same kind, with our key. */
static void
check_redirect(const char *to)
{
	char why[WHY_ROOM] = "";
	struct pushurl u = { .retry = 0 };

	if (pushurl_parse(&u, "rtmps://host/app/key?a=b", why) < 0)
		abort();
	if (pushurl_redirect(&u, to, why) < 0) {
		if (why[0] == '\0' || strcmp(u.tc_url, "rtmps://host/app") != 0)
			abort();
	} else if (!u.tls || strcmp(u.stream, "key?a=b") != 0 || u.host[0] == '\0' ||
	    u.app[0] == '\0' || strncmp(u.tc_url, "rtmps://", 8) != 0) {
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct end whole, pieces;
	bool hello;

	if (len == 0)
		return 0;
	hello = (data[0] & 1) != 0;
	whole = serve(data + 1, len - 1, len, hello);
	pieces = serve(data + 1, len - 1, 1 + (data[0] >> 1) % 100, hello);
	if (whole.r != pieces.r || memcmp(&whole.state, &pieces.state, sizeof(whole.state)) != 0 ||
	    whole.reconnect != pieces.reconnect || whole.acked != pieces.acked ||
	    whole.codecs != pieces.codecs || strcmp(whole.url, pieces.url) != 0 ||
	    strcmp(whole.code, pieces.code) != 0)
		abort();
	if (whole.reconnect)
		check_redirect(whole.url);
	return 0;
}
