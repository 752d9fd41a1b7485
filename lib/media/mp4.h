/*
 * mp4.h - what the writer and the reader of fragmented MP4 have in common.
 *
 * Spec     ISO/IEC 14496-12 (ISOBMFF), 23000-19 (CMAF), 23009-1 5.10.3.3 (emsg).
 * Units    Times in the track's timescale.
 */
#ifndef MP4_H
#define MP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/rational.h"
#include "lib/media/codec.h"

#define MP4_FOURCC(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

struct mp4_track {
	uint32_t track_id, timescale;
	enum codec codec;
	char	 language[4];		/* ISO 639-2; "" is "und" */
	const uint8_t *config;		/* payload of avcC hvcC dac3 dec3 dOps vttC, or ASC */
	size_t	 config_len;
	uint32_t bitrate;		/* average, bit/s; 0 if not known */
	/* video */
	unsigned width, height;
	struct rational sar;		/* {0, 0}: not said */
	bool	 has_colour;
	uint8_t	 colour_primaries, transfer_characteristics, matrix_coefficients;
	bool	 full_range;
	/* audio */
	uint32_t rate;
	unsigned channels;
	/* the reader only */
	uint32_t fourcc;		/* of the sample entry; original format if encrypted */
	bool	 encrypted;
	int64_t	 media_time;		/* of the edit list's first media; 0 if none */
	uint64_t empty_edit;		/* in movie_timescale, before it */
	uint32_t movie_timescale;
	uint32_t default_duration, default_size, default_flags;		/* trex */
};

struct mp4_sample {
	const uint8_t *data;
	size_t	 len;
	uint32_t duration;
	int32_t	 cts;			/* pts - dts */
	bool	 sync;
	uint64_t dts;			/* set by the reader; from 0 if there is no tfdt */
};

struct mp4_emsg {
	uint8_t	 version;		/* 1: presentation_time is absolute; 0: a delta */
	const char *scheme_id_uri, *value;
	uint32_t timescale;
	uint64_t presentation_time;
	uint32_t event_duration, id;
	const uint8_t *message_data;
	size_t	 message_len;
};

struct mp4_prft {
	uint32_t track_id;
	uint32_t flags;			/* 24 bits */
	uint64_t ntp;			/* 32.32 */
	uint64_t media_time;
};

enum {				/* mp4_prft.flags */
	PRFT_ENCODER_INPUT = 0, PRFT_ENCODER_OUTPUT = 1, PRFT_FINALIZED = 2,
	PRFT_WRITTEN = 4, PRFT_ARBITRARY = 8, PRFT_CAPTURED = 24,
};

#endif
