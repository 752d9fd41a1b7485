/*
 * tsout.h - segments as transport streams, of the same samples as the CMAF ones.
 *
 * A track is a transport stream of its own; counters go on from segment to segment.
 * PAT and PMT are first in a segment and before each random access point, and nowhere
 * else: from those tables to the end of the picture is an I-frame that stands alone.
 *
 * Spec     RFC 8216 3.2; ISO/IEC 13818-1; AC-3 and E-AC-3 as in ATSC A/52 A.
 * Memory   tsout_free() gives all back; tsout_put() gives its bytes.
 * Errors   -ENOMEM; -ENOTSUP a codec that HLS has no place for in TS.
 */
#ifndef TSOUT_H
#define TSOUT_H

#include "lib/media/mp4.h"
#include "lib/media/track.h"
#include "lib/media/tsmux.h"

#define TSOUT_KEYS	16

struct tsout {
	bool	 begun;
	uint32_t version;		/* of the parameters in video */
	struct tsmux mux;
	struct video video;
	uint8_t	*unit;			/* an access unit being put together */
	size_t	 size;
	unsigned nkey;			/* of the last segment: its first I-frames, */
	struct {
		uint32_t offset, size;	/* and where they are, with their tables */
	} key[TSOUT_KEYS];
};

bool tsout_carries(enum codec codec);
void tsout_free(struct tsout *o);

/*
 * A segment of n samples, whose bytes are in buf one after the other, with the times
 * they have in CMAF: it begins at this time (90 kHz for video, else in ticks of the
 * sample rate), and video is decoded by the track's delay before that.
 */
int tsout_put(struct tsout *o, const struct track *t, const struct config *c,
    const struct mp4_sample *s, size_t n, const uint8_t *buf, int64_t time,
    bool discontinuity, uint8_t **out, size_t *len);

#endif
