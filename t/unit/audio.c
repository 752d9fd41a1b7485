#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/audio.h"
#include "lib/media/bits.h"
#include "lib/media/pes.h"
#include "t/tap.h"

#define FRAMES	6

struct stream {
	uint8_t	p[65536];
	size_t	len, frame[FRAMES + 1];		/* where each begins */
};

/* n frames of a header and filler that looks like no header. */
static void
make(struct stream *s, const uint8_t *head, size_t head_len, size_t frame_len)
{
	s->len = 0;
	for (unsigned i = 0; i <= FRAMES; i++) {
		s->frame[i] = s->len;
		memset(s->p + s->len, 0x55, frame_len);
		memcpy(s->p + s->len, head, head_len);
		s->len += i < FRAMES ? frame_len : 0;
	}
}

/* Push it in PES packets of n bytes, pts on each; frames have to come at theirs. */
static unsigned
frames_in_pieces(struct audio *a, const struct stream *s, size_t n, uint32_t *wrong)
{
	struct audio_frame f;
	unsigned count = 0;

	*wrong = 0;
	for (size_t pos = 0; pos < s->len; pos += n) {
		size_t len = s->len - pos < n ? s->len - pos : n;
		uint8_t *exact = malloc(len);
		int64_t pts = PES_NO_TIME;

		memcpy(exact, s->p + pos, len);
		for (unsigned i = FRAMES; i-- > 0; )
			if (s->frame[i] >= pos && s->frame[i] < pos + len)
				pts = 1000 + (int64_t)i * 10000;
		if (audio_push(a, exact, len, pts, false) < 0)
			abort();
		while (audio_next(a, &f) > 0) {
			size_t want = s->frame[count + 1] - s->frame[count];

			*wrong += f.len > want || f.raw_len > f.len ||
			    memcmp(f.data + f.len - 3, s->p + s->frame[count + 1] - 3, 3)
			    != 0;
			if (f.anchored)
				*wrong += f.pts != 1000 + (int64_t)count * 10000;
			else
				*wrong += f.pts == PES_NO_TIME;
			*wrong += f.changed != (count == 0);
			count++;
		}
		free(exact);
	}
	while (audio_flush(a, &f) > 0)
		count++;
	return count;
}

static void
check_pieces(const char *name, enum codec codec, const struct stream *s)
{
	unsigned bad = 0, wrong;
	struct audio a;

	for (size_t n = 1; n <= s->len; n += n < 40 ? 1 : n / 7) {
		audio_init(&a, codec, NULL, 0);
		if (frames_in_pieces(&a, s, n, &wrong) != FRAMES || wrong != 0 ||
		    a.skipped != 0 || a.frames != FRAMES) {
			printf("# pieces of %zu: %u frames, %u wrong, %u skipped\n", n,
			    (unsigned)a.frames, wrong, (unsigned)a.skipped);
			bad++;
		}
		audio_free(&a);
	}
	is(bad, 0, "%s: the same frames whatever the pieces", name);
}

/* Junk before and inside costs no more frames than it must. */
static void
check_junk(const char *name, enum codec codec, const struct stream *s)
{
	static struct stream j;
	struct audio_frame f;
	unsigned count = 0;
	struct audio a;

	memset(j.p, 0x55, 100);
	j.p[50] = s->p[0], j.p[51] = s->p[1];	/* nearly a header */
	memcpy(j.p + 100, s->p, s->len);
	memset(j.p + 100 + s->frame[3], 0, 8);	/* the fourth is broken */
	audio_init(&a, codec, NULL, 0);
	audio_push(&a, j.p, 100 + s->len, 0, false);
	while (audio_next(&a, &f) > 0 || audio_flush(&a, &f) > 0)
		count++;
	is(count, FRAMES - 1, "%s: all frames but the broken one", name);
	is(a.skipped, 100 + s->frame[4] - s->frame[3], "%s: the rest is counted", name);
	audio_free(&a);
}

struct expect {
	enum codec codec;
	uint32_t rate;
	unsigned channels;
	uint32_t samples, bitrate;
	const char *string;
	uint8_t	config[16];
	size_t	config_len;
};

static void
check_info(const char *name, enum codec codec, const struct stream *s,
    const struct expect *e)
{
	struct audio_frame f = { 0 };
	struct audio_info again;
	struct audio a;

	audio_init(&a, codec, NULL, 0);
	audio_push(&a, s->p, s->len, 0, false);
	ok(audio_next(&a, &f) == 1 && f.changed && f.anchored, "%s: a frame", name);
	is(a.info.codec, e->codec, "%s: codec", name);
	is(a.info.rate, e->rate, "%s: rate", name);
	is(a.info.channels, e->channels, "%s: channels", name);
	is(f.samples, e->samples, "%s: samples", name);
	is(a.info.bitrate, e->bitrate, "%s: bit rate", name);
	ok(strcmp(a.info.codec_string, e->string) == 0, "%s: %s", name,
	    a.info.codec_string);
	ok(a.info.config_len == e->config_len &&
	    memcmp(a.info.config, e->config, e->config_len) == 0, "%s: record", name);
	if (e->config_len > 0) {
		is(audio_parse_config(e->codec, e->config, e->config_len, &again), 0,
		    "%s: record read", name);
		ok(again.rate == e->rate && again.channels == e->channels &&
		    strcmp(again.codec_string, e->string) == 0, "%s: says the same",
		    name);
	}
	for (size_t n = 0; n < e->config_len; n++) {
		uint8_t *exact = malloc(n + (n == 0));

		memcpy(exact, e->config, n);
		audio_parse_config(e->codec, exact, n, &again);
		free(exact);
	}
	audio_free(&a);
}

#define CONFIG(...)	.config = { __VA_ARGS__ }, \
	.config_len = sizeof((uint8_t[]){ __VA_ARGS__ })

static void
test_aac(void)
{
	static const uint8_t head[] = { 0xff, 0xf1, 0x4c, 0x80, 0x06, 0x3f, 0xfc };
	static struct stream s;
	struct audio_info i;
	uint8_t adts[ADTS_HEADER];
	static const struct expect e = { CODEC_AAC, 48000, 2, 1024, 0, "mp4a.40.2",
		CONFIG(0x11, 0x90) };

	make(&s, head, sizeof(head), 49);
	check_info("AAC", CODEC_AAC, &s, &e);
	check_pieces("AAC", CODEC_AAC, &s);
	check_junk("AAC", CODEC_AAC, &s);

	is(audio_parse_asc((const uint8_t[]){ 0x11, 0x90 }, 2, &i), 0, "LC");
	is(audio_adts_put(&i, 42, adts), 0, "to ADTS");
	ok(memcmp(adts, head, sizeof(head)) == 0, "with the same header");
	ok(audio_adts_put(&i, 8191 - 7, adts) == 0 && adts[3] == 0x83 && adts[4] == 0xff &&
	    adts[5] >> 5 == 7, "the longest frame");
	is(audio_adts_put(&i, 8191 - 6, adts), -ENOSPC, "one byte more");
	/* SBR signalled in front: 24 kHz core, 48 kHz out */
	is(audio_parse_asc((const uint8_t[]){ 0x2b, 0x11, 0x88, 0x00 }, 4, &i), 0,
	    "HE-AAC");
	ok(i.rate == 48000 && i.channels == 2 && i.object_type == 5 &&
	    i.frame_samples == 2048 && strcmp(i.codec_string, "mp4a.40.5") == 0,
	    "HE-AAC: %u Hz, %s", i.rate, i.codec_string);
	is(audio_adts_put(&i, 100, adts), 0, "to ADTS");
	ok((adts[2] >> 2 & 15) == 6 && adts[2] >> 6 == 1, "which has the core: LC, 24 kHz");
	is(audio_parse_asc((const uint8_t[]){ 0x11 }, 1, &i), -EBADMSG, "cut short");
	is(audio_parse_asc((const uint8_t[]){ 0x11, 0x80 }, 2, &i), -EBADMSG,
	    "channels by an element that is not there");
}

/* Channels told by a program_config_element in the first frame only. */
static void
test_aac_pce(void)
{
	uint8_t raw[32] = { 0 }, frame[2][64];
	struct bits_writer w = bits_into(raw, sizeof(raw));
	struct audio_info info = { .config = { 0x11, 0x90 }, .config_len = 2 };
	struct audio_frame f;
	struct audio_info i;
	struct audio a;

	bits_put(&w, 3, 5);			/* ID_PCE */
	bits_put(&w, 10, 1 << 4 | 3);		/* tag 0, LC, 48 kHz */
	bits_put(&w, 4, 2);			/* front: C, L R */
	bits_put(&w, 4, 0);
	bits_put(&w, 4, 1);			/* back: a pair */
	bits_put(&w, 2, 1);			/* LFE */
	bits_put(&w, 7, 0);
	bits_put(&w, 3, 0);
	bits_put(&w, 5, 0), bits_put(&w, 5, 16), bits_put(&w, 5, 17);
	bits_put(&w, 4, 0);
	bits_put(&w, (unsigned)(8 - w.pos % 8) % 8, 0);
	bits_put(&w, 8, 2);			/* a comment */
	bits_put(&w, 16, 0x6869);
	for (unsigned k = 0; k < 2; k++) {
		audio_adts_put(&info, sizeof(raw), frame[k]);
		frame[k][2] &= 0xfe;		/* channel_configuration 0 */
		frame[k][3] &= 0x3f;
		memcpy(frame[k] + 7, raw, sizeof(raw));
	}
	frame[1][7] = 0x20;
	audio_init(&a, CODEC_AAC, NULL, 0);
	audio_push(&a, frame[0], 39, 0, false);
	ok(audio_next(&a, &f) == 1 && a.info.channels == 6, "AAC: channels by PCE");
	is(audio_parse_asc(a.info.config, a.info.config_len, &i), 0, "it is in the record");
	is(i.channels, 6, "and says the same");
	is(audio_next(&a, &f), 0, "no more");
	audio_push(&a, frame[1], 39, 0, false);
	ok(audio_next(&a, &f) == 1 && !f.changed, "a frame without it changes nothing");
	audio_free(&a);
}

static void
test_ac3(void)
{
	/* of an encoder: 48 kHz, 128 kbit/s, 3/2 and LFE; 44.1 kHz 96 kbit/s mono */
	static const uint8_t head[] = { 0x0b, 0x77, 0xd8, 0x0c, 0x10, 0x40, 0xeb, 0xf8 };
	static const uint8_t odd[] = { 0x0b, 0x77, 0, 0, 0x4d, 0x40, 0x20, 0 };
	static struct stream s;
	static const struct expect e = { CODEC_AC3, 48000, 6, 1536, 128000, "ac-3",
		CONFIG(0x10, 0x3d, 0x00) };
	static const struct expect o = { CODEC_AC3, 44100, 1, 1536, 96000, "ac-3",
		CONFIG(0x50, 0x08, 0xc0) };

	make(&s, head, sizeof(head), 512);
	check_info("AC-3", CODEC_AC3, &s, &e);
	check_pieces("AC-3", CODEC_AC3, &s);
	check_junk("AC-3", CODEC_AC3, &s);
	make(&s, odd, sizeof(odd), 418);
	check_info("AC-3 44.1", CODEC_AC3, &s, &o);
}

static size_t
put_eac3(uint8_t *p, unsigned strmtyp, unsigned numblkscod, unsigned acmod,
    unsigned lfe, unsigned chanmap, size_t len)
{
	struct bits_writer w = bits_into(p, len);

	memset(p, 0x55, len);
	bits_put(&w, 16, 0x0b77);
	bits_put(&w, 2, strmtyp);
	bits_put(&w, 3, 0);
	bits_put(&w, 11, (uint32_t)len / 2 - 1);
	bits_put(&w, 2, 0);			/* 48 kHz */
	bits_put(&w, 2, numblkscod);
	bits_put(&w, 3, acmod);
	bits_put(&w, 1, lfe);
	bits_put(&w, 5, 16);
	bits_put(&w, 5, 31);
	bits_put(&w, 1, 0);
	if (strmtyp == 1) {
		bits_put(&w, 1, 1);
		bits_put(&w, 16, chanmap);
	}
	bits_put(&w, 1, 0);			/* mixmdate */
	bits_put(&w, 1, 0);			/* infomdate */
	if (strmtyp == 0 && numblkscod != 3)
		bits_put(&w, 1, 0);
	if (strmtyp == 0) {
		bits_put(&w, 1, 1);		/* addbsi: Atmos, complexity 16 */
		bits_put(&w, 6, 1);
		bits_put(&w, 8, 1);
		bits_put(&w, 8, 16);
	} else {
		bits_put(&w, 1, 0);
	}
	return len;
}

static void
test_eac3(void)
{
	static struct stream s;
	static const struct expect e = { CODEC_EAC3, 48000, 8, 1536, 64000, "ec-3",
		CONFIG(0x02, 0x00, 0x20, 0x0f, 0x02, 0x02, 0x01, 0x10) };
	static const struct expect b = { CODEC_EAC3, 48000, 6, 1536, 96000, "ec-3",
		CONFIG(0x03, 0x00, 0x20, 0x0f, 0x00, 0x01, 0x10) };
	size_t n;

	/* 5.1 and a dependent substream of Lrs, Rrs; 6 blocks in each */
	s.len = 0;
	for (unsigned i = 0; i <= FRAMES; i++) {
		s.frame[i] = s.len;
		n = put_eac3(s.p + s.len, 0, 3, 7, 1, 0, 160);
		n += put_eac3(s.p + s.len + n, 1, 3, 2, 0, 0x0200, 96);
		s.len += i < FRAMES ? n : 0;
	}
	check_info("E-AC-3 7.1", CODEC_EAC3, &s, &e);
	check_junk("E-AC-3 7.1", CODEC_EAC3, &s);

	/* three syncframes of two blocks make a frame */
	s.len = 0;
	for (unsigned i = 0; i <= FRAMES; i++) {
		s.frame[i] = s.len;
		for (unsigned k = 0; k < 3 && i < FRAMES; k++)
			s.len += put_eac3(s.p + s.len, 0, 1, 7, 1, 0, 128);
	}
	check_info("E-AC-3 of short frames", CODEC_EAC3, &s, &b);
	check_pieces("E-AC-3 of short frames", CODEC_EAC3, &s);
	/* and the stream_type of AC-3 may carry it */
	check_info("E-AC-3 as AC-3", CODEC_AC3, &s, &b);
}

static void
test_mpa(void)
{
	static const uint8_t layer2[] = { 0xff, 0xfd, 0x84, 0x04 };	/* 48k 128k */
	static const uint8_t layer3[] = { 0xff, 0xf3, 0x54, 0xc4 };	/* 24k 40k */
	static struct stream s;
	static const struct expect two = { CODEC_MPEGA, 48000, 2, 1152, 128000, "mp4a.6B",
		{ 0 }, 0 };
	static const struct expect three = { CODEC_MPEGA, 24000, 1, 576, 40000, "mp4a.69",
		{ 0 }, 0 };

	make(&s, layer2, sizeof(layer2), 384);
	check_info("layer 2", CODEC_MPEGA, &s, &two);
	check_pieces("layer 2", CODEC_MPEGA, &s);
	check_junk("layer 2", CODEC_MPEGA, &s);
	make(&s, layer3, sizeof(layer3), 120);
	check_info("layer 3", CODEC_MPEGA, &s, &three);
}

static void
test_opus(void)
{
	static const uint8_t desc[] = { 5, 4, 'O', 'p', 'u', 's', 0x7f, 2, 0x80, 6 };
	static const uint8_t head[] = { 'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 6, 0x38,
		1, 0x80, 0xbb, 0, 0, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5 };
	static struct stream s;
	static uint8_t big[150000];
	static const struct expect e = { CODEC_OPUS, 48000, 2, 960, 0, "opus",
		CONFIG(0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0) };
	uint8_t unit[1024], out[16];
	size_t n;
	struct audio_frame f;
	struct audio_info i;
	struct audio a;

	s.len = 0;
	for (unsigned k = 0; k <= FRAMES; k++) {
		s.frame[k] = s.len;
		n = audio_opus_header_put(300, 0, 0, s.p + s.len);
		memset(s.p + s.len + n, 0x55, 300);
		s.p[s.len + n] = 0xfc;		/* CELT, 20 ms, stereo, one frame */
		s.len += k < FRAMES ? n + 300 : 0;
	}
	check_info("Opus", CODEC_OPUS, &s, &e);
	check_pieces("Opus", CODEC_OPUS, &s);

	is(audio_init(&a, CODEC_OPUS, desc, sizeof(desc)), 0, "six channels");
	n = audio_opus_header_put(255, 312, 48, unit);
	is(n, 8, "a header with both trims");
	memset(unit + n, 0x55, 255);
	unit[n] = 0x08;				/* SILK, 20 ms */
	audio_push(&a, unit, n + 255, 5, false);
	ok(audio_next(&a, &f) == 1 && f.trim_start == 312 && f.trim_end == 48 &&
	    f.len == 255 && f.samples == 960 && a.info.channels == 6, "is read");
	is(audio_parse_opus_head(head, sizeof(head), &i), 0, "OpusHead");
	ok(i.pre_skip == 312 && i.channels == 6 && i.config_len == 19 &&
	    memcmp(i.config + 10, a.info.config + 10, 9) == 0, "has the same mapping");
	is(audio_opus_desc_put(&i, out, sizeof(out)), 10, "and the same descriptors");
	ok(memcmp(out, desc, sizeof(desc)) == 0, "byte for byte");
	is(audio_opus_desc_put(&i, out, 9), -ENOSPC, "no space");
	audio_push(&a, (const uint8_t[]){ 0x7f, 0xe4, 1, 9, 0 }, 5, 0, true);
	is(audio_next(&a, &f), 0, "a control extension longer than the payload");
	memset(big, 0xff, sizeof(big));
	big[0] = 0x7f, big[1] = 0xe0;
	audio_push(&a, big, sizeof(big), 0, true);
	ok(audio_next(&a, &f) == 0 && a.len < 3, "nor does a size without end collect bytes");
	audio_free(&a);
	is(audio_opus_samples((const uint8_t[]){ 0xff, 0x03 }, 2), 2880, "three of 20 ms");
	is(audio_opus_samples((const uint8_t[]){ 0xff, 0x07 }, 2), 0, "140 ms are too many");
	is(audio_opus_samples((const uint8_t[]){ 0x18, 0 }, 2), 2880, "60 ms");
}

/* The clock goes on between anchors, exactly; a loss takes what was begun. */
static void
test_clock(void)
{
	static const uint8_t head[] = { 0xff, 0xf1, 0x50, 0x80, 0x06, 0x3f, 0xfc };
	static struct stream s;
	struct audio_frame f;
	struct audio a;
	int64_t last = 0;

	make(&s, head, sizeof(head), 49);
	audio_init(&a, CODEC_AAC, NULL, 0);
	audio_push(&a, s.p, s.len, 900, false);
	while (audio_next(&a, &f) > 0)
		last = f.pts;
	is(last, 900 + 5 * 1024 * 90000 / 44100 + 1, "44.1 kHz: rounded, not summed up");
	audio_push(&a, s.p, 60, PES_NO_TIME, false);
	ok(audio_next(&a, &f) == 1 && !f.anchored && f.pts == 900 + 12539,
	    "without a time it counts on");
	is(audio_next(&a, &f), 0, "one frame is begun");
	audio_push(&a, s.p, 49, 80000, true);
	ok(audio_next(&a, &f) == 1 && f.pts == 80000, "after a loss");
	is(a.skipped, 11, "what was begun is dropped");
	audio_free(&a);
}

int
main(void)
{
	test_aac();
	test_aac_pce();
	test_ac3();
	test_eac3();
	test_mpa();
	test_opus();
	test_clock();
	return done_testing();
}
