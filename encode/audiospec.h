/*
 * audiospec.h - what one --audio asks for: which track, and what becomes of it.
 *
 * Spec     ITU-R BS.775-3 annex 4 (the down-mix without mix=), BS.1770-4 (levels).
 * Shape    RATE, copy, none, or CODEC[@RATE] and key=value, separated by commas:
 *          mlive-encode(1).
 * Units    rate in bit/s; gains and peaks in thousandths of a dB, loudness in those of
 *          a LUFS; channels of a mix count from 0.
 * Memory   Nothing allocates; text is borrowed.
 * Threads  Pure functions.
 * Errors   False, and what is wrong in one line.
 */
#ifndef ENCODE_AUDIOSPEC_H
#define ENCODE_AUDIOSPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/codec.h"

#define AUDIOSPEC_ERROR	160
#define AUDIOSPEC_LANGS	8
#define MIX_ROWS	8		/* channels that come out */
#define MIX_TERMS	32		/* of all rows */
#define MIX_CHANNELS	64		/* channels of a source */

enum audio_mode { AUDIO_CODE, AUDIO_COPY, AUDIO_NONE };
enum audio_loud { LOUD_AS_IS, LOUD_MEASURE, LOUD_CORRECT };

struct mix_term {
	uint8_t	 row;
	uint64_t speaker;		/* by its name, a bit of AV_CH_*; or 0 and */
	uint8_t	 number;		/* by its number in the source */
	double	 factor;
};

struct audio_spec {
	const char *text;		/* as the user wrote it, for messages */
	enum audio_mode mode;
	enum codec codec;		/* AAC, AC3, EAC3 or OPUS */
	uint8_t	 he;			/* AAC: 1 HE-AAC, 2 HE-AAC v2 */
	uint64_t rate;			/* 0: by codec and channels */
	bool	 per_pair;		/* rate is that of a stereo track */

	bool	 selects;		/* one track: by the first of these that is set */
	uint16_t pid;
	unsigned track;			/* from 1, in the order of the PMT */
	unsigned nlang;
	char	 lang[AUDIOSPEC_LANGS][4];	/* "*" is any */
	char	 label[4];		/* "": as the source says */

	uint64_t layout;		/* AV_CH_LAYOUT_*; 0: as the source has */
	unsigned rows, nterm;		/* 0: the usual mix */
	struct mix_term term[MIX_TERMS];
	unsigned hz;
	int	 gain;
	enum audio_loud loud;
	int	 target, peak;
};

bool audiospec_parse(struct audio_spec *a, const char *text,
    char error[static AUDIOSPEC_ERROR]);

/* "5.1" for messages and statistics, or a number of channels. */
const char *audiospec_layout_name(uint64_t layout);

unsigned audiospec_channels(uint64_t layout);

#endif
