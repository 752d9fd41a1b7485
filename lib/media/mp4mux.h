/*
 * mp4mux.h - write CMAF: the header of a track, and chunks.
 *
 * Media is not copied: the writer makes the bytes up to the mdat box's header,
 * and the caller sends the samples after them (writev).
 *
 * Spec     ISO/IEC 23000-19 7.2, 7.3; 14496-12 8.8 (fragments), 8.16 (sidx, prft);
 *          14496-15 (avc1, hvc1); 14496-14 5.6 (mp4a, esds); TS 102 366 Annex F;
 *          "Opus in ISOBMFF" 4.3; 14496-30 7 (wvtt); 23009-1 5.10.3.3 (emsg).
 * Shape    One track a file.  Chunk: [styp][prft][emsg]* moof mdat; tfdt and
 *          trun version 1, signed composition offsets, no edit list.
 * Units    The track's timescale.
 * Memory   Nothing allocates.
 * Errors   -ENOSPC the buffer is too small, -ENOTSUP a codec that has no place.
 */
#ifndef MP4MUX_H
#define MP4MUX_H

#include "lib/media/mp4.h"

#define MP4MUX_INIT_MAX		(4096 + 65536)

/* ftyp and moov.  Returns the length or negative errno. */
int mp4mux_init_put(const struct mp4_track *t, uint8_t *p, size_t size);

enum {				/* mp4mux_chunk.styp: 0 for no box */
	MP4MUX_SEGMENT = 1,	/* the first chunk of a segment: msdh, cmfs, cmff, cmfl */
	MP4MUX_FRAGMENT = 2,	/* starts a fragment within a segment: cmff, cmfl */
	MP4MUX_CHUNK = 4,	/* cmfl */
	MP4MUX_LAST = 8,	/* of the presentation: and lmsg */
};

struct mp4mux_chunk {
	unsigned styp;
	uint32_t track_id, sequence_number;
	uint64_t base_media_decode_time;
	bool	 video;			/* else all samples are sync, without offset */
	const struct mp4_sample *sample;	/* data is not looked at */
	unsigned n;			/* at least 1 */
	const struct mp4_prft *prft;	/* or NULL */
	const struct mp4_emsg *emsg;
	unsigned nemsg;
};

/* Enough for the header of this chunk. */
size_t mp4mux_chunk_max(const struct mp4mux_chunk *c);

/*
 * All before the media.  Returns the length, -ENOSPC, or -EFBIG if the samples
 * come to more than 4 GiB.
 */
int mp4mux_chunk_put(const struct mp4mux_chunk *c, uint8_t *p, size_t size);

/* A sidx box for a file of one track: one reference each, in order. */
struct mp4mux_ref {
	uint32_t size, duration;
	bool	 sap;			/* starts with SAP 1 or 2 */
};

int mp4mux_sidx_put(uint32_t track_id, uint32_t timescale, uint64_t earliest,
    const struct mp4mux_ref *ref, unsigned n, uint8_t *p, size_t size);

#endif
