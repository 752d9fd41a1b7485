/* RTMP: chunks of both kinds of sender, the handshake, commands, tags. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/flv.h"
#include "lib/net/rtmp.h"
#include "t/tap.h"

/* Messages of bytes: each as "type timestamp length". */
static int
next(struct rtmp_in *in, const uint8_t **p, size_t *len, struct rtmp_msg *m)
{
	size_t used;
	int r = rtmp_in_next(in, *p, *len, &used, m);

	*p += used;
	*len -= used;
	return r;
}

/* RTMP 1.0 5.3.2.1: 4 messages of audio, of which the last three need one byte of header. */
static void
example_of_specification(void)
{
	uint8_t bytes[12 + 32 + 8 + 32 + 2 * 33];
	const uint8_t *p = bytes;
	size_t n = 0, len = sizeof(bytes);
	static const uint8_t head[] = { 3, 0, 3, 0xe8, 0, 0, 32, 8, 0x39, 0x30, 0, 0 };
	static const uint8_t second[] = { 0x83, 0, 0, 20 };
	struct rtmp_in in;
	struct rtmp_msg m;

	memset(bytes, 0x55, sizeof(bytes));
	memcpy(bytes, head, sizeof(head));
	n = sizeof(head) + 32;
	memcpy(bytes + n, second, sizeof(second));
	n += sizeof(second) + 32;
	bytes[n] = 0xc3;
	bytes[n + 33] = 0xc3;
	len = n + 66;
	rtmp_in_init(&in, 65536, NULL);
	for (uint32_t t = 1000; t <= 1060; t += 20) {
		is(next(&in, &p, &len, &m), 1, "message at %u", t);
		is(m.timestamp, t, "its timestamp");
		is(m.stream_id, 12345, "its stream");
		is(m.len, 32, "its length");
	}
	is(next(&in, &p, &len, &m), 0, "then nothing");
	rtmp_in_free(&in);
}

/* An extended timestamp in chunks of type 3, and not. */
static void
extended(bool repeats)
{
	uint8_t bytes[1024] = { 3, 0xff, 0xff, 0xff, 0, 0, 200, 9, 1, 0, 0, 0, 1, 2, 3, 4 };
	const uint8_t *p = bytes;
	struct rtmp_in in;
	struct rtmp_msg m;
	size_t n = 16, len;

	memset(bytes + n, 'a', 128);
	n += 128;
	bytes[n++] = 0xc3;
	if (repeats) {
		memcpy(bytes + n, bytes + 12, 4);
		n += 4;
	}
	memset(bytes + n, 'b', 72);
	n += 72;
	rtmp_in_init(&in, 65536, NULL);
	/* Byte by byte, as the worst network brings them. */
	len = n;
	for (size_t have = 1; have <= n; have++) {
		size_t here = have - (size_t)(p - bytes), used;
		int r = rtmp_in_next(&in, p, here, &used, &m);

		p += used;
		if (r != 0) {
			is(r, 1, "a message, %s", repeats ? "repeated" : "not repeated");
			break;
		}
	}
	is(p - bytes, len, "all is used");
	is(m.timestamp, 0x01020304, "the timestamp");
	ok(m.len == 200 && m.data[127] == 'a' && m.data[128] == 'b' && m.data[199] == 'b',
	    "the payload");
	rtmp_in_free(&in);
}

static void
limits(void)
{
	static const uint8_t big[] = { 3, 0, 0, 0, 0x10, 0, 0, 9, 1, 0, 0, 0 };
	static const uint8_t orphan[] = { 0xc9 };
	static const uint8_t zero[] = { 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t claim[] = { 3, 0, 0, 0, 0, 0xff, 0xff, 9, 1, 0, 0, 0, 'x' };
	struct budget budget = { .limit = 1 << 20 };
	struct rtmp_in in;
	struct rtmp_msg m;
	size_t used;

	rtmp_in_init(&in, 65536, &budget);
	is(rtmp_in_next(&in, big, sizeof(big), &used, &m), -EMSGSIZE, "a long message");
	rtmp_in_free(&in);
	rtmp_in_init(&in, 65536, &budget);
	is(rtmp_in_next(&in, orphan, sizeof(orphan), &used, &m), -EBADMSG,
	    "type 3 of a stream that there is not");
	rtmp_in_free(&in);
	rtmp_in_init(&in, 65536, &budget);
	is(rtmp_in_next(&in, zero, sizeof(zero), &used, &m), -EBADMSG, "chunks of 0 bytes");
	rtmp_in_free(&in);
	rtmp_in_init(&in, 65536, &budget);
	is(rtmp_in_next(&in, claim, sizeof(claim), &used, &m), 0, "a message begins");
	ok(budget.used <= 4096, "memory is for what came, not for what it claims");
	rtmp_in_free(&in);
	is(budget.used, 0, "all memory is given back");
}

static void
round_trip(void)
{
	static const uint32_t csid[] = { 2, 3, 7, 63, 64, 319, 320, 65599 };
	static uint8_t body[3000];
	struct rtmp_out out;
	struct rtmp_in in;
	struct rtmp_msg m;
	const uint8_t *p;
	size_t len;

	rtmp_out_init(&out);
	rtmp_in_init(&in, 65536, NULL);
	for (unsigned i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7);
	for (unsigned i = 0; i < 8; i++)
		for (uint32_t t = 0xfffff0; t < 0x1000010; t += 16)
			rtmp_out_put(&out, &(struct rtmp_msg){ .csid = csid[i],
			    .timestamp = t, .type = RTMP_VIDEO, .stream_id = 1,
			    .data = body, .len = 1000 * (i % 4) });
	p = out.data;
	len = out.len;
	for (unsigned i = 0; i < 8; i++)
		for (uint32_t t = 0xfffff0; t < 0x1000010; t += 16)
			ok(next(&in, &p, &len, &m) == 1 && m.csid == csid[i] &&
			    m.timestamp == t && m.len == 1000 * (i % 4) && m.stream_id == 1 &&
			    (m.len == 0 || memcmp(m.data, body, m.len) == 0),
			    "chunk stream %u at %u comes back", csid[i], t);
	is(len, 0, "and nothing else");
	rtmp_in_free(&in);
	rtmp_out_free(&out);
}

static void
handshake(void)
{
	static uint8_t hello[RTMP_HELLO], answer[RTMP_HELLO + RTMP_SIG];

	hello[0] = 3;
	hello[5] = 9;			/* a player that signs */
	hello[100] = 42;
	is(rtmp_answer(hello, 7, answer), 0, "a handshake");
	ok(answer[0] == 3 && rtmp_get(answer + 1, 4) == 7 && rtmp_get(answer + 5, 4) == 0,
	    "S1 has our time and version 0");
	ok(memcmp(answer + RTMP_HELLO, hello + 1, RTMP_SIG) == 0, "S2 is C1");
	hello[0] = 'G';
	is(rtmp_answer(hello, 7, answer), -EPROTO, "HTTP is none");
}

static void
commands(void)
{
	static const uint8_t amf3[] = { 0, 2, 0, 7, 'c', 'o', 'n', 'n', 'e', 'c', 't',
		0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x11, 0x0a, 0x0b, 1,
		7, 'a', 'p', 'p', 6, 9, 'l', 'i', 'v', 'e', 1 };
	const struct rtmp_caps ours = { .codecs = 1u << RTMP_HEVC | 1u << RTMP_AAC,
		.flags = RTMP_CAN_RECONNECT | RTMP_CAN_MODEX };
	struct rtmp_command c, back;
	struct amf_out o;
	uint8_t p[1024], q[1024];
	int len;

	is(rtmp_command_parse(&(struct rtmp_msg){ .type = RTMP_COMMAND3, .data = amf3,
	    .len = sizeof(amf3) }, &c), 0, "connect in AMF 3");
	ok(strcmp(c.app, "live") == 0 && c.transaction == 1, "its app");

	o = (struct amf_out){ .p = p, .size = sizeof(p) };
	amf_put_string(&o, "connect");
	amf_put_number(&o, 1);
	amf_put_object(&o);
	amf_put_key(&o, "app");
	amf_put_string(&o, "live");
	amf_put_key(&o, "capsEx");
	amf_put_number(&o, 3);
	amf_put_key(&o, "fourCcList");
	amf_put_array(&o, 2);
	amf_put_string(&o, "av01");
	amf_put_string(&o, "hvc1");
	amf_put_key(&o, "videoFourCcInfoMap");
	amf_put_object(&o);
	amf_put_key(&o, "*");
	amf_put_number(&o, 7);
	amf_put_end(&o);
	amf_put_end(&o);
	is(rtmp_command_parse(&(struct rtmp_msg){ .type = RTMP_COMMAND, .data = p,
	    .len = o.len }, &c), 0, "connect of Enhanced RTMP");
	ok(c.caps.fourcc_list && c.caps.video_map && c.caps.caps_ex && !c.caps.audio_map,
	    "what it says");
	is(c.caps.codecs, (1u << RTMP_CODECS) - 1, "* is all codecs");
	len = rtmp_put_connected(q, sizeof(q), &c, &ours);
	ok(len > 0 && rtmp_command_parse(&(struct rtmp_msg){ .type = RTMP_COMMAND, .data = q,
	    .len = (size_t)len }, &back) == 0, "the answer");
	is(back.caps.codecs, 1u << RTMP_HEVC | 1u << RTMP_AAC, "has what both can");
	is(back.caps.flags, RTMP_CAN_RECONNECT, "and does what both can");
	ok(strcmp(back.code, "NetConnection.Connect.Success") == 0 && !back.failed, "its code");
	for (int n = 0; n < len; n++)
		if (rtmp_put_connected(q, (size_t)n, &c, &ours) != -ENOSPC)
			ok(false, "room for %d bytes is not enough", n);
	for (size_t n = 0; n < o.len; n++)
		rtmp_command_parse(&(struct rtmp_msg){ .type = RTMP_COMMAND, .data = p,
		    .len = n }, &c);
}

static void
tags(void)
{
	static const uint8_t avc[] = { 0x17, 1, 0xff, 0xff, 0xfe, 'x' };
	static const uint8_t hevc[] = { 0x91, 'h', 'v', 'c', '1', 0, 0, 40, 'x', 'y' };
	static const uint8_t modex[] = { 0xa7, 2, 3, 0xd0, 0x90, 0x03, 'h', 'v', 'c', '1', 'z' };
	static const uint8_t multi[] = { 0x95, 0x11, 'm', 'p', '4', 'a', 0, 0, 0, 2, 'a', 'b',
		1, 0, 0, 1, 'c' };
	static const uint8_t many[] = { 0x95, 0x21, 'm', 'p', '4', 'a', 0, 0, 0, 1, 'a',
		'O', 'p', 'u', 's', 5, 0, 0, 1, 'b' };
	struct flv_packet k;
	struct flv f;

	ok(flv_video(&f, avc, sizeof(avc)) == 0 && flv_next(&f, &k) == 1 && k.key &&
	    k.fourcc == FLV_AVC && k.cts_ms == -2 && k.len == 1, "AVC, with a negative cts");
	is(flv_next(&f, &k), 0, "one packet");
	ok(flv_video(&f, hevc, sizeof(hevc)) == 0 && flv_next(&f, &k) == 1 && k.key &&
	    k.what == FLV_FRAMES && k.cts_ms == 40 && k.len == 2, "HEVC");
	ok(flv_video(&f, modex, sizeof(modex)) == 0 && flv_next(&f, &k) == 1 && !k.key &&
	    k.what == FLV_FRAMES && k.nano == 250000 && k.len == 1 && *k.data == 'z', "ModEx");
	ok(flv_audio(&f, multi, sizeof(multi)) == 0 && flv_next(&f, &k) == 1 &&
	    k.track == 0 && k.len == 2 && flv_next(&f, &k) == 1 && k.track == 1 && k.len == 1 &&
	    *k.data == 'c' && flv_next(&f, &k) == 0, "two tracks of one codec");
	ok(flv_audio(&f, many, sizeof(many)) == 0 && flv_next(&f, &k) == 1 &&
	    k.fourcc == FLV_AAC && flv_next(&f, &k) == 1 && k.fourcc == FLV_OPUS &&
	    k.track == 5 && *k.data == 'b', "two tracks of two codecs");
	is(flv_audio(&f, multi, sizeof(multi) - 1), 0, "one that is cut");
	ok(flv_next(&f, &k) == 1 && flv_next(&f, &k) == -EBADMSG && flv_next(&f, &k) == 0,
	    "ends with an error");
	ok(flv_video(&f, NULL, 0) == 0 && flv_next(&f, &k) == 0, "an empty one is none");
}

int
main(void)
{
	example_of_specification();
	extended(true);
	extended(false);
	limits();
	round_trip();
	handshake();
	commands();
	tags();
	return done_testing();
}
