/*
 * cmafinfo.h - what the header of a CMAF track says, and what a chunk is.
 *
 * Spec     ISO/IEC 23000-19 7.3; 14496-12 8.4.6 (elng), 8.8 (fragments), 8.10.4
 *          (kind), 8.5.2 (btrt); 14496-30 (wvtt, stpp); RFC 6381.
 * Units    The track's timescale.
 * Memory   Nothing allocates; a header borrows the bytes it was read from.
 * Threads  Pure functions.
 * Errors   -EBADMSG damaged; -ENOTSUP not one track in fragments.
 */
#ifndef CMAFINFO_H
#define CMAFINFO_H

#include "lib/media/mp4read.h"

#define CMAF_CODECS	64
#define CMAF_WORD	36

enum cmaf_kind { CMAF_VIDEO, CMAF_AUDIO, CMAF_TEXT, CMAF_OTHER };

struct cmaf_header {
	enum cmaf_kind kind;
	uint32_t timescale;
	char	 codecs[CMAF_CODECS];		/* "" when it cannot be said */
	char	 language[CMAF_WORD];		/* RFC 5646 or ISO 639-2; "und" */
	char	 role[CMAF_WORD];		/* of urn:mpeg:dash:role:2011, or "" */
	uint64_t bitrate;			/* highest, bit/s; 0: not said */
	unsigned width, height, channels;
	uint32_t rate;				/* audio, Hz */
	struct rational frame_rate, sar;	/* {0, 0}: not said */
	struct mp4_init init;
};

int cmaf_header_parse(const uint8_t *p, size_t len, struct cmaf_header *h);

struct cmaf_chunk {
	uint64_t t, duration;
	uint32_t sample_duration;		/* of the first */
	unsigned samples;
	bool	 sync;				/* the first sample */
	bool	 begins;			/* styp: a segment or fragment */
	bool	 last;				/* styp: lmsg */
	uint64_t hash;				/* of the media */
};

int cmaf_chunk_parse(const struct cmaf_header *h, const uint8_t *p, size_t len,
    struct cmaf_chunk *c);

#endif
