/*
 * codec.h - the kinds of elementary streams, and how a PMT announces them.
 *
 * Spec     ISO/IEC 13818-1 table 2-34 stream_type; ETSI EN 300 468 annex D
 *          (AC-3, E-AC-3 as private data); ATSC A/53 (0x81, 0x87); SCTE 35
 *          (0x86); Opus in TS (registration 'Opus').
 * Threads  Pure functions.
 */
#ifndef CODEC_H
#define CODEC_H

#include <stddef.h>
#include <stdint.h>

enum codec {
	CODEC_UNKNOWN,
	CODEC_MPEG1V, CODEC_MPEG2V, CODEC_AVC, CODEC_HEVC,
	CODEC_MPEGA,			/* MPEG-1 or 2 audio, layer 1 to 3 */
	CODEC_AAC,			/* ADTS */
	CODEC_LATM, CODEC_AC3, CODEC_EAC3, CODEC_OPUS,
	CODEC_SCTE35, CODEC_ID3, CODEC_KLV, CODEC_TELETEXT, CODEC_DVBSUB,
	CODEC_WEBVTT,			/* of our own making: in no PMT */
	CODEC_COUNT,
};

enum codec_kind { KIND_OTHER, KIND_VIDEO, KIND_AUDIO, KIND_DATA, KIND_TEXT };

/* "AVC", "E-AC-3" ...: for messages. */
const char *codec_name(enum codec c);
enum codec_kind codec_kind(enum codec c);

/* What stream_type and the descriptors of one PMT entry say. */
enum codec codec_of(uint8_t stream_type, const uint8_t *desc, size_t desc_len);

#endif
