/* HDR metadata beside pictures: as AMF, as SEI messages, and back. */
#include <errno.h>
#include <string.h>

#include "ingest/flvcolour.c"
#include "lib/media/nal.h"
#include "lib/media/sei.h"
#include "t/tap.h"

static void
number(struct amf_out *o, const char *key, double v)
{
	amf_put_key(o, key);
	amf_put_number(o, v);
}

/* Without its last keys, if some are left out. */
static void
put_display(struct amf_out *o, unsigned keys)
{
	static const struct { const char *key; double v; } all[] = {
		{ "redX", 0.708 }, { "redY", 0.292 }, { "greenX", 0.17 }, { "greenY", 0.797 },
		{ "blueX", 0.131 }, { "blueY", 0.046 }, { "whitePointX", 0.3127 },
		{ "whitePointY", 0.329 }, { "maxLuminance", 1000 }, { "minLuminance", 0.005 },
	};

	amf_put_key(o, "hdrMdcv");
	amf_put_object(o);
	for (unsigned i = 0; i < keys; i++)
		number(o, all[i].key, all[i].v);
	amf_put_end(o);
}

static size_t
put_info(uint8_t *p, size_t size, unsigned keys, bool light)
{
	struct amf_out o = { .p = p, .size = size };

	amf_put_string(&o, "colorInfo");
	amf_put_object(&o);
	amf_put_key(&o, "colorConfig");
	amf_put_object(&o);
	number(&o, "maxCLL", 77);		/* not where it belongs */
	amf_put_end(&o);
	if (light) {
		amf_put_key(&o, "hdrCll");
		amf_put_object(&o);
		number(&o, "maxFall", 400);
		number(&o, "maxCLL", 1000);
		amf_put_end(&o);
	}
	put_display(&o, keys);
	amf_put_end(&o);
	return o.len;
}

static void
test_read(void)
{
	struct hdr h = { .has_light = false };
	uint8_t p[1024];
	struct amf_out o = { .p = p, .size = sizeof(p) };
	size_t len = put_info(p, sizeof(p), 10, true);

	is(flvcolour_read(&h, p, len), 0, "all of it");
	ok(h.has_mastering && h.has_light, "both are there");
	is(h.max_cll, 1000, "MaxCLL");
	is(h.max_fall, 400, "MaxFALL");
	is(h.xy[HDR_RED][0], 35400, "red");
	is(h.xy[HDR_GREEN][1], 39850, "green");
	is(h.xy[HDR_BLUE][0], 6550, "blue");
	is(h.xy[HDR_WHITE][0], 15635, "white");
	is(h.max_luminance, 10000000, "1000 cd/m2");
	is(h.min_luminance, 50, "0.005 cd/m2");
	is(flvcolour_read(&h, p, len - 5), -EBADMSG, "cut");
	ok(h.has_mastering && h.has_light, "leaves it as it was");
	len = put_info(p, sizeof(p), 9, false);
	is(flvcolour_read(&h, p, len), 0, "a display without its black");
	ok(!h.has_mastering && !h.has_light, "is none, and what was said before is over");
	put_info(p, sizeof(p), 10, true);
	flvcolour_read(&h, p, sizeof(p));
	amf_put_string(&o, "colorInfo");
	amf_put_null(&o);
	is(flvcolour_read(&h, p, o.len), 0, "nothing");
	ok(!h.has_mastering && !h.has_light, "takes it back");
	is(flvcolour_read(&h, p, 0), 0, "no bytes");
}

static void
test_odd_numbers(void)
{
	static const double v[] = { -1, 1e300, 0.0 / 1e-300, 70000, 0.5 };
	static const unsigned light[] = { 0, 65535, 0, 65535, 1 };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct hdr h = { .has_light = false };
		uint8_t p[256];
		struct amf_out o = { .p = p, .size = sizeof(p) };

		amf_put_string(&o, "colorInfo");
		amf_put_object(&o);
		amf_put_key(&o, "hdrCll");
		amf_put_object(&o);
		number(&o, "maxCLL", v[i]);
		amf_put_end(&o);
		amf_put_end(&o);
		flvcolour_read(&h, p, o.len);
		is(h.max_cll, light[i], "%g cd/m2 is kept within its bits", v[i]);
	}
}

/* Bytes of zeros would look like a start code: they are escaped. */
static void
test_sei(void)
{
	struct hdr h = {
		.has_mastering = true, .has_light = true,
		.xy = { { 8500, 39850 }, { 0, 0 }, { 35400, 14600 }, { 15635, 16450 } },
		.max_luminance = 10000000, .min_luminance = 1, .max_cll = 0, .max_fall = 1,
	}, back = { .has_light = false };
	static const enum codec codecs[] = { CODEC_AVC, CODEC_HEVC };

	for (unsigned i = 0; i < 2; i++) {
		uint8_t p[HDR_SEI_MAX], buf[HDR_SEI_MAX];
		size_t head = codecs[i] == CODEC_HEVC ? 2 : 1;
		struct nal_iter it = { p, p + hdr_put(&h, codecs[i], p) };
		struct sei_message m;
		struct nal n;

		memset(&back, 0, sizeof(back));
		while (nal_next(&it, &n)) {
			size_t pos = 0;
			size_t len = nal_unescape(n.data + head, n.len - head, buf,
			    sizeof(buf));

			while (sei_next(buf, len, &pos, &m) > 0)
				hdr_read(&back, m.type, m.data, m.len);
		}
		ok(hdr_same(&h, &back), "%s: what is written is read", i == 0 ? "AVC" : "HEVC");
	}
	back.max_fall++;
	ok(!hdr_same(&h, &back), "and another is another");
	memset(&back, 0, sizeof(back));
	hdr_read(&back, HDR_MASTERING, (const uint8_t *)"12345678901234567890123", 23);
	hdr_read(&back, HDR_LIGHT, (const uint8_t *)"123", 3);
	ok(!back.has_mastering && !back.has_light, "short ones are none");
	is(hdr_put(&back, CODEC_HEVC, (uint8_t[HDR_SEI_MAX]){ 0 }), 0, "and nothing is written");
}

int
main(void)
{
	test_read();
	test_odd_numbers();
	test_sei();
	return done_testing();
}
