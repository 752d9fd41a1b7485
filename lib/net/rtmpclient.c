#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/net/rtmpclient.h"

#define WINDOW		2500000u	/* usual, both ways */
#define WINDOW_MIN	1024u
#define UNREAD_MAX	(32u << 20)	/* more than a message: it reads no answers */

/* Transactions: the answers that matter. */
enum { CONNECT = 1, RELEASE, FC_PUBLISH, CREATE, PUBLISH, FC_UNPUBLISH, DELETE };

/* Chunk streams, as other encoders have them. */
enum { CS_COMMAND = 3, CS_AUDIO, CS_DATA, CS_VIDEO };

const char *const rtmpclient_state_name[] = {
	[RTMPCLIENT_HELLO] = "hello", [RTMPCLIENT_CONNECTING] = "connecting",
	[RTMPCLIENT_CREATING] = "creating", [RTMPCLIENT_ASKING] = "asking",
	[RTMPCLIENT_PUBLISHING] = "publishing", [RTMPCLIENT_ENDED] = "ended",
};

int
rtmpclient_init(struct rtmpclient *c, const struct rtmpclient_config *config)
{
	uint8_t hello[RTMP_HELLO];
	int r = rtmp_hello((uint32_t)(clk_mono_ns() / 1000000), hello);

	memset(c, 0, sizeof(*c));
	c->config = *config;
	c->window = WINDOW;
	rtmp_in_init(&c->in, RTMPCLIENT_MESSAGE, NULL);
	rtmp_out_init(&c->out);
	return r < 0 ? r : rtmp_out_bytes(&c->out, hello, sizeof(hello));
}

void
rtmpclient_free(struct rtmpclient *c)
{
	rtmp_in_free(&c->in);
	rtmp_out_free(&c->out);
	free(c->rest);
	c->rest = NULL;
}

/* ---- what we say */

static int
say(struct rtmpclient *c, uint32_t stream_id, const uint8_t *p, int len)
{
	if (len < 0)
		return len;
	return rtmp_out_put(&c->out, &(struct rtmp_msg){
		.csid = CS_COMMAND, .type = RTMP_COMMAND, .stream_id = stream_id,
		.data = p, .len = (size_t)len,
	});
}

static int
call(struct rtmpclient *c, const char *name, double transaction, const char *stream)
{
	uint8_t p[RTMP_COMMAND_MAX];

	return say(c, 0, p, rtmp_put_call(p, sizeof(p), name, transaction, stream));
}

static int
connect_app(struct rtmpclient *c)
{
	const struct rtmpclient_config *k = &c->config;
	uint8_t p[RTMP_COMMAND_MAX];

	c->state = RTMPCLIENT_CONNECTING;
	return say(c, 0, p, rtmp_put_connect(p, sizeof(p), CONNECT, k->app, k->tc_url,
	    k->flash_ver, &k->caps));
}

static int
create(struct rtmpclient *c)
{
	int r;

	c->state = RTMPCLIENT_CREATING;
	if ((r = rtmp_out_control(&c->out, RTMP_SET_CHUNK_SIZE, RTMPCLIENT_CHUNK)) < 0 ||
	    (r = call(c, "releaseStream", RELEASE, c->config.stream)) < 0 ||
	    (r = call(c, "FCPublish", FC_PUBLISH, c->config.stream)) < 0)
		return r;
	return call(c, "createStream", CREATE, NULL);
}

static int
publish(struct rtmpclient *c, double stream_id)
{
	uint8_t p[RTMP_COMMAND_MAX];

	if (!(stream_id >= 0 && stream_id < 4294967296.0))
		return -EBADMSG;
	c->stream_id = (uint32_t)stream_id;
	c->state = RTMPCLIENT_ASKING;
	return say(c, c->stream_id, p,
	    rtmp_put_publish(p, sizeof(p), PUBLISH, c->config.stream));
}

int
rtmpclient_put(struct rtmpclient *c, enum rtmp_type type, uint32_t timestamp_ms,
    const uint8_t *p, size_t len)
{
	return rtmp_out_put(&c->out, &(struct rtmp_msg){
		.csid = type == RTMP_AUDIO ? CS_AUDIO : type == RTMP_VIDEO ? CS_VIDEO : CS_DATA,
		.type = (uint8_t)type, .timestamp = timestamp_ms, .stream_id = c->stream_id,
		.data = p, .len = len,
	});
}

int
rtmpclient_end(struct rtmpclient *c)
{
	bool was = c->state == RTMPCLIENT_PUBLISHING;
	uint8_t p[RTMP_COMMAND_MAX];
	int r;

	c->state = RTMPCLIENT_ENDED;
	if (!was)
		return 0;
	r = call(c, "FCUnpublish", FC_UNPUBLISH, c->config.stream);
	return r < 0 ? r : say(c, 0, p,
	    rtmp_put_delete(p, sizeof(p), DELETE, c->stream_id));
}

/* ---- what the server says */

static void
remember(struct rtmpclient *c, const struct rtmp_command *cmd)
{
	memcpy(c->code, cmd->code, sizeof(c->code));
	memcpy(c->description, cmd->description, sizeof(c->description));
}

static int
on_result(struct rtmpclient *c, const struct rtmp_command *cmd)
{
	if (cmd->transaction == CONNECT && c->state == RTMPCLIENT_CONNECTING) {
		c->caps = cmd->caps;
		return create(c);
	}
	if (cmd->transaction == CREATE && c->state == RTMPCLIENT_CREATING)
		return publish(c, cmd->number);
	return 0;
}

/* Of calls that servers need not know it means nothing. */
static int
on_error(struct rtmpclient *c, const struct rtmp_command *cmd)
{
	if (cmd->transaction != CONNECT && cmd->transaction != CREATE &&
	    cmd->transaction != PUBLISH)
		return 0;
	remember(c, cmd);
	if (cmd->transaction == CONNECT && cmd->tc_url[0] != '\0') {
		c->reconnect = true;
		memcpy(c->reconnect_url, cmd->tc_url, sizeof(c->reconnect_url));
	}
	return -ECONNREFUSED;
}

static int
on_status(struct rtmpclient *c, const struct rtmp_command *cmd)
{
	if (strcmp(cmd->code, "NetConnection.Connect.ReconnectRequest") == 0) {
		c->reconnect = true;
		memcpy(c->reconnect_url, cmd->tc_url, sizeof(c->reconnect_url));
		return 0;
	}
	if (strcmp(cmd->code, "NetStream.Publish.Start") == 0) {
		if (c->state == RTMPCLIENT_ASKING)
			c->state = RTMPCLIENT_PUBLISHING;
		return 0;
	}
	if (!cmd->failed && strcmp(cmd->code, "NetStream.Unpublish.Success") != 0 &&
	    strcmp(cmd->code, "NetConnection.Connect.Closed") != 0)
		return 0;
	if (c->state == RTMPCLIENT_ENDED)
		return 0;
	remember(c, cmd);
	return c->state == RTMPCLIENT_PUBLISHING ? -ECONNRESET : -ECONNREFUSED;
}

static int
on_command(struct rtmpclient *c, const struct rtmp_msg *m)
{
	struct rtmp_command cmd;
	int r = rtmp_command_parse(m, &cmd);
	uint8_t p[RTMP_COMMAND_MAX];

	if (r < 0)
		return r;
	if (strcmp(cmd.name, "_result") == 0)
		return on_result(c, &cmd);
	if (strcmp(cmd.name, "_error") == 0)
		return on_error(c, &cmd);
	if (strcmp(cmd.name, "onStatus") == 0)
		return on_status(c, &cmd);
	if (strcmp(cmd.name, "close") == 0 && c->state != RTMPCLIENT_ENDED)
		return c->state == RTMPCLIENT_PUBLISHING ? -ECONNRESET : -ECONNREFUSED;
	/* Servers of old measure the bandwidth so, and wait. */
	if (strcmp(cmd.name, "_onbwcheck") == 0)
		return say(c, 0, p, rtmp_put_result(p, sizeof(p), cmd.transaction));
	return 0;
}

static int
on_message(struct rtmpclient *c, const struct rtmp_msg *m)
{
	uint32_t v = m->len >= 4 ? rtmp_get(m->data, 4) : 0;

	switch (m->type) {
	case RTMP_COMMAND:
	case RTMP_COMMAND3:
		return on_command(c, m);
	case RTMP_ACK:
		c->acked = m->len >= 4 ? v : c->acked;
		return 0;
	case RTMP_WINDOW_ACK:
		c->window = v >= WINDOW_MIN ? v : WINDOW;
		return 0;
	case RTMP_PEER_BANDWIDTH:	/* 5.4.5: answered when it is other than said */
		if (v == 0 || v == c->told_window)
			return 0;
		c->told_window = v;
		return rtmp_out_control(&c->out, RTMP_WINDOW_ACK, v);
	case RTMP_USER_CONTROL:
		if (m->len >= 6 && rtmp_get(m->data, 2) == RTMP_PING)
			return rtmp_out_event(&c->out, RTMP_PONG, rtmp_get(m->data + 2, 4));
		return 0;
	default:
		return 0;
	}
}

/* ---- bytes */

static int
take_hello(struct rtmpclient *c, const uint8_t **p, size_t *len)
{
	size_t n = sizeof(c->hello) - c->nhello;
	int r;

	if (n > *len)
		n = *len;
	memcpy(c->hello + c->nhello, *p, n);
	c->nhello += n;
	*p += n;
	*len -= n;
	if (c->nhello > 0 && (c->hello[0] < 3 || c->hello[0] > 31))
		return -EPROTO;
	if (c->nhello < sizeof(c->hello))
		return 0;
	/* C2 is S1; what S2 says of ours does not matter. */
	if ((r = rtmp_out_bytes(&c->out, c->hello + 1, RTMP_SIG)) < 0)
		return r;
	return connect_app(c);
}

/* What is left over of before and what has come, in one piece. */
static int
join(struct rtmpclient *c, const uint8_t *p, size_t len)
{
	size_t want = c->nrest + len;
	uint8_t *rest = c->rest;

	if (want > c->rest_size) {
		rest = realloc(c->rest, want * 2);
		if (rest == NULL)
			return -ENOMEM;
		c->rest = rest;
		c->rest_size = want * 2;
	}
	if (len > 0)
		memcpy(rest + c->nrest, p, len);
	c->nrest = want;
	return 0;
}

static int
take_chunks(struct rtmpclient *c, const uint8_t *p, size_t len)
{
	struct rtmp_msg m;
	size_t used, done = 0;
	int r = join(c, p, len);

	if (r < 0)
		return r;
	while ((r = rtmp_in_next(&c->in, c->rest + done, c->nrest - done, &used, &m)) >= 0) {
		done += used;
		if (r == 0 || (r = on_message(c, &m)) < 0)
			break;
	}
	if (r < 0)
		return r;
	if (c->out.len - c->out.pos > UNREAD_MAX)
		return -EMSGSIZE;
	memmove(c->rest, c->rest + done, c->nrest - done);
	c->nrest -= done;
	if (c->received - c->answered < c->window / 2)
		return 0;
	c->answered = c->received;
	return rtmp_out_control(&c->out, RTMP_ACK, (uint32_t)c->received);
}

int
rtmpclient_take(struct rtmpclient *c, const uint8_t *p, size_t len)
{
	int r;

	c->received += len;
	if (c->state == RTMPCLIENT_HELLO && (r = take_hello(c, &p, &len)) < 0)
		return r;
	return len > 0 ? take_chunks(c, p, len) : 0;
}
