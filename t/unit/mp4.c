#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/box.h"
#include "lib/media/mp4mux.h"
#include "lib/media/mp4read.h"
#include "t/tap.h"

static const uint8_t avcc[] = {
	1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 0x1f, 1, 0, 2, 0x68, 0xee,
};
static const uint8_t asc[] = { 0x11, 0x90 };
static const uint8_t dops[] = { 0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0 };

static const struct mp4_track tracks[] = {
	{ .track_id = 1, .timescale = 90000, .codec = CODEC_AVC, .config = avcc,
	    .config_len = sizeof(avcc), .width = 1440, .height = 1080, .sar = { 4, 3 },
	    .has_colour = true, .colour_primaries = 9, .transfer_characteristics = 16,
	    .matrix_coefficients = 9, .full_range = true },
	{ .track_id = 7, .timescale = 30000, .codec = CODEC_HEVC, .config = avcc,
	    .config_len = sizeof(avcc), .width = 640, .height = 360 },
	{ .track_id = 2, .timescale = 48000, .codec = CODEC_AAC, .language = "deu",
	    .config = asc, .config_len = sizeof(asc), .rate = 48000, .channels = 2,
	    .bitrate = 128000 },
	{ .track_id = 3, .timescale = 48000, .codec = CODEC_OPUS, .config = dops,
	    .config_len = sizeof(dops), .rate = 48000, .channels = 2 },
	{ .track_id = 4, .timescale = 48000, .codec = CODEC_AC3, .config = asc,
	    .config_len = 2, .rate = 48000, .channels = 6 },
	{ .track_id = 5, .timescale = 44100, .codec = CODEC_EAC3, .config = asc,
	    .config_len = 2, .rate = 44100, .channels = 8 },
	{ .track_id = 6, .timescale = 44100, .codec = CODEC_MPEGA, .rate = 44100,
	    .channels = 1 },
};

static void
test_init(void)
{
	uint8_t p[2048];
	struct mp4_init init;

	for (size_t i = 0; i < sizeof(tracks) / sizeof(tracks[0]); i++) {
		const struct mp4_track *t = &tracks[i], *r = &init.track[0];
		int len = mp4mux_init_put(t, p, sizeof(p)), good = 0;

		ok(len > 0 && mp4_init_parse(p, (size_t)len, &init) == 0 && init.n == 1,
		    "%s: a header of %d bytes", codec_name(t->codec), len);
		ok(r->track_id == t->track_id && r->timescale == t->timescale &&
		    r->codec == t->codec && r->movie_timescale == t->timescale,
		    "track %u, timescale %u", r->track_id, r->timescale);
		ok(r->config_len == t->config_len && (r->config_len == 0 ||
		    memcmp(r->config, t->config, r->config_len) == 0), "record");
		ok(r->width == t->width && r->height == t->height &&
		    r->sar.num == t->sar.num && r->sar.den == t->sar.den, "picture");
		ok(r->has_colour == t->has_colour &&
		    r->colour_primaries == t->colour_primaries &&
		    r->transfer_characteristics == t->transfer_characteristics &&
		    r->matrix_coefficients == t->matrix_coefficients &&
		    r->full_range == t->full_range, "colour");
		ok(r->rate == t->rate && r->channels == t->channels &&
		    r->bitrate == t->bitrate, "sound");
		ok(strcmp(r->language, t->language[0] ? t->language : "und") == 0,
		    "language %s", r->language);
		ok(!r->encrypted && r->media_time == 0 && r->empty_edit == 0, "no edits");
		is(mp4mux_init_put(t, p, (size_t)len - 1), -ENOSPC, "one byte too few");
		mp4mux_init_put(t, p, sizeof(p));
		for (size_t n = 0; n < (size_t)len; n++) {
			uint8_t *exact = malloc(n + (n == 0));

			memcpy(exact, p, n);
			good += mp4_init_parse(exact, n, &init) == 0;
			free(exact);
		}
		is(good, 0, "no prefix of it is one");
	}
	is(mp4mux_init_put(&(struct mp4_track){ .codec = CODEC_MPEG2V }, p, sizeof(p)),
	    -ENOTSUP, "MPEG-2 video has no place");
}

/* avc1 as encv: sinf and free over colr and pasp, which are as long together. */
static void
test_encrypted(void)
{
	uint8_t p[2048];
	struct mp4_init init;
	int len = mp4mux_init_put(&tracks[0], p, sizeof(p));
	uint8_t *entry = memmem(p, (size_t)len, "avc1", 4);
	uint8_t *colr = memmem(p, (size_t)len, "colr", 4);
	struct box b = { .p = colr - 4, .size = 35 };
	size_t at;

	memcpy(entry, "encv", 4);
	at = box_start(&b, "sinf");
	box_u32(&b, 12);
	box_bytes(&b, "frmaavc1", 8);
	box_end(&b, at);
	at = box_start(&b, "free");
	box_zero(&b, 35 - b.len);
	box_end(&b, at);
	is(mp4_init_parse(p, (size_t)len, &init), 0, "an encrypted track");
	ok(init.track[0].encrypted && init.track[0].codec == CODEC_AVC &&
	    init.track[0].fourcc == MP4_FOURCC('a', 'v', 'c', '1') &&
	    init.track[0].config_len == sizeof(avcc), "says what it was before");
	ok(!init.track[0].has_colour && init.track[0].sar.num == 0, "and no more");
}

#define N	5

static void
fill(struct mp4_sample s[N], uint8_t *media, size_t *media_len)
{
	*media_len = 0;
	for (unsigned i = 0; i < N; i++) {
		s[i] = (struct mp4_sample){ .data = media + *media_len, .len = 10,
			.duration = 3600, .sync = i == 0 };
		memset(media + *media_len, (int)i, 20);
		*media_len += 10;
	}
}

/* What goes in comes out, for samples that differ in each way. */
static void
test_chunks(void)
{
	static const char *const name[] = {
		"alike", "durations", "sizes", "offsets", "sync in the middle", "one sample",
		"audio",
	};
	uint8_t p[4096], init_bytes[2048], media[256];
	struct mp4_init init;
	size_t sizes[7];

	mp4_init_parse(init_bytes, (size_t)mp4mux_init_put(&tracks[0], init_bytes,
	    sizeof(init_bytes)), &init);
	for (unsigned kind = 0; kind < 7; kind++) {
		struct mp4_sample s[N], got;
		const struct mp4_track *t;
		struct mp4_fragment f;
		size_t media_len, used = 0, want, wrong = 0, len;
		uint64_t dts = UINT64_C(1) << 40;
		struct mp4mux_chunk c = { .track_id = 1, .sequence_number = 42,
			.base_media_decode_time = dts, .video = kind != 6, .sample = s, .n = N };
		unsigned count = 0;
		int head;

		fill(s, media, &media_len);
		switch (kind) {
		case 1:
			s[2].duration = 3601;
			break;
		case 2:
			s[1].len = 7, s[2].len = 13;
			s[2].data = s[1].data + 7;
			break;
		case 3:
			s[1].cts = 7200, s[2].cts = -3600;
			break;
		case 4:
			s[3].sync = true;
			break;
		case 5:
			c.n = 1;
			media_len = 10;
			break;
		default:
			break;
		}
		head = mp4mux_chunk_put(&c, p, mp4mux_chunk_max(&c));
		ok(head > 0, "%s: chunk of %d bytes", name[kind], head);
		sizes[kind] = (size_t)head;
		is(mp4mux_chunk_put(&c, p, (size_t)head - 1), -ENOSPC, "one byte too few");
		mp4mux_chunk_put(&c, p, sizeof(p));
		memcpy(p + head, media, media_len);
		len = (size_t)head + media_len;
		for (size_t n = 0; n < len; n++) {
			uint8_t *exact = malloc(n + (n == 0));

			memcpy(exact, p, n);
			wrong += mp4_fragment_next(&init, exact, n, &used, &want, &f) != 0 ||
			    used != 0 || want <= n || want > len + 16;
			free(exact);
		}
		is(wrong, 0, "each prefix asks for more");
		is(mp4_fragment_next(&init, p, sizeof(p), &used, &want, &f), 1, "whole");
		is(used, len, "and no byte more");
		is(f.sequence_number, 42, "sequence number");
		ok(!f.segment_start && !f.has_prft, "nothing before it");
		wrong = 0;
		while (mp4_sample_next(&f, &t, &got) > 0) {
			const struct mp4_sample *w = &s[count++];

			wrong += got.len != w->len || got.duration != w->duration ||
			    got.cts != w->cts || got.sync != (w->sync || kind == 6) ||
			    got.dts != dts || t != &init.track[0] ||
			    memcmp(got.data, w->data, w->len) != 0;
			dts += w->duration;
		}
		ok(count == c.n && wrong == 0, "%u samples, %zu wrong", count, wrong);
		is(mp4_sample_next(&f, &t, &got), 0, "the end stays the end");
	}
	ok(sizes[0] < sizes[1] && sizes[1] == sizes[2] && sizes[2] + 4 == sizes[3] &&
	    sizes[6] < sizes[0], "what is alike is said once");
}

static void
test_front(void)
{
	struct mp4_prft prft = { 1, PRFT_CAPTURED, UINT64_C(0xe9f0123480000000),
		UINT64_C(1) << 33 }, prft_want = prft;
	struct mp4_emsg emsg[2] = {
		{ 1, "https://aomedia.org/emsg/ID3", "0", 90000, UINT64_C(1) << 34, 900, 1,
		    asc, 2 },
		{ 0, "urn:scte:scte35:2013:bin", "1001", 1000, 17, 0xffffffff, 2, NULL, 0 },
	}, e;
	struct mp4_sample s = { .len = 4, .duration = 1, .sync = true };
	struct mp4mux_chunk c = { .styp = MP4MUX_SEGMENT | MP4MUX_LAST, .track_id = 1,
		.video = true, .sample = &s, .n = 1, .prft = &prft, .emsg = emsg, .nemsg = 2 };
	uint8_t p[4096] = { 0 };
	struct mp4_init init = { .n = 1, .track = { { .track_id = 1, .timescale = 1 } } };
	struct mp4_fragment f;
	size_t used, want;
	int head = mp4mux_chunk_put(&c, p, mp4mux_chunk_max(&c));

	ok(head > 0 && mp4_fragment_next(&init, p, (size_t)head + 4, &used, &want, &f) == 1,
	    "styp, prft and two emsg before a chunk");
	ok(memcmp(p + 4, "stypmsdh", 8) == 0 && memcmp(p + 32, "lmsg", 4) == 0,
	    "the last segment");
	ok(f.segment_start && f.has_prft, "are seen");
	ok(f.prft.ntp == prft_want.ntp && f.prft.media_time == prft_want.media_time &&
	    f.prft.flags == PRFT_CAPTURED && f.prft.track_id == 1, "producer time");
	for (unsigned i = 0; i < 2; i++)
		ok(mp4_emsg_next(&f, &e) == 1 && e.version == emsg[i].version &&
		    strcmp(e.scheme_id_uri, emsg[i].scheme_id_uri) == 0 &&
		    strcmp(e.value, emsg[i].value) == 0 &&
		    e.timescale == emsg[i].timescale &&
		    e.presentation_time == emsg[i].presentation_time &&
		    e.event_duration == emsg[i].event_duration && e.id == emsg[i].id &&
		    e.message_len == emsg[i].message_len, "event message %u", i);
	is(mp4_emsg_next(&f, &e), 0, "no more of them");
}

/* Forms that others write: defaults in trex, two tracks, no data offset. */
static int
put_foreign(uint8_t *p, size_t size, uint32_t samples)
{
	struct box b = { .p = p, .size = size };
	size_t moof = box_start(&b, "moof"), traf, at, offset;

	at = box_start_full(&b, "mfhd", 0, 0);
	box_u32(&b, 1);
	box_end(&b, at);
	traf = box_start(&b, "traf");
	at = box_start_full(&b, "tfhd", 0, 0x10);	/* default size */
	box_u32(&b, 5);					/* a track not known */
	box_u32(&b, 2);
	box_end(&b, at);
	at = box_start_full(&b, "trun", 0, 1);		/* data offset */
	box_u32(&b, 2);
	offset = b.len;
	box_u32(&b, 0);
	box_end(&b, at);
	box_end(&b, traf);
	traf = box_start(&b, "traf");
	at = box_start_full(&b, "tfhd", 0, 0);
	box_u32(&b, 9);
	box_end(&b, at);
	at = box_start_full(&b, "trun", 0, 0);
	box_u32(&b, samples);
	box_end(&b, at);
	box_end(&b, traf);
	box_end(&b, moof);
	box_patch(&b, offset, (uint32_t)b.len + 8);
	at = box_start(&b, "mdat");
	box_bytes(&b, "aabbcccddd", 10);
	box_end(&b, at);
	return (int)b.len;
}

static void
test_foreign(void)
{
	struct mp4_init init = { .n = 1, .track = { { .track_id = 9, .timescale = 1000,
		.default_duration = 40, .default_size = 3, .default_flags = 0x10000 } } };
	uint8_t p[512];
	size_t len = (size_t)put_foreign(p, sizeof(p), 2), used, want;
	struct mp4_fragment f;
	struct mp4_sample s;
	const struct mp4_track *t;

	is(mp4_fragment_next(&init, p, len, &used, &want, &f), 1, "two tracks");
	ok(mp4_sample_next(&f, &t, &s) == 1 && t->track_id == 9 && s.len == 3 &&
	    s.duration == 40 && !s.sync && memcmp(s.data, "ccc", 3) == 0,
	    "the first of the known one, behind the data of the other");
	ok(mp4_sample_next(&f, &t, &s) == 1 && s.dts == 40 &&
	    memcmp(s.data, "ddd", 3) == 0, "and the second");
	is(mp4_sample_next(&f, &t, &s), 0, "no more");
	init.track[0].default_size = 4;
	mp4_fragment_next(&init, p, len, &used, &want, &f);
	is(mp4_sample_next(&f, &t, &s), 1, "a longer sample");
	is(mp4_sample_next(&f, &t, &s), -EBADMSG, "does not fit twice");
	is(mp4_sample_next(&f, &t, &s), 0, "and that is the end");
	init.track[0].default_size = 7;
	mp4_fragment_next(&init, p, len, &used, &want, &f);
	is(mp4_sample_next(&f, &t, &s), -EBADMSG, "one byte too long");
	init.track[0].default_size = 0;
	put_foreign(p, sizeof(p), UINT32_MAX);
	mp4_fragment_next(&init, p, len, &used, &want, &f);
	is(mp4_sample_next(&f, &t, &s), -EBADMSG, "samples without bytes have a limit");
	p[0] = 0x70;
	is(mp4_fragment_next(&init, p, len, &used, &want, &f), -EBADMSG,
	    "so has a fragment");
}

static void
test_sidx(void)
{
	static const struct mp4mux_ref ref[2] = { { 1000, 90000, true }, { 2, 3, false } };
	static const uint8_t want[] = {
		0, 0, 0, 64, 's', 'i', 'd', 'x', 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x5f, 0x90,
		0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0, 0, 3, 0xe8, 0, 1, 0x5f, 0x90, 0x90, 0, 0, 0,
		0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0,
	};
	uint8_t p[64];

	is(mp4mux_sidx_put(1, 90000, 5, ref, 2, p, sizeof(p)), 64, "sidx");
	ok(memcmp(p, want, 64) == 0, "has these bytes");
	is(mp4mux_sidx_put(1, 90000, 5, ref, 2, p, 63), -ENOSPC, "one byte too few");
}

int
main(void)
{
	test_init();
	test_encrypted();
	test_chunks();
	test_front();
	test_foreign();
	test_sidx();
	return done_testing();
}
