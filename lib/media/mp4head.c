/* See mp4head.h. */
#include "lib/media/mp4head.h"

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
put_time(struct box *b, uint64_t v, bool wide)
{
	if (wide)
		box_u64(b, v);
	else
		box_u32(b, (uint32_t)v);
}

void
mp4_mvhd_put(struct box *b, uint32_t timescale, uint64_t duration, uint64_t created,
    uint32_t next_track_id)
{
	bool wide = duration > UINT32_MAX || created > UINT32_MAX;
	size_t at = box_start_full(b, "mvhd", wide, 0);

	put_time(b, created, wide);
	put_time(b, created, wide);
	box_u32(b, timescale);
	put_time(b, duration, wide);
	box_u32(b, 0x10000);			/* rate */
	box_u16(b, 0x100);			/* volume */
	box_zero(b, 10);
	matrix(b);
	box_zero(b, 24);
	box_u32(b, next_track_id);
	box_end(b, at);
}

void
mp4_tkhd_put(struct box *b, const struct mp4_track *t, enum codec_kind kind,
    uint64_t duration)
{
	bool wide = duration > UINT32_MAX;
	size_t at = box_start_full(b, "tkhd", wide, 7);
	uint64_t width = (uint64_t)t->width << 16;
	bool video = kind == KIND_VIDEO;

	if (t->sar.num > 0 && t->sar.den > 0)
		width = (uint64_t)rescale_near((int64_t)width, t->sar.num, t->sar.den);
	box_zero(b, wide ? 16 : 8);
	box_u32(b, t->track_id);
	box_zero(b, 4);
	put_time(b, duration, wide);
	box_zero(b, 8 + 2 + 2);			/* layer, group */
	box_u16(b, kind == KIND_AUDIO ? 0x100 : 0);	/* volume */
	box_u16(b, 0);
	matrix(b);
	box_u32(b, video ? (uint32_t)(width > UINT32_MAX ? UINT32_MAX : width) : 0);
	box_u32(b, video ? (uint32_t)t->height << 16 : 0);
	box_end(b, at);
}

void
mp4_mdhd_put(struct box *b, const struct mp4_track *t, uint64_t duration)
{
	bool wide = duration > UINT32_MAX;
	size_t at = box_start_full(b, "mdhd", wide, 0);
	const char *l = t->language;
	unsigned code = 0;

	if (l[0] == '\0' || l[1] == '\0' || l[2] == '\0')
		l = "und";
	for (unsigned i = 0; i < 3; i++)
		code = code << 5 | (((unsigned)l[i] - 0x60) & 31);
	box_zero(b, wide ? 16 : 8);
	box_u32(b, t->timescale);
	put_time(b, duration, wide);
	box_u16(b, code);
	box_u16(b, 0);
	box_end(b, at);
}

void
mp4_hdlr_put(struct box *b, enum codec_kind kind)
{
	static const struct { char type[5], name[7]; } known[] = {
		[KIND_VIDEO] = { "vide", "video" }, [KIND_AUDIO] = { "soun", "audio" },
		[KIND_TEXT] = { "text", "text" }, [KIND_DATA] = { "meta", "events" },
	};
	size_t at = box_start_full(b, "hdlr", 0, 0);

	box_u32(b, 0);
	box_bytes(b, known[kind].type, 4);
	box_zero(b, 12);
	box_string(b, known[kind].name);
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

/* 23001-18: of messages in emib boxes. */
static void
put_event_entry(struct box *b)
{
	size_t at = box_start(b, "evte");

	box_zero(b, 6);
	box_u16(b, 1);
	box_end(b, at);
}

void
mp4_entry_put(struct box *b, const struct mp4_track *t, enum codec_kind kind)
{
	if (kind == KIND_VIDEO)
		put_video_entry(b, t);
	else if (kind == KIND_TEXT)
		put_text_entry(b, t);
	else if (kind == KIND_DATA)
		put_event_entry(b);
	else
		put_audio_entry(b, t);
}

size_t
mp4_minf_start(struct box *b, enum codec_kind kind)
{
	size_t at = box_start(b, "minf"), in, dref, url;

	in = kind == KIND_VIDEO ? box_start_full(b, "vmhd", 0, 1) :
	    box_start_full(b, kind == KIND_AUDIO ? "smhd" : "nmhd", 0, 0);
	box_zero(b, kind == KIND_VIDEO ? 8 : kind == KIND_AUDIO ? 4 : 0);
	box_end(b, in);
	in = box_start(b, "dinf");
	dref = box_start_full(b, "dref", 0, 0);
	box_u32(b, 1);
	url = box_start_full(b, "url ", 0, 1);	/* in this file */
	box_end(b, url);
	box_end(b, dref);
	box_end(b, in);
	return at;
}

bool
mp4_can_hold(const struct mp4_track *t)
{
	switch (t->codec) {
	case CODEC_AVC:
	case CODEC_HEVC:
		return true;
	case CODEC_AAC:
	case CODEC_AC3:
	case CODEC_EAC3:
	case CODEC_OPUS:
	case CODEC_MPEGA:
	case CODEC_WEBVTT:
		return t->config_len <= 100;
	default:
		return false;
	}
}
