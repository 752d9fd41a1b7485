#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/bits.h"
#include "lib/media/video.h"
#include "t/tap.h"

/* What x264, x265 and cameras wrote; ffprobe says the same of their streams. */
static const struct row {
	const char *name, *record, *string;
	enum codec codec;
	unsigned width, height, coded_height;
	struct rational sar, rate;
	bool interlaced, full_range;
	uint8_t chroma, depth, primaries, transfer, matrix;
	int reorder;
} rows[] = {
	{ "x264, 4:2:2 10 bit interlaced, HRD", "017a0028ffe1002b677a0028b6cd9405a044fcb8"
	    "7350101014000003000400000300c98100002255100016e37830c03e2c5b2c01000568fbacb2"
	    "2cfefafa00", "avc1.7a0028", CODEC_AVC, 1440, 1080, 1088, { 4, 3 }, { 25, 1 },
	    true, false, 2, 10, 1, 1, 1, 2 },
	{ "x264, high", "0164002affe1001e6764002aacd940780227e5c05a808580a0000003002000000"
	    "c81e30632c001000668ebe3cb22c0fdf8f800", "avc1.64002a", CODEC_AVC, 1920, 1080,
	    1088, { 1, 1 }, { 50, 1 }, false, false, 1, 8, 1, 11, 1, 2 },
	{ "a phone, 2160p", "01640033ffe1001367640033acb401e0021f4ac1418141b4284d4001000568"
	    "ee06f2c0fdf8f800", "avc1.640033", CODEC_AVC, 3840, 2160, 2160, { 0, 0 },
	    { 0, 0 }, false, true, 1, 8, 5, 6, 5, 0 },
	{ "baseline with cropping", "0142000dffe100172742000d95a05c7f97c04400000fa40003a982"
	    "76870aa801000428ce3c80", "avc1.42000d", CODEC_AVC, 360, 240, 240, { 1, 1 },
	    { 30000, 1001 }, false, false, 1, 8, 2, 2, 2, 0 },
	{ "x265, main, HRD", "0101600000009000000000005df000fcfdf8f800000f03a0000100184001"
	    "0c01ffff01600000030090000003000003005d959809a10001003742010101600000030090000"
	    "003000003005da00280802d165959a4932bc39a80808082000007d20000ea60c0291cdc0005b8"
	    "d8000b71b1a2000100074401c172b46240", "hvc1.1.6.L93.90", CODEC_HEVC, 1280, 720,
	    720, { 4, 3 }, { 30000, 1001 }, false, false, 1, 8, 1, 1, 1, 2 },
	{ "a phone, main 10, HLG", "010220000000b0000000000078f000fcfdfafa00000f03a000010018"
	    "40010c01ffff022000000300b0000003000003007815c090a100010024420101022000000300b"
	    "00000030000030078a003c0801107cad8815ee45954d424482402a2000100084401c02cb86414"
	    "c9", "hvc1.2.4.L120.B0", CODEC_HEVC, 1920, 1080, 1088, { 0, 0 }, { 0, 0 },
	    false, false, 1, 10, 9, 18, 9, 2 },
	{ "a phone, no constraint flags, rate in the VPS", "010160000000000000000000b7f000fc"
	    "fdf8f800000f03a00001002140010c01ffff016000000300000300000300000300b72c0c05f5e1"
	    "008f0d180140a10001002d420101016000000300000300000300000300b7a000f008004385a2d2"
	    "bb04bb9a8080808202faf08047868c0010a20001000a4401c06670c8640cc640",
	    "hvc1.1.6.L183", CODEC_HEVC, 7680, 4320, 4320, { 0, 0 }, { 24, 1 }, false,
	    false, 1, 8, 1, 1, 1, 0 },
};

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

static void
test_records(void)
{
	uint8_t record[512], again[512];
	struct video v;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const struct video_format *f = &v.format;
		size_t len = unhex(r->record, record);
		unsigned good = 0;

		video_init(&v, r->codec);
		is(video_config_parse(&v, record, len), 0, "%s: read", r->name);
		ok(strcmp(f->codec_string, r->string) == 0, "%s: %s", r->name,
		    f->codec_string);
		ok(f->width == r->width && f->height == r->height &&
		    f->coded_height == r->coded_height, "%s: %ux%u", r->name, f->width,
		    f->height);
		ok(f->sar.num == r->sar.num && f->sar.den == r->sar.den &&
		    f->frame_rate.num == r->rate.num && f->frame_rate.den == r->rate.den,
		    "%s: shape of samples and frame rate", r->name);
		ok(f->interlaced == r->interlaced && f->chroma_format_idc == r->chroma &&
		    f->bit_depth == r->depth && f->reorder == r->reorder,
		    "%s: kind of pictures", r->name);
		ok(f->colour_primaries == r->primaries &&
		    f->transfer_characteristics == r->transfer &&
		    f->matrix_coefficients == r->matrix && f->full_range == r->full_range,
		    "%s: colour", r->name);
		ok(video_config_put(&v, again, sizeof(again)) == (int)len &&
		    memcmp(record, again, len) == 0, "%s: written, it is the same",
		    r->name);
		is(video_config_put(&v, again, len - 1), -ENOSPC, "%s: no space", r->name);
		video_free(&v);
		for (size_t n = 0; n < len; n++) {
			uint8_t *exact = malloc(n + (n == 0));

			memcpy(exact, record, n);
			good += video_config_parse(&v, exact, n) == 0;
			video_free(&v);
			free(exact);
		}
		/* Without the last bytes only the SPS extensions are missing. */
		ok(good <= 4, "%s: its prefixes are damaged (%u are not)", r->name, good);
	}
}

/* An access unit: a delimiter, what is given, and a slice. */
struct unit {
	uint8_t p[4096];
	size_t	len;
};

static void
add(struct unit *u, const void *nal, size_t len)
{
	memcpy(u->p + u->len, (const uint8_t[4]){ 0, 0, 0, 1 }, 4);
	memcpy(u->p + u->len + 4, nal, len);
	u->len += 4 + len;
}

static void
add_avc_sets(struct unit *u, const char *hex)
{
	uint8_t r[512];
	size_t sps, pps;

	unhex(hex, r);
	sps = (size_t)r[6] << 8 | r[7];
	add(u, r + 8, sps);
	pps = (size_t)r[9 + sps] << 8 | r[10 + sps];
	add(u, r + 11 + sps, pps);
}

static const uint8_t
    aud[] = { 9, 0xf0 },
    idr[] = { 0x65, 0x88, 0x84, 0x01 },		/* slice_type 7, PPS 0 */
    islice[] = { 0x41, 0x88, 0x84, 0x01 },
    pslice[] = { 0x41, 0x9a, 0x02, 0x01 },	/* slice_type 5 */
    bslice[] = { 0x01, 0x9e, 0x02, 0x01 },	/* slice_type 6, no reference */
    recovery0[] = { 6, 6, 1, 0xc0, 0x80 },
    recovery3[] = { 6, 6, 1, 0x24, 0x80 },
    end[] = { 10 };

static void
test_avc_units(void)
{
	static const struct {
		const char *name;
		const uint8_t *sei, *slice;
		bool sets, intra, reference;
		enum video_access access;
	} row[] = {
		{ "P", NULL, pslice, false, false, true, VIDEO_NO_ACCESS },
		{ "B", NULL, bslice, false, false, false, VIDEO_NO_ACCESS },
		{ "I", NULL, islice, false, true, true, VIDEO_NO_ACCESS },
		{ "I with parameter sets", NULL, islice, true, true, true, VIDEO_OPEN },
		{ "P with parameter sets", NULL, pslice, true, false, true,
		    VIDEO_NO_ACCESS },
		{ "I with recovery point", recovery0, islice, false, true, true,
		    VIDEO_OPEN },
		{ "P with recovery in 3", recovery3, pslice, true, false, true,
		    VIDEO_RECOVERY },
		{ "IDR", recovery0, idr, true, true, true, VIDEO_IDR },
	};
	struct video v;
	struct video_unit u;

	video_init(&v, CODEC_AVC);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct unit b = { .len = 0 };

		add(&b, aud, sizeof(aud));
		if (row[i].sets)
			add_avc_sets(&b, rows[1].record);
		if (row[i].sei != NULL)
			add(&b, row[i].sei, 5);
		add(&b, row[i].slice, 4);
		is(video_unit(&v, b.p, b.len, false, &u), 0, "AVC unit: %s",
		    row[i].name);
		ok(u.picture && u.access == row[i].access && u.intra == row[i].intra &&
		    u.reference == row[i].reference && u.has_params == row[i].sets,
		    "what it is");
		is(u.changed, i == 3, "changed: %d", u.changed);
		if (row[i].access == VIDEO_RECOVERY)
			is(u.recovery_frames, 3, "recovers after 3 frames");
	}
	video_free(&v);
}

static void
test_changes(void)
{
	struct unit first = { .len = 0 }, other = { .len = 0 }, junk = { .len = 0 };
	uint8_t record[512];
	struct video v;
	struct video_unit u;

	video_init(&v, CODEC_AVC);
	is(video_config_put(&v, record, sizeof(record)), -ENODATA, "no record yet");
	add_avc_sets(&first, rows[1].record);
	add(&first, idr, sizeof(idr));
	add_avc_sets(&other, rows[2].record);
	add(&other, idr, sizeof(idr));
	add(&other, end, sizeof(end));
	add(&junk, (const uint8_t[]){ 0x67, 0x64, 0x00 }, 3);
	add(&junk, (const uint8_t[]){ 0x65 }, 1);
	video_unit(&v, first.p, first.len, false, &u);
	ok(u.changed && v.format.width == 1920, "first parameter sets");
	video_unit(&v, first.p, first.len, false, &u);
	ok(!u.changed && u.has_params, "repeated ones are no change");
	video_unit(&v, other.p, other.len, true, &u);
	ok(!u.changed && v.format.width == 1920, "those in a damaged unit neither");
	video_unit(&v, junk.p, junk.len, false, &u);
	ok(!u.changed && !u.picture && v.bad_sets == 1, "broken ones are counted");
	video_unit(&v, other.p, other.len, false, &u);
	ok(u.changed && v.format.width == 3840, "another size is a change");
	ok(u.end_of_sequence, "end of sequence");
	is(video_config_put(&v, record, sizeof(record)),
	    (int)strlen(rows[2].record) / 2, "and has the record of the new ones");
	video_free(&v);
}

static void
test_hevc_units(void)
{
	static const struct {
		const char *name;
		uint8_t slice[4];
		enum video_access access;
		bool intra, reference, leading;
	} row[] = {
		{ "IDR_W_RADL", { 19 << 1, 1, 0xa0, 1 }, VIDEO_IDR, true, true, false },
		{ "IDR_N_LP", { 20 << 1, 1, 0xa0, 1 }, VIDEO_IDR, true, true, false },
		{ "CRA", { 21 << 1, 1, 0xa0, 1 }, VIDEO_OPEN, true, true, false },
		{ "BLA_W_LP", { 16 << 1, 1, 0xa0, 1 }, VIDEO_OPEN, true, true, false },
		{ "BLA_N_LP", { 18 << 1, 1, 0xa0, 1 }, VIDEO_IDR, true, true, false },
		{ "TRAIL_R", { 1 << 1, 1, 0xc0, 1 }, VIDEO_NO_ACCESS, false, true, false },
		{ "TRAIL_N", { 0, 1, 0xc0, 1 }, VIDEO_NO_ACCESS, false, false, false },
		{ "RASL_N", { 8 << 1, 1, 0xc0, 1 }, VIDEO_NO_ACCESS, false, false, true },
	};
	uint8_t record[512], sample[64], out[1024];
	size_t len = unhex(rows[4].record, record);
	struct video v;
	struct video_unit u;
	int64_t n;

	video_init(&v, CODEC_HEVC);
	is(video_config_parse(&v, record, len), 0, "HEVC record");
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct unit b = { .len = 0 };

		add(&b, (const uint8_t[]){ 0x46, 1, 0x50 }, 3);
		add(&b, row[i].slice, 4);
		video_unit(&v, b.p, b.len, false, &u);
		ok(u.picture && u.access == row[i].access && u.intra == row[i].intra &&
		    u.reference == row[i].reference && u.leading == row[i].leading,
		    "HEVC unit: %s", row[i].name);
		is(video_sample_len(&v, &u, NAL_DROP_FOR_MP4), 8, "as a sample");
		video_sample_put(&v, &u, NAL_DROP_FOR_MP4, sample);
		if (i > 0)
			continue;
		n = video_annexb_put(&v, sample, 8, true, NULL, 0);
		ok(n < (int64_t)sizeof(out) &&
		    video_annexb_put(&v, sample, 8, true, out, (size_t)n) == n,
		    "and back, with %zu bytes", (size_t)n);
		is(video_annexb_put(&v, sample, 8, true, out, (size_t)n - 1), -ENOSPC,
		    "one byte too few");
		is(video_annexb_put(&v, sample, 7, true, out, sizeof(out)), -EBADMSG,
		    "a sample cut short");
		video_unit(&v, out, (size_t)n, false, &u);
		ok(u.nnal == 5 && u.has_params && !u.changed && u.access == VIDEO_IDR,
		    "it has a delimiter and the same parameter sets");
	}
	video_free(&v);
}

static void
test_captions(void)
{
	static const uint8_t none[] = { 5, 2, 9, 9, 4, 3, 0xb5, 0, 0x31, 0x80 };
	uint8_t sei[256] = { 5, 2, 9, 9, 4, 0, 0xb5, 0, 0x31, 'G', 'A', '9', '4', 3 };
	static const uint8_t cc[][3] = {
		{ 0xfc, 0x94, 0x2c },		/* field 1, channel 1: EDM */
		{ 0xfd, 0x1c | 0x80, 0x20 },	/* field 2, channel 2 */
		{ 0xfc, 0x80, 0x80 },		/* padding */
		{ 0xf8, 0x1c, 0x20 },		/* not valid */
		{ 0xff, 0x04, 0x22 },		/* packet of 8: service 1, 2 bytes */
		{ 0xfe, 'a', 'b' },
		{ 0xfe, 0xe1, 0x09 },		/* extended: service 9, 1 byte */
		{ 0xfe, 'c', 0x00 },
	};
	const uint8_t *data;
	struct captions c = { 0 };
	struct video v;
	struct video_unit u;
	struct unit b = { .len = 0 };
	uint8_t nal[300] = { 6 };
	unsigned n;
	size_t pos = 0, len = 16 + sizeof(cc) + 1;

	is(captions_find(none, sizeof(none), &pos, &data, &n), -ENOENT, "no captions");
	sei[5] = (uint8_t)(len - 6);
	sei[14] = 0xc0 | 8;
	sei[15] = 0xff;
	memcpy(sei + 16, cc, sizeof(cc));
	sei[len - 1] = 0xff;
	sei[len] = 0x80;
	pos = 0;
	is(captions_find(sei, len + 1, &pos, &data, &n), 0, "captions");
	is(n, 8, "of 8 pairs");
	captions_note(&c, data, n);
	is(c.cc, CAPTIONS_CC1 | CAPTIONS_CC4, "CC1 and CC4");
	is(c.services, 1 << 1 | 1 << 9, "services 1 and 9");
	is(captions_find(sei, len + 1, &pos, &data, &n), -ENOENT, "and no more");
	for (size_t k = 0; k < len; k++) {
		pos = 0;
		if (captions_find(sei, k, &pos, &data, &n) == 0)
			ok(false, "captions in a prefix of %zu", k);
	}
	sei[14] = 0xc0 | 9;
	pos = 0;
	is(captions_find(sei, len + 1, &pos, &data, &n), -EBADMSG, "more pairs than bytes");
	sei[14] = 0xc0 | 8;

	add_avc_sets(&b, rows[1].record);
	add(&b, nal, 1 + nal_escape(sei, len + 1, nal + 1, sizeof(nal) - 1));
	add(&b, idr, sizeof(idr));
	video_init(&v, CODEC_AVC);
	video_unit(&v, b.p, b.len, false, &u);
	ok(u.captions.cc == c.cc && v.captions.services == c.services,
	    "found in an access unit");
	video_free(&v);

	b.len = 0;
	nal[0] = HEVC_SEI_PREFIX << 1, nal[1] = 1;
	add(&b, nal, 2 + nal_escape(sei, len + 1, nal + 2, sizeof(nal) - 2));
	video_init(&v, CODEC_HEVC);
	video_unit(&v, b.p, b.len, false, &u);
	ok(!u.picture && v.captions.cc == c.cc && v.captions.services == c.services,
	    "and in one of HEVC");
	video_free(&v);
}

/* All prefixes of a unit, each in a buffer of its own size. */
static void
test_prefixes(void)
{
	struct unit b = { .len = 0 };
	struct video v;
	struct video_unit u;
	size_t bytes = 0;

	add_avc_sets(&b, rows[0].record);
	add(&b, recovery3, sizeof(recovery3));
	add(&b, idr, sizeof(idr));
	for (size_t n = 0; n <= b.len; n++) {
		uint8_t *exact = malloc(n + (n == 0));

		memcpy(exact, b.p, n);
		video_init(&v, CODEC_AVC);
		video_unit(&v, exact, n, false, &u);
		bytes += video_sample_len(&v, &u, 0);
		video_free(&v);
		free(exact);
	}
	ok(u.picture && u.access == VIDEO_IDR && bytes > 0, "all prefixes of a unit");
}

int
main(void)
{
	test_records();
	test_avc_units();
	test_changes();
	test_hevc_units();
	test_captions();
	test_prefixes();
	return done_testing();
}
