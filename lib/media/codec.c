#include <string.h>

#include "lib/media/codec.h"
#include "lib/media/psi.h"

static const struct {
	const char *name;
	enum codec_kind kind;
} table[CODEC_COUNT] = {
	[CODEC_UNKNOWN] = { "unknown", KIND_OTHER },
	[CODEC_MPEG1V] = { "MPEG-1 video", KIND_VIDEO },
	[CODEC_MPEG2V] = { "MPEG-2 video", KIND_VIDEO },
	[CODEC_AVC] = { "AVC", KIND_VIDEO },
	[CODEC_HEVC] = { "HEVC", KIND_VIDEO },
	[CODEC_MPEGA] = { "MPEG audio", KIND_AUDIO },
	[CODEC_AAC] = { "AAC", KIND_AUDIO },
	[CODEC_LATM] = { "AAC in LATM", KIND_AUDIO },
	[CODEC_AC3] = { "AC-3", KIND_AUDIO },
	[CODEC_EAC3] = { "E-AC-3", KIND_AUDIO },
	[CODEC_OPUS] = { "Opus", KIND_AUDIO },
	[CODEC_SCTE35] = { "SCTE-35", KIND_DATA },
	[CODEC_ID3] = { "ID3", KIND_DATA },
	[CODEC_KLV] = { "KLV", KIND_DATA },
	[CODEC_TELETEXT] = { "teletext", KIND_DATA },
	[CODEC_DVBSUB] = { "DVB subtitles", KIND_DATA },
	[CODEC_WEBVTT] = { "WebVTT", KIND_TEXT },
};

const char *
codec_name(enum codec c)
{
	return table[c].name;
}

enum codec_kind
codec_kind(enum codec c)
{
	return table[c].kind;
}

/* format_identifier of the registration descriptor, 0 if there is none. */
static uint32_t
registration(const uint8_t *desc, size_t desc_len)
{
	size_t len;
	const uint8_t *p = desc_find(desc, desc_len, DESC_REGISTRATION, &len);

	if (p == NULL || len < 4)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

#define FOURCC(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static enum codec
by_registration(uint32_t id)
{
	switch (id) {
	case FOURCC('O', 'p', 'u', 's'):
		return CODEC_OPUS;
	case FOURCC('H', 'E', 'V', 'C'):
		return CODEC_HEVC;
	case FOURCC('A', 'C', '-', '3'):
		return CODEC_AC3;
	case FOURCC('E', 'A', 'C', '3'):
		return CODEC_EAC3;
	case FOURCC('K', 'L', 'V', 'A'):
		return CODEC_KLV;
	case FOURCC('I', 'D', '3', ' '):
		return CODEC_ID3;
	case FOURCC('C', 'U', 'E', 'I'):
		return CODEC_SCTE35;
	default:
		return CODEC_UNKNOWN;
	}
}

/* stream_type 0x06: only the descriptors tell. */
static enum codec
private_data(const uint8_t *desc, size_t len)
{
	static const struct { uint8_t tag; enum codec codec; } row[] = {
		{ DESC_AC3, CODEC_AC3 }, { DESC_EAC3, CODEC_EAC3 },
		{ 0x56, CODEC_TELETEXT }, { 0x59, CODEC_DVBSUB },
	};
	size_t n;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (desc_find(desc, len, row[i].tag, &n) != NULL)
			return row[i].codec;
	return by_registration(registration(desc, len));
}

enum codec
codec_of(uint8_t stream_type, const uint8_t *desc, size_t desc_len)
{
	switch (stream_type) {
	case 0x01:
		return CODEC_MPEG1V;
	case 0x02:
		return CODEC_MPEG2V;
	case 0x03:
	case 0x04:
		return CODEC_MPEGA;
	case 0x06:
		return private_data(desc, desc_len);
	case 0x0f:
		return CODEC_AAC;
	case 0x11:
		return CODEC_LATM;
	case 0x15:
		return by_registration(registration(desc, desc_len)) == CODEC_KLV ?
		    CODEC_KLV : CODEC_ID3;
	case 0x1b:
		return CODEC_AVC;
	case 0x24:
		return CODEC_HEVC;
	case 0x81:
		return CODEC_AC3;
	case 0x86:
		return CODEC_SCTE35;
	case 0x87:
		return CODEC_EAC3;
	default:
		return CODEC_UNKNOWN;
	}
}
