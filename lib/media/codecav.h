/*
 * codecav.h - codecs by the names of FFmpeg, for those who decode with it.
 */
#ifndef CODECAV_H
#define CODECAV_H

#include <libavcodec/codec_id.h>

#include "lib/media/codec.h"

static inline enum AVCodecID
codec_av_id(enum codec c)
{
	switch (c) {
	case CODEC_MPEG1V:	return AV_CODEC_ID_MPEG1VIDEO;
	case CODEC_MPEG2V:	return AV_CODEC_ID_MPEG2VIDEO;
	case CODEC_AVC:		return AV_CODEC_ID_H264;
	case CODEC_HEVC:	return AV_CODEC_ID_HEVC;
	case CODEC_MPEGA:	return AV_CODEC_ID_MP3;		/* any layer */
	case CODEC_AAC:		return AV_CODEC_ID_AAC;
	case CODEC_LATM:	return AV_CODEC_ID_AAC_LATM;
	case CODEC_AC3:		return AV_CODEC_ID_AC3;
	case CODEC_EAC3:	return AV_CODEC_ID_EAC3;
	case CODEC_OPUS:	return AV_CODEC_ID_OPUS;
	default:		return AV_CODEC_ID_NONE;
	}
}

#endif
