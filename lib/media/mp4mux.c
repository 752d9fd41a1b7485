/* The header of a track; mp4chunk.c has the fragments. */
#include <errno.h>

#include "lib/media/box.h"
#include "lib/media/mp4mux.h"

#define NON_SYNC	0x01010000u	/* depends on others, is no sync sample */
#define SYNC		0x02000000u	/* depends on none */

static void
matrix(struct box *b)
{
	static const uint32_t unity[9] = {
		0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000,
	};

	for (unsigned i = 0; i < 9; i++)
		box_u32(b, unity[i]);
}

static void
put_ftyp(struct box *b, bool text)
{
	size_t at = box_start(b, "ftyp");

	box_bytes(b, "iso6", 4);
	box_u32(b, 0);
	box_bytes(b, "iso6cmfccmf2dashcwvt", text ? 20 : 16);
	box_end(b, at);
}

static void
put_mvhd(struct box *b, const struct mp4_track *t)
{
	size_t at = box_start_full(b, "mvhd", 0, 0);

	box_zero(b, 8);				/* creation, modification: for ever */
	box_u32(b, t->timescale);		/* the same bytes at each start */
	box_u32(b, 0);				/* duration: fragments */
	box_u32(b, 0x10000);			/* rate */
	box_u16(b, 0x100);			/* volume */
	box_zero(b, 10);
	matrix(b);
	box_zero(b, 24);
	box_u32(b, t->track_id + 1);		/* next_track_ID */
	box_end(b, at);
}

static void
put_tkhd(struct box *b, const struct mp4_track *t, enum codec_kind kind)
{
	size_t at = box_start_full(b, "tkhd", 0, 7);
	uint64_t width = (uint64_t)t->width << 16;
	bool video = kind == KIND_VIDEO;

	if (t->sar.num > 0 && t->sar.den > 0)
		width = (uint64_t)rescale_near((int64_t)width, t->sar.num, t->sar.den);
	box_zero(b, 8);
	box_u32(b, t->track_id);
	box_zero(b, 4 + 4 + 8 + 2 + 2);		/* duration, layer, group */
	box_u16(b, kind == KIND_AUDIO ? 0x100 : 0);	/* volume */
	box_u16(b, 0);
	matrix(b);
	box_u32(b, video ? (uint32_t)(width > UINT32_MAX ? UINT32_MAX : width) : 0);
	box_u32(b, video ? (uint32_t)t->height << 16 : 0);
	box_end(b, at);
}

static void
put_mdhd(struct box *b, const struct mp4_track *t)
{
	size_t at = box_start_full(b, "mdhd", 0, 0);
	const char *l = t->language;
	unsigned code = 0;

	if (l[0] == '\0' || l[1] == '\0' || l[2] == '\0')
		l = "und";
	for (unsigned i = 0; i < 3; i++)
		code = code << 5 | (((unsigned)l[i] - 0x60) & 31);
	box_zero(b, 8);
	box_u32(b, t->timescale);
	box_u32(b, 0);
	box_u16(b, code);
	box_u16(b, 0);
	box_end(b, at);
}

static void
put_hdlr(struct box *b, enum codec_kind kind)
{
	size_t at = box_start_full(b, "hdlr", 0, 0);

	box_u32(b, 0);
	box_bytes(b, kind == KIND_VIDEO ? "vide" : kind == KIND_TEXT ? "text" : "soun", 4);
	box_zero(b, 12);
	box_string(b, kind == KIND_VIDEO ? "video" : kind == KIND_TEXT ? "text" : "audio");
	box_end(b, at);
}

static void
put_record(struct box *b, const char type[static 4], const struct mp4_track *t)
{
	size_t at = box_start(b, type);

	box_bytes(b, t->config, t->config_len);
	box_end(b, at);
}

static void
put_video_entry(struct box *b, const struct mp4_track *t)
{
	bool hevc = t->codec == CODEC_HEVC;
	size_t at = box_start(b, hevc ? "hvc1" : "avc1"), in;

	box_zero(b, 6);
	box_u16(b, 1);				/* data_reference_index */
	box_zero(b, 16);
	box_u16(b, t->width);
	box_u16(b, t->height);
	box_u32(b, 0x480000);			/* 72 dpi */
	box_u32(b, 0x480000);
	box_u32(b, 0);
	box_u16(b, 1);				/* frame_count */
	box_zero(b, 32);			/* compressorname */
	box_u16(b, 0x18);			/* depth */
	box_u16(b, 0xffff);
	put_record(b, hevc ? "hvcC" : "avcC", t);
	if (t->has_colour) {
		in = box_start(b, "colr");
		box_bytes(b, "nclx", 4);
		box_u16(b, t->colour_primaries);
		box_u16(b, t->transfer_characteristics);
		box_u16(b, t->matrix_coefficients);
		box_u8(b, t->full_range ? 0x80 : 0);
		box_end(b, in);
	}
	if (t->sar.num > 0 && t->sar.num <= UINT32_MAX && t->sar.den > 0 &&
	    t->sar.den <= UINT32_MAX) {
		in = box_start(b, "pasp");
		box_u32(b, (uint32_t)t->sar.num);
		box_u32(b, (uint32_t)t->sar.den);
		box_end(b, in);
	}
	box_end(b, at);
}

/* 14496-1 7.2.6: tags with lengths of one byte; config is that short. */
static void
put_esds(struct box *b, const struct mp4_track *t)
{
	size_t at = box_start_full(b, "esds", 0, 0);
	unsigned own = t->config_len > 0 ? 2 + (unsigned)t->config_len : 0;
	unsigned oti = t->codec == CODEC_AAC ? 0x40 : t->rate >= 32000 ? 0x6b : 0x69;

	box_u8(b, 3);				/* ES_DescrTag */
	box_u8(b, 3 + 2 + 13 + own + 3);
	box_u16(b, 0);				/* ES_ID: in a file 0 */
	box_u8(b, 0);
	box_u8(b, 4);				/* DecoderConfigDescrTag */
	box_u8(b, 13 + own);
	box_u8(b, oti);
	box_u8(b, 5 << 2 | 1);			/* audio stream */
	box_zero(b, 3);				/* bufferSizeDB: not known */
	box_u32(b, t->bitrate);
	box_u32(b, t->bitrate);
	if (own > 0) {
		box_u8(b, 5);			/* DecSpecificInfoTag */
		box_u8(b, (unsigned)t->config_len);
		box_bytes(b, t->config, t->config_len);
	}
	box_u8(b, 6);				/* SLConfigDescrTag */
	box_u8(b, 1);
	box_u8(b, 2);
	box_end(b, at);
}

static void
put_audio_entry(struct box *b, const struct mp4_track *t)
{
	const char *type = t->codec == CODEC_AC3 ? "ac-3" :
	    t->codec == CODEC_EAC3 ? "ec-3" : t->codec == CODEC_OPUS ? "Opus" : "mp4a";
	size_t at = box_start(b, type);

	box_zero(b, 6);
	box_u16(b, 1);
	box_zero(b, 8);
	box_u16(b, t->channels);
	box_u16(b, 16);				/* samplesize */
	box_zero(b, 4);
	box_u32(b, t->rate <= UINT16_MAX ? t->rate << 16 : 0);
	switch (t->codec) {
	case CODEC_AC3:
		put_record(b, "dac3", t);
		break;
	case CODEC_EAC3:
		put_record(b, "dec3", t);
		break;
	case CODEC_OPUS:
		put_record(b, "dOps", t);
		break;
	default:
		put_esds(b, t);
	}
	box_end(b, at);
}

static void
put_text_entry(struct box *b, const struct mp4_track *t)
{
	size_t at = box_start(b, "wvtt");

	box_zero(b, 6);
	box_u16(b, 1);
	put_record(b, "vttC", t);
	box_end(b, at);
}

static void
put_stbl(struct box *b, const struct mp4_track *t, enum codec_kind kind)
{
	static const char empty[3][5] = { "stts", "stsc", "stco" };
	size_t at = box_start(b, "stbl"), in = box_start_full(b, "stsd", 0, 0);

	box_u32(b, 1);
	if (kind == KIND_VIDEO)
		put_video_entry(b, t);
	else if (kind == KIND_TEXT)
		put_text_entry(b, t);
	else
		put_audio_entry(b, t);
	box_end(b, in);
	for (unsigned i = 0; i < 3; i++) {
		in = box_start_full(b, empty[i], 0, 0);
		box_u32(b, 0);
		box_end(b, in);
	}
	in = box_start_full(b, "stsz", 0, 0);
	box_zero(b, 8);
	box_end(b, in);
	box_end(b, at);
}

static void
put_minf(struct box *b, const struct mp4_track *t, enum codec_kind kind)
{
	size_t at = box_start(b, "minf"), in, dref, url;

	in = kind == KIND_VIDEO ? box_start_full(b, "vmhd", 0, 1) :
	    box_start_full(b, kind == KIND_TEXT ? "nmhd" : "smhd", 0, 0);
	box_zero(b, kind == KIND_VIDEO ? 8 : kind == KIND_TEXT ? 0 : 4);
	box_end(b, in);
	in = box_start(b, "dinf");
	dref = box_start_full(b, "dref", 0, 0);
	box_u32(b, 1);
	url = box_start_full(b, "url ", 0, 1);	/* in this file */
	box_end(b, url);
	box_end(b, dref);
	box_end(b, in);
	put_stbl(b, t, kind);
	box_end(b, at);
}

int
mp4mux_init_put(const struct mp4_track *t, uint8_t *p, size_t size)
{
	struct box b = { .p = p, .size = size };
	size_t moov, trak, mdia, mvex, trex;
	enum codec_kind kind = codec_kind(t->codec);

	switch (t->codec) {
	case CODEC_AVC:
	case CODEC_HEVC:
	case CODEC_AAC:
	case CODEC_AC3:
	case CODEC_EAC3:
	case CODEC_OPUS:
	case CODEC_MPEGA:
	case CODEC_WEBVTT:
		break;
	default:
		return -ENOTSUP;
	}
	if (kind != KIND_VIDEO && t->config_len > 100)
		return -ENOTSUP;
	put_ftyp(&b, kind == KIND_TEXT);
	moov = box_start(&b, "moov");
	put_mvhd(&b, t);
	trak = box_start(&b, "trak");
	put_tkhd(&b, t, kind);
	mdia = box_start(&b, "mdia");
	put_mdhd(&b, t);
	put_hdlr(&b, kind);
	put_minf(&b, t, kind);
	box_end(&b, mdia);
	box_end(&b, trak);
	mvex = box_start(&b, "mvex");
	trex = box_start_full(&b, "trex", 0, 0);
	box_u32(&b, t->track_id);
	box_u32(&b, 1);				/* sample_description_index */
	box_u32(&b, 0);
	box_u32(&b, 0);
	box_u32(&b, kind == KIND_VIDEO ? NON_SYNC : SYNC);
	box_end(&b, trex);
	box_end(&b, mvex);
	box_end(&b, moov);
	return b.full ? -ENOSPC : (int)b.len;
}
