/* The commands of a publisher, and our answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ingest/rtmpdpriv.h"
#include "lib/base/log.h"

#define WINDOW		2500000u
#define OUR_CHUNK	4096u
#define STREAM		1u		/* the one that createStream makes */
#define DYNAMIC		2		/* limit type of Set Peer Bandwidth */

static const struct rtmp_caps ours = {
	.codecs = 1u << RTMP_AVC | 1u << RTMP_HEVC | 1u << RTMP_AAC | 1u << RTMP_AC3 |
	    1u << RTMP_EAC3 | 1u << RTMP_OPUS | 1u << RTMP_MP3,
	.flags = RTMP_CAN_RECONNECT | RTMP_CAN_MULTITRACK | RTMP_CAN_MODEX | RTMP_CAN_NANO,
};

static int
send_command(struct rtmpd_conn *c, uint32_t stream_id, const uint8_t *p, int len)
{
	if (len < 0)
		return len;
	return rtmp_out_put(&c->out, &(struct rtmp_msg){
		.csid = stream_id == 0 ? 3 : 5, .type = RTMP_COMMAND, .stream_id = stream_id,
		.data = p, .len = (size_t)len,
	});
}

int
rtmpdcmd_status(struct rtmpd_conn *c, uint32_t stream_id, const char *level,
    const char *code, const char *description)
{
	uint8_t p[RTMP_COMMAND_MAX];

	return send_command(c, stream_id, p,
	    rtmp_put_status(p, sizeof(p), level, code, description, NULL));
}

/* ---- publications */

void
rtmpdcmd_end(struct rtmpd_conn *c, const char *why)
{
	struct rtmpd_slot *slot = c->slot;

	if (slot == NULL)
		return;
	c->slot = NULL;
	slot->owner = NULL;
	slot->ended++;
	c->server->counts.publishers--;
	flvunits_free(c->units);
	c->units = NULL;
	c->in.message_max = RTMPD_MESSAGE_FIRST;
	if (!rtmpd_may_tell(slot))
		;
	else if (why == NULL)
		log_info("publisher of '%s' at '%s' has ended", slot->name, slot->peer);
	else
		log_warn(0, "publisher of '%s' at '%s' is gone: %s", slot->name, slot->peer,
		    why);
	if (c->server->cfg.gone != NULL)
		c->server->cfg.gone(c->server->cfg.arg, slot);
}

/*
 * Of all codes this is the one after which librtmp, which OBS uses, and FFmpeg both stop
 * and say so.
 */
static int
refuse(struct rtmpd_conn *c, const char *description)
{
	int r = rtmpdcmd_status(c, c->stream_id, "error", "NetStream.Play.StreamNotFound",
	    description);

	if (r == 0)
		rtmpdconn_linger(c);
	return r;
}

void
rtmpdcmd_refuse(struct rtmpd_conn *c)
{
	if (refuse(c, "there is no such stream key") < 0)
		rtmpdconn_close(c);
}


static void
on_event(void *arg, const struct source_event *ev)
{
	struct rtmpd_conn *c = arg;

	c->server->cfg.event(c->server->cfg.arg, c->slot, ev);
}

static bool
may_tell(void *arg)
{
	struct rtmpd_conn *c = arg;

	return rtmpd_may_tell(c->slot);
}

static struct rtmpd_slot *
look_up(struct rtmpd_conn *c, const struct rtmp_command *cmd)
{
	struct rtmpd *d = c->server;
	uint8_t digest[RTMPD_DIGEST];
	char name[RTMP_NAME];
	struct rtmpd_slot *slot;
	size_t len;

	if (cmd->cut || c->connect.cut)
		return NULL;
	rtmpd_digest(c->connect.app, cmd->stream, digest);
	slot = d->cfg.find(d->cfg.arg, digest);
	len = strcspn(cmd->stream, "?");
	if (slot != NULL || cmd->stream[len] == '\0')
		return slot;
	memcpy(name, cmd->stream, len);		/* a query is for others */
	name[len] = '\0';
	rtmpd_digest(c->connect.app, name, digest);
	return d->cfg.find(d->cfg.arg, digest);
}

/* Is the place taken?  One who is silent, or whom another may replace, goes. */
static bool
is_taken(const struct rtmpd_slot *slot)
{
	struct rtmpd_conn *other = slot->owner;

	if (other == NULL)
		return false;
	if (!slot->takeover && clk_mono_ns() - other->heard_ns < RTMPD_STALE)
		return true;
	rtmpdcmd_status(other, other->stream_id, "error", "NetStream.Publish.BadName",
	    "another publisher has come with this key");
	rtmpdconn_linger(other);
	return false;
}

static int
publish(struct rtmpd_conn *c, const struct rtmp_msg *m, const struct rtmp_command *cmd)
{
	struct rtmpd *d = c->server;
	struct rtmpd_slot *slot;
	struct flvunits_config cfg;
	int r;

	if (!c->connected || c->slot != NULL)
		return -EBADMSG;
	c->stream_id = m->stream_id;
	slot = look_up(c, cmd);
	if (slot == NULL) {
		rtmpd_say(d, c->peer, "its stream key is none of ours");
		c->deadline_ns = clk_mono_ns() + rtmpd_wrong_key(d, c->addr);
		c->state = RTMPD_DELAYED;
		return 0;
	}
	if (is_taken(slot)) {
		d->counts.busy++;
		slot->busy++;
		rtmpd_say(d, c->peer, "somebody publishes with its key already");
		return refuse(c, "somebody publishes with this key already");
	}
	c->slot = slot;
	slot->owner = c;
	snprintf(slot->peer, sizeof(slot->peer), "%s", c->peer);
	snprintf(slot->encoder, sizeof(slot->encoder), "%s", c->connect.flash_ver);
	cfg = (struct flvunits_config){
		.name = slot->name, .arg = c, .event = on_event, .may_tell = may_tell,
		.counts = &slot->counts,
	};
	slot->begun++;
	d->counts.publishers++;
	c->units = flvunits_new(&cfg);
	if (c->units == NULL)
		return -ENOMEM;
	c->state = RTMPD_PUBLISHING;
	c->deadline_ns = clk_mono_ns() + CLK_SECOND / 2;
	c->in.message_max = RTMPD_MESSAGE;
	c->in.total_max = 2 * RTMPD_MESSAGE;
	if (rtmpd_may_tell(slot))
		log_info("publisher of '%s' is '%s', by '%s'", slot->name, slot->peer,
		    slot->encoder);
	if ((r = rtmp_out_event(&c->out, RTMP_STREAM_BEGIN, c->stream_id)) < 0)
		return r;
	return rtmpdcmd_status(c, c->stream_id, "status", "NetStream.Publish.Start",
	    "publishing");
}

static int
unpublish(struct rtmpd_conn *c)
{
	if (c->slot == NULL)
		return 0;
	rtmpdcmd_end(c, NULL);
	c->state = RTMPD_COMMANDS;
	c->born_ns = clk_mono_ns();
	c->deadline_ns = c->born_ns + RTMPD_LOGIN;
	c->unkeyed = 0;
	return rtmpdcmd_status(c, c->stream_id, "status", "NetStream.Unpublish.Success",
	    "no longer publishing");
}

/* ---- commands */

static int
do_connect(struct rtmpd_conn *c, const struct rtmp_command *cmd)
{
	uint8_t p[RTMP_COMMAND_MAX];

	if (c->connected)
		return -EBADMSG;
	c->connected = true;
	c->connect = *cmd;
	if (rtmp_out_control(&c->out, RTMP_WINDOW_ACK, WINDOW) < 0 ||
	    rtmp_out_bandwidth(&c->out, WINDOW, DYNAMIC) < 0 ||
	    rtmp_out_control(&c->out, RTMP_SET_CHUNK_SIZE, OUR_CHUNK) < 0)
		return -ENOMEM;
	return send_command(c, 0, p, rtmp_put_connected(p, sizeof(p), cmd, &ours));
}

static int
do_fcpublish(struct rtmpd_conn *c, const struct rtmp_command *cmd, const char *name,
    const char *code)
{
	uint8_t p[RTMP_COMMAND_MAX];
	int r = 0;

	if (cmd->transaction > 0)
		r = send_command(c, 0, p, rtmp_put_result(p, sizeof(p), cmd->transaction));
	return r < 0 ? r : send_command(c, 0, p,
	    rtmp_put_fc(p, sizeof(p), name, code, cmd->stream));
}

static int
do_command(struct rtmpd_conn *c, const struct rtmp_msg *m)
{
	struct rtmp_command cmd;
	uint8_t p[RTMP_COMMAND_MAX];
	int r = rtmp_command_parse(m, &cmd);

	if (r < 0)
		return r;
	if (strcmp(cmd.name, "connect") == 0)
		return do_connect(c, &cmd);
	if (strcmp(cmd.name, "createStream") == 0)
		return send_command(c, 0, p,
		    rtmp_put_stream(p, sizeof(p), cmd.transaction, STREAM));
	if (strcmp(cmd.name, "publish") == 0)
		return publish(c, m, &cmd);
	if (strcmp(cmd.name, "FCPublish") == 0)
		return do_fcpublish(c, &cmd, "onFCPublish", "NetStream.Publish.Start");
	if (strcmp(cmd.name, "FCUnpublish") == 0) {
		r = unpublish(c);
		return r < 0 ? r : do_fcpublish(c, &cmd, "onFCUnpublish",
		    "NetStream.Unpublish.Success");
	}
	if (strcmp(cmd.name, "deleteStream") == 0 || strcmp(cmd.name, "closeStream") == 0)
		return unpublish(c);
	if (strcmp(cmd.name, "play") == 0 || strcmp(cmd.name, "play2") == 0) {
		c->stream_id = m->stream_id;
		return refuse(c, "nothing is played here");
	}
	if (cmd.transaction <= 0 || cmd.name[0] == '_')
		return 0;
	return send_command(c, 0, p, rtmp_put_result(p, sizeof(p), cmd.transaction));
}

static int
do_event(struct rtmpd_conn *c, const struct rtmp_msg *m)
{
	if (m->len >= 6 && rtmp_get(m->data, 2) == RTMP_PING)
		return rtmp_out_event(&c->out, RTMP_PONG, rtmp_get(m->data + 2, 4));
	return 0;
}

/* ---- media */

static int
do_tag(struct rtmpd_conn *c, const struct rtmp_msg *m)
{
	char codec[5] = "", text[96];
	int r;

	if (c->slot == NULL)
		return 0;			/* some are in a hurry */
	r = flvunits_tag(c->units, m->type == RTMP_VIDEO, m->timestamp, m->data, m->len,
	    clk_utc_ns(), codec);
	if (r != -ENOTSUP)
		return r;
	c->server->counts.codecs++;
	snprintf(text, sizeof(text), "video of codec '%s' is not taken here: send avc1 or hvc1",
	    codec);
	if (rtmpd_may_tell(c->slot))
		log_warn(0, "publisher of '%s' at '%s' sends video of codec '%s', which a "
		    "transport stream cannot carry", c->slot->name, c->peer, codec);
	if ((r = rtmpdcmd_status(c, c->stream_id, "error", "NetStream.Failed", text)) < 0)
		return r;
	rtmpdconn_linger(c);
	return 0;
}

static int
do_aggregate(struct rtmpd_conn *c, const struct rtmp_msg *all)
{
	struct rtmp_msg m;
	uint32_t base = 0;
	size_t pos = 0;
	int r;

	while ((r = rtmp_aggregate_next(all, &pos, &base, &m)) > 0) {
		if (m.type == RTMP_AGGREGATE || (m.type != RTMP_AUDIO &&
		    m.type != RTMP_VIDEO && m.type != RTMP_DATA))
			continue;
		if ((r = rtmpdcmd_message(c, &m)) < 0)
			return r;
	}
	if (r < 0 && c->slot != NULL)
		c->slot->counts.damaged++;
	return 0;
}

int
rtmpdcmd_message(struct rtmpd_conn *c, const struct rtmp_msg *m)
{
	bool skip = m->type == RTMP_DATA3 && m->len > 0;

	switch (m->type) {
	case RTMP_USER_CONTROL:
		return do_event(c, m);
	case RTMP_WINDOW_ACK:
		if (m->len >= 4)
			c->window = rtmp_get(m->data, 4);
		if (c->window < 65536 || c->window > 64u << 20)
			c->window = WINDOW;
		return 0;
	case RTMP_PEER_BANDWIDTH:
		return rtmp_out_control(&c->out, RTMP_WINDOW_ACK, WINDOW);
	case RTMP_AUDIO:
	case RTMP_VIDEO:
		return do_tag(c, m);
	case RTMP_DATA:
	case RTMP_DATA3:
		if (c->units != NULL)
			flvunits_data(c->units, m->data + skip, m->len - skip);
		return 0;
	case RTMP_COMMAND:
	case RTMP_COMMAND3:
		return do_command(c, m);
	case RTMP_AGGREGATE:
		return do_aggregate(c, m);
	default:
		return 0;
	}
}
