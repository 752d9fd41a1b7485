/*
 * hlsunits.h - the access units in the segments of one playlist.
 *
 * Segments are transport streams, fragmented MP4, or packed audio (AAC, AC-3,
 * MPEG audio with an ID3 timestamp).  What comes out is as in PES packets
 * (source.h); timestamps are the segment's own, modulo 2^33.
 *
 * Spec     draft-pantos-hls-rfc8216bis 3.1 (kinds of segments), 3.1.4 (packed
 *          audio: ID3 PRIV com.apple.streaming.transportStreamTimestamp).
 * Units    90 kHz, 0 <= t < 2^33.
 * Memory   hlsunits_new() gives, hlsunits_free() frees.  A unit is borrowed until
 *          the next call; the segment must stay until its last unit was read.
 * Errors   -EBADMSG: the rest of the segment cannot be read.
 */
#ifndef HLSUNITS_H
#define HLSUNITS_H

#include "ingest/hlstrack.h"
#include "ingest/source.h"

#define HLSUNITS_STREAMS	16

enum hls_kind { HLS_KIND_UNKNOWN, HLS_KIND_TS, HLS_KIND_MP4, HLS_KIND_PACKED };

/* Of the segment's first bytes, and its map's. */
enum hls_kind hlsunits_kind(const struct hlstrack_segment *segment);

/*
 * Where the packets of a transport stream begin in p[0..len), or len: there are
 * none.  A few are enough if they are all there is.
 */
size_t hlsunits_sync(const uint8_t *p, size_t len);

/*
 * The first timestamps of its video, else of its audio, where that can be told
 * from headers: transport streams only.
 */
bool hlsunits_scan(const struct hlstrack_segment *segment, int64_t *pts, int64_t *dts);

/* The time of packed audio, if an ID3 tag says it. */
bool hlsunits_packed_scan(const struct hlstrack_segment *segment, int64_t *pts);

struct hlsunit {
	unsigned stream;		/* in stream[] */
	const uint8_t *data;
	size_t	 len;
	int64_t	 pts, dts;		/* SOURCE_NO_TIME: a section */
	bool	 random_access;
};

struct hlsunits {
	unsigned nstream;		/* grows only; hlsunits_clear() empties it */
	struct source_stream stream[HLSUNITS_STREAMS];
	uint64_t damaged;		/* units, samples, segments */
	struct hlsunits_private *private;
};

/* language: for streams that do not say theirs, as in EXT-X-MEDIA, or "". */
struct hlsunits *hlsunits_new(const char *name, const char *language);
void hlsunits_free(struct hlsunits *u);

/* What follows is another presentation. */
void hlsunits_clear(struct hlsunits *u);

/* Begin with a segment, which stays the caller's.  0 or -EBADMSG. */
int hlsunits_segment(struct hlsunits *u, const struct hlstrack_segment *segment);

/* The decoding time of the first video in it, from 0 up to 2^33.  False: none. */
bool hlsunits_first_video(const struct hlsunits *u,
    const struct hlstrack_segment *segment, int64_t *dts);

/* The next unit of it.  1, 0 at its end, -EBADMSG. */
int hlsunits_next(struct hlsunits *u, struct hlsunit *unit);

/*
 * The place in the table of a stream by its PID or track, new or as before; -1:
 * there is none.  For the readers of the kinds of segments.
 */
int hlsunits_stream(struct hlsunits *u, uint32_t id, enum codec codec,
    const char *language);

#endif
