#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "lib/net/rtmp.h"

#define PROTOCOL		3
#define CAN_ENCODE	2		/* of a codec: Enhanced RTMP v2, FourCcInfoMask */
#define CAN_FORWARD	4
#define CAPABILITIES	31.0		/* of a Flash Media Server: all */

const char rtmp_codec_name[RTMP_CODECS][5] = {
	[RTMP_AVC] = "avc1", [RTMP_HEVC] = "hvc1", [RTMP_AV1] = "av01",
	[RTMP_VP8] = "vp08", [RTMP_VP9] = "vp09", [RTMP_AAC] = "mp4a",
	[RTMP_AC3] = "ac-3", [RTMP_EAC3] = "ec-3", [RTMP_OPUS] = "Opus",
	[RTMP_MP3] = ".mp3", [RTMP_FLAC] = "fLaC",
};

/* C1 and S1: the time, a version of 0, and bytes that nobody has chosen. */
static int
put_sig(uint32_t time_ms, uint8_t out[static RTMP_SIG])
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(time_ms >> 8 * (3 - i));
	memset(out + 4, 0, 4);
	return RAND_bytes(out + 8, RTMP_SIG - 8) == 1 ? 0 : -EIO;
}

int
rtmp_hello(uint32_t time_ms, uint8_t out[static RTMP_HELLO])
{
	out[0] = PROTOCOL;
	return put_sig(time_ms, out + 1);
}

int
rtmp_answer(const uint8_t hello[static RTMP_HELLO], uint32_t time_ms,
    uint8_t out[static RTMP_HELLO + RTMP_SIG])
{
	/* 5.2.2: from 32 on it is text, of another protocol; encryption is 6, 8, 9. */
	if (hello[0] < PROTOCOL || hello[0] > 31)
		return -EPROTO;
	out[0] = PROTOCOL;
	if (put_sig(time_ms, out + 1) < 0)
		return -EIO;
	memcpy(out + RTMP_HELLO, hello + 1, RTMP_SIG);
	return 0;
}

/* ---- reading */

static void
add_codec(struct rtmp_caps *caps, struct amf_text name)
{
	if (amf_is(name, "*"))
		caps->codecs = (1u << RTMP_CODECS) - 1;
	for (unsigned i = 0; i < RTMP_CODECS; i++)
		if (amf_is(name, rtmp_codec_name[i]))
			caps->codecs |= 1u << i;
}

/* The members of a list of codecs, or of a map from them. */
static int
codecs(struct amf *a, const struct amf_item *of, struct rtmp_caps *caps)
{
	struct amf_item it;
	int r = 1;

	while (a->depth > of->depth && (r = amf_next(a, &it)) > 0) {
		if (it.type == AMF_STRING && of->type == AMF_ARRAY)
			add_codec(caps, it.string);
		else if (it.key.len > 0 && it.type != AMF_END)
			add_codec(caps, it.key);
	}
	return r < 0 ? r : 0;
}

/* Of a connection that is refused, since it is to go elsewhere: code 302, and where. */
static int
redirect(struct amf *a, const struct amf_item *of, struct rtmp_command *c)
{
	struct amf_item it;
	int r = 1;

	while (a->depth > of->depth && (r = amf_next(a, &it)) > 0)
		if (it.type == AMF_STRING && it.depth == of->depth + 1 &&
		    amf_is(it.key, "redirect"))
			amf_copy(it.string, c->tc_url, sizeof(c->tc_url));
	return r < 0 ? r : 0;
}

static unsigned
to_flags(double v)
{
	return v >= 0 && v < 65536 ? (unsigned)v : 0;
}

static int
member(struct amf *a, const struct amf_item *it, struct rtmp_command *c)
{
	struct rtmp_caps *caps = &c->caps;
	bool text = it->type == AMF_STRING, number = it->type == AMF_NUMBER;
	bool list = it->type == AMF_ARRAY || it->type == AMF_OBJECT;

	if (text && amf_is(it->key, "app"))
		c->cut |= !amf_copy(it->string, c->app, sizeof(c->app));
	else if (text && amf_is(it->key, "tcUrl"))
		amf_copy(it->string, c->tc_url, sizeof(c->tc_url));
	else if (text && amf_is(it->key, "flashVer"))
		amf_copy(it->string, c->flash_ver, sizeof(c->flash_ver));
	else if (text && amf_is(it->key, "code"))
		amf_copy(it->string, c->code, sizeof(c->code));
	else if (text && amf_is(it->key, "description"))
		amf_copy(it->string, c->description, sizeof(c->description));
	else if (text && amf_is(it->key, "level"))
		c->failed = amf_is(it->string, "error");
	else if (number && amf_is(it->key, "objectEncoding"))
		c->object_encoding = it->number;
	else if (number && amf_is(it->key, "capsEx")) {
		caps->caps_ex = true;
		caps->flags = to_flags(it->number);
	} else if (list && amf_is(it->key, "fourCcList")) {
		caps->fourcc_list = true;
		return codecs(a, it, caps);
	} else if (list && amf_is(it->key, "videoFourCcInfoMap")) {
		caps->video_map = true;
		return codecs(a, it, caps);
	} else if (list && amf_is(it->key, "audioFourCcInfoMap")) {
		caps->audio_map = true;
		return codecs(a, it, caps);
	} else if (list && amf_is(it->key, "ex")) {
		return redirect(a, it, c);
	} else if (list) {
		return amf_skip(a, it);
	}
	return 0;
}

/* The members of a command object, or of an info object. */
static int
members(struct amf *a, const struct amf_item *of, struct rtmp_command *c)
{
	struct amf_item it;
	int r = 0;

	while (a->depth > of->depth) {
		if ((r = amf_next(a, &it)) < 0)
			return r;
		if (r == 0)
			return -EBADMSG;
		if (it.type != AMF_END && (r = member(a, &it, c)) < 0)
			return r;
	}
	return 0;
}

int
rtmp_command_parse(const struct rtmp_msg *msg, struct rtmp_command *c)
{
	size_t skip = msg->type == RTMP_COMMAND3 && msg->len > 0;
	bool have_text = false;
	struct amf_item it;
	struct amf a;
	int r;

	memset(c, 0, sizeof(*c));
	/* In a message of AMF 3 a byte of format comes first, usually 0. */
	amf_init(&a, msg->data + skip, msg->len - skip);
	if (amf_next(&a, &it) <= 0 || it.type != AMF_STRING)
		return -EBADMSG;
	amf_copy(it.string, c->name, sizeof(c->name));
	if ((r = amf_next(&a, &it)) < 0)
		return r;
	if (r > 0 && it.type == AMF_NUMBER)
		c->transaction = it.number;
	while (r > 0 && (r = amf_next(&a, &it)) > 0) {
		if (it.type == AMF_OBJECT || it.type == AMF_ARRAY) {
			if (members(&a, &it, c) < 0)
				return -EBADMSG;
		} else if (it.type == AMF_STRING && !have_text) {
			have_text = true;
			c->cut |= !amf_copy(it.string, c->stream, sizeof(c->stream));
		} else if (it.type == AMF_NUMBER) {
			c->number = it.number;
		}
	}
	return r < 0 ? r : 0;
}

/* ---- writing */

static struct amf_out
begin(uint8_t *p, size_t size, const char *name, double transaction)
{
	struct amf_out o = { .p = p, .size = size };

	amf_put_string(&o, name);
	amf_put_number(&o, transaction);
	return o;
}

static int
end(const struct amf_out *o)
{
	return o->full ? -ENOSPC : (int)o->len;
}

static void
text(struct amf_out *o, const char *key, const char *value)
{
	amf_put_key(o, key);
	amf_put_string(o, value);
}

static void
number(struct amf_out *o, const char *key, double value)
{
	amf_put_key(o, key);
	amf_put_number(o, value);
}

static void
put_map(struct amf_out *o, const char *key, uint32_t which, enum rtmp_codec from,
    enum rtmp_codec to, double can)
{
	amf_put_key(o, key);
	amf_put_object(o);
	for (unsigned i = from; i < (unsigned)to; i++)
		if ((which & 1u << i) != 0)
			number(o, rtmp_codec_name[i], can);
	amf_put_end(o);
}

static void
put_list(struct amf_out *o, uint32_t which)
{
	amf_put_key(o, "fourCcList");
	amf_put_array(o, (uint32_t)__builtin_popcount(which));
	for (unsigned i = 0; i < RTMP_CODECS; i++)
		if ((which & 1u << i) != 0)
			amf_put_string(o, rtmp_codec_name[i]);
}

/* What both sides can do, in the forms that the peer has used. */
static void
put_caps(struct amf_out *o, const struct rtmp_caps *theirs, const struct rtmp_caps *ours)
{
	uint32_t both = theirs->codecs & ours->codecs;

	if (theirs->fourcc_list)
		put_list(o, both);
	if (theirs->video_map)
		put_map(o, "videoFourCcInfoMap", both, RTMP_AVC, RTMP_AAC, CAN_FORWARD);
	if (theirs->audio_map)
		put_map(o, "audioFourCcInfoMap", both, RTMP_AAC, RTMP_CODECS, CAN_FORWARD);
	if (theirs->caps_ex)
		number(o, "capsEx", theirs->flags & ours->flags);
}

int
rtmp_put_connected(uint8_t *p, size_t size, const struct rtmp_command *connect,
    const struct rtmp_caps *ours)
{
	struct amf_out o = begin(p, size, "_result", connect->transaction);

	amf_put_object(&o);
	text(&o, "fmsVer", "FMS/3,5,7,7009");
	number(&o, "capabilities", CAPABILITIES);
	number(&o, "mode", 1);
	amf_put_end(&o);
	amf_put_object(&o);
	text(&o, "level", "status");
	text(&o, "code", "NetConnection.Connect.Success");
	text(&o, "description", "Connection succeeded.");
	number(&o, "objectEncoding", connect->object_encoding);
	put_caps(&o, &connect->caps, ours);
	amf_put_end(&o);
	return end(&o);
}

int
rtmp_put_connect(uint8_t *p, size_t size, double transaction, const char *app,
    const char *tc_url, const char *flash_ver, const struct rtmp_caps *ours)
{
	struct amf_out o = begin(p, size, "connect", transaction);

	amf_put_object(&o);
	text(&o, "app", app);
	text(&o, "type", "nonprivate");
	text(&o, "flashVer", flash_ver);
	text(&o, "swfUrl", tc_url);
	text(&o, "tcUrl", tc_url);
	if (ours->codecs != 0) {
		put_list(&o, ours->codecs);
		put_map(&o, "videoFourCcInfoMap", ours->codecs, RTMP_AVC, RTMP_AAC,
		    CAN_ENCODE);
	}
	if (ours->flags != 0)
		number(&o, "capsEx", ours->flags);
	amf_put_end(&o);
	return end(&o);
}

int
rtmp_put_call(uint8_t *p, size_t size, const char *name, double transaction,
    const char *stream)
{
	struct amf_out o = begin(p, size, name, transaction);

	amf_put_null(&o);
	if (stream != NULL)
		amf_put_string(&o, stream);
	return end(&o);
}

int
rtmp_put_publish(uint8_t *p, size_t size, double transaction, const char *stream)
{
	struct amf_out o = begin(p, size, "publish", transaction);

	amf_put_null(&o);
	amf_put_string(&o, stream);
	amf_put_string(&o, "live");
	return end(&o);
}

int
rtmp_put_delete(uint8_t *p, size_t size, double transaction, uint32_t stream_id)
{
	struct amf_out o = begin(p, size, "deleteStream", transaction);

	amf_put_null(&o);
	amf_put_number(&o, stream_id);
	return end(&o);
}

int
rtmp_put_result(uint8_t *p, size_t size, double transaction)
{
	struct amf_out o = begin(p, size, "_result", transaction);

	amf_put_null(&o);
	amf_put_null(&o);
	return end(&o);
}

int
rtmp_put_stream(uint8_t *p, size_t size, double transaction, uint32_t stream_id)
{
	struct amf_out o = begin(p, size, "_result", transaction);

	amf_put_null(&o);
	amf_put_number(&o, stream_id);
	return end(&o);
}

int
rtmp_put_status(uint8_t *p, size_t size, const char *level, const char *code,
    const char *description, const char *tc_url)
{
	struct amf_out o = begin(p, size, "onStatus", 0);

	amf_put_null(&o);
	amf_put_object(&o);
	text(&o, "level", level);
	text(&o, "code", code);
	text(&o, "description", description);
	if (tc_url != NULL)
		text(&o, "tcUrl", tc_url);
	amf_put_end(&o);
	return end(&o);
}

int
rtmp_put_fc(uint8_t *p, size_t size, const char *name, const char *code, const char *stream)
{
	struct amf_out o = begin(p, size, name, 0);

	amf_put_null(&o);
	amf_put_object(&o);
	text(&o, "code", code);
	text(&o, "description", stream);
	amf_put_end(&o);
	return end(&o);
}
