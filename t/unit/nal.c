#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/bits.h"
#include "lib/media/nal.h"
#include "t/tap.h"

static void
test_bits(void)
{
	static const uint8_t p[] = { 0xa6, 0x42, 0x98, 0xe2, 0x04, 0x8a, 0x17 };
	struct bits b = bits_of(p, sizeof(p));
	uint8_t out[9];
	struct bits_writer w = bits_into(out, sizeof(out));
	unsigned i;

	/* 1 010 011 00100 00101 00110 00111 0001000 0001001 0001010 ... */
	for (i = 0; i < 10 && bits_ue(&b) == i; i++)
		;
	is(i, 10, "Exp-Golomb codes 0 to 9, H.264 table 9-2");
	ok(!b.error, "and no error yet");
	is(bits_get(&b, 8), 0x17, "the rest");
	is(bits_get(&b, 1), 0, "past the end are zeros");
	ok(b.error, "and an error");
	is(bits_ue(&b), 0, "that stays");
	b = bits_of((const uint8_t[]){ 0x44, 0x65, 0x80 }, 3);
	is(bits_se(&b), 1, "signed: 1");
	is(bits_se(&b), 2, "signed: 2");
	is(bits_se(&b), -1, "signed: -1");
	is(bits_se(&b), -2, "signed: -2");
	is(bits_se(&b), 0, "signed: 0");
	b = bits_of((const uint8_t[]){ 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe }, 8);
	is(bits_ue(&b), 0xfffffffe, "the longest code");
	b = bits_of((const uint8_t[]){ 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }, 8);
	is(bits_ue(&b), 0, "one zero more is none");
	ok(b.error, "and an error");

	bits_put(&w, 3, 5);
	bits_put(&w, 32, 0xdeadbeef);
	bits_put(&w, 30, 0x2aaaaaaa);
	is(bits_len(&w), 9, "65 bits take 9 bytes");
	b = bits_of(out, sizeof(out));
	is(bits_get(&b, 3), 5, "written and read: 3 bits");
	is(bits_get(&b, 32), 0xdeadbeef, "32 bits across bytes");
	is(bits_get(&b, 30), 0x2aaaaaaa, "30 bits");
	bits_put(&w, 8, 0);
	is(bits_len(&w), 0, "what does not fit is nothing");
}

/* The plain search that nal_find() has to agree with. */
static size_t
find_slowly(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 3 <= len; i++)
		if (p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1)
			return i;
	return len;
}

static void
test_find(void)
{
	uint8_t p[16];
	unsigned wrong = 0;
	uint32_t x = 1;

	for (unsigned n = 0; n < 200000; n++) {
		size_t len = n % (sizeof(p) + 1);

		for (size_t i = 0; i < len; i++) {
			x = x * 1664525 + 1013904223;
			p[i] = (uint8_t)(x >> 24) % 4 == 3 ? 2 : x >> 28 & 1;
		}
		wrong += nal_find(p, len) != find_slowly(p, len);
	}
	is(wrong, 0, "start codes are where a plain search finds them");
}

static const uint8_t stream[] = {
	0xff, 0xff,				/* junk */
	0, 0, 0, 1, 0x09, 0xf0,			/* delimiter */
	0, 0, 1, 0x67, 1, 2,			/* SPS */
	0, 0, 0, 0, 0, 1, 0x68, 3, 0, 0, 3, 0,	/* PPS, zero bytes behind */
	0, 0, 1,				/* empty */
	0, 0, 1, 0x0c, 0xff, 0xff, 0x80,	/* filler */
	0, 0, 1, 0x65, 0x88, 0, 0, 3, 1, 0x80,	/* IDR */
};
static const uint8_t prefixed[] = {
	0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 3, 0x67, 1, 2, 0, 0, 0, 5, 0x68, 3, 0, 0, 3,
	0, 0, 0, 4, 0x0c, 0xff, 0xff, 0x80, 0, 0, 0, 7, 0x65, 0x88, 0, 0, 3, 1, 0x80,
};

static void
test_convert(void)
{
	uint8_t out[64], back[64];
	int64_t n = nal_to_prefixed(CODEC_AVC, stream, sizeof(stream), 0, out,
	    sizeof(out)), m;

	is(n, sizeof(prefixed), "a byte stream with lengths instead of start codes");
	ok(memcmp(out, prefixed, sizeof(prefixed)) == 0, "has these bytes");
	is(nal_to_prefixed(CODEC_AVC, stream, sizeof(stream), 0, out,
	    sizeof(prefixed) - 1), -ENOSPC, "one byte too few");
	is(nal_to_prefixed(CODEC_AVC, stream, sizeof(stream), NAL_DROP_FOR_MP4, out,
	    sizeof(out)), 11, "without delimiter, filler, parameter sets");
	n = nal_to_annexb(CODEC_AVC, prefixed, sizeof(prefixed), 4, 0, NULL, 0);
	is(n, sizeof(prefixed), "the length back is known beforehand");
	is(nal_to_annexb(CODEC_AVC, prefixed, sizeof(prefixed), 4, 0, back,
	    (size_t)n - 1), -ENOSPC, "one byte too few");
	n = nal_to_annexb(CODEC_AVC, prefixed, sizeof(prefixed), 4, 0, back,
	    sizeof(back));
	m = nal_to_prefixed(CODEC_AVC, back, (size_t)n, 0, out, sizeof(out));
	ok(m == sizeof(prefixed) && memcmp(out, prefixed, sizeof(prefixed)) == 0,
	    "there and back again");
	for (size_t len = 0; len < sizeof(prefixed); len++) {
		bool border = len == 0 || len == 6 || len == 13 || len == 22 || len == 30;

		n = nal_to_annexb(CODEC_AVC, prefixed, len, 4, 0, NULL, 0);
		if (border ? n != (int64_t)len : n != -EBADMSG)
			ok(false, "prefix of %zu bytes", len);
	}
	ok(true, "every other prefix is damaged");
	is(nal_to_annexb(CODEC_AVC, (const uint8_t[]){ 0, 2, 9, 0xf0, 0, 0, 1, 0x65 }, 8,
	    2, 0, back, sizeof(back)), -EBADMSG, "lengths of two bytes, the last wrong");
	is(nal_to_annexb(CODEC_AVC, (const uint8_t[]){ 0, 2, 9, 0xf0, 0, 0, 0, 1, 0x65 },
	    9, 2, 0, back, sizeof(back)), 11, "lengths of two bytes, one unit empty");
}

static void
test_escape(void)
{
	static const uint8_t raw[] = { 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4 };
	static const uint8_t want[] = {
		0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 2, 0, 0, 3, 3, 0, 0, 4,
	};
	uint8_t out[32], back[32];
	size_t n = nal_escape(raw, sizeof(raw), out, sizeof(out));

	ok(n == sizeof(want) && memcmp(out, want, n) == 0, "emulation prevention");
	n = nal_unescape(out, n, back, sizeof(back));
	ok(n == sizeof(raw) && memcmp(back, raw, n) == 0, "is taken out again");
	is(nal_escape(raw, sizeof(raw), out, sizeof(want) - 1), 0, "no space");
	is(nal_unescape(out, sizeof(want), back, 5), 5, "as much as fits");
}

int
main(void)
{
	test_bits();
	test_find();
	test_convert();
	test_escape();
	return done_testing();
}
