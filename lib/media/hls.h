/*
 * hls.h - read HLS playlists.
 *
 * The text is read once, whole, into a struct hls: either the variants and
 * renditions of a multivariant playlist, or the segments of a media playlist,
 * each with all that applies to it (number, date, key, map, byte range).  Tags
 * that are not known, the ones of low-latency HLS among them, are passed over.
 *
 * Spec     RFC 8216 and draft-pantos-hls-rfc8216bis: 4.2 attribute lists, 4.4
 *          tags, 6.2.1 and 6.3.3 dates; lines end in LF or CRLF, a BOM is
 *          taken though 4.1 forbids it.
 * Shape    URIs are as written: resolve them with url_resolve() (url.h).
 * Units    ns; dates since 1970, UTC.
 * Memory   hls_parse() copies the text; strings point into that copy, and are
 *          never NULL but where it says so; with variables in them, into copies
 *          of no more than HLS_TEXT_MAX in all.  hls_free() gives all back.
 * Threads  Pure functions.
 * Errors   -EBADMSG not a playlist, or a line that cannot be understood (its
 *          number is left in h->line), -E2BIG beyond the limits, -ENOMEM.
 */
#ifndef HLS_H
#define HLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/rational.h"
#include "lib/media/hlsattr.h"
#include "lib/media/hlscue.h"

#define HLS_TEXT_MAX	 (32 << 20)	/* bytes */
#define HLS_SEGMENTS_MAX (1 << 18)	/* more than a day of 0.5 s */
#define HLS_VARIABLES_MAX 1000
#define HLS_NO_DATE	 INT64_MIN
#define HLS_NONE	 SIZE_MAX	/* an index that points to nothing */

struct hls_range {
	int64_t	offset, len;		/* len -1: the whole resource */
};

enum hls_method { HLS_METHOD_NONE, HLS_AES_128, HLS_SAMPLE_AES, HLS_METHOD_OTHER };

struct hls_key {
	enum hls_method	method;		/* never NONE */
	const char *method_name;
	const char *uri;
	const char *keyformat;		/* "identity" if not said */
	bool	    has_iv;		/* else the segment's number is the IV */
	uint8_t	    iv[16];
};

struct hls_map {
	const char *uri;
	struct hls_range range;
	size_t	    key;		/* index, or HLS_NONE */
};

struct hls_segment {
	const char *uri;
	const char *title;		/* of EXTINF */
	int64_t	    number;		/* media sequence number */
	int64_t	    duration_ns;
	int64_t	    date_ns;		/* of its start, or HLS_NO_DATE */
	bool	    dated;		/* by a tag of its own; else by its neighbours */
	bool	    discontinuity;	/* the tag is before it */
	bool	    gap;		/* it is known to be missing */
	int64_t	    discontinuity_sequence;
	struct hls_range range;
	size_t	    map, key;		/* indices, or HLS_NONE */
};

struct hls_daterange {
	const char *attrs;		/* for hls_attr_find() */
	int64_t	    start_ns;		/* START-DATE, or HLS_NO_DATE */
	size_t	    segment;		/* the tag is before this one */
};

struct hls_marker {			/* of an ad break: hlscue.h */
	enum hlscue_tag tag;
	const char *value;
	size_t	    segment;		/* as above; they are in order */
};

struct hls_variant {
	const char *uri;
	bool	    iframes;		/* EXT-X-I-FRAME-STREAM-INF */
	int64_t	    bandwidth, average_bandwidth;	/* bit/s, 0 if not said */
	int64_t	    width, height;	/* 0 if not said */
	struct rational rate;		/* 0/1 if not said */
	const char *codecs;		/* "" if not said, as all of these */
	const char *video_range;
	const char *audio, *video, *subtitles, *closed_captions;	/* GROUP-ID */
};

enum hls_type { HLS_AUDIO, HLS_VIDEO, HLS_SUBTITLES, HLS_CLOSED_CAPTIONS };

struct hls_rendition {			/* EXT-X-MEDIA */
	enum hls_type type;
	const char *uri;		/* NULL: is in the variant's own segments */
	const char *group, *name, *language, *channels, *characteristics;
	const char *instream_id;
	bool	    is_default, autoselect, forced;
};

enum hls_playlist_type { HLS_LIVE, HLS_EVENT, HLS_VOD };

struct hls_variable {			/* EXT-X-DEFINE */
	const char *name, *value;
};

struct hls {
	bool	 multivariant;
	bool	 independent_segments;
	int	 version;		/* 1 if not said */
	unsigned line;			/* the last that was read, from 1 */

	size_t	 nvariant, nrendition;
	struct hls_variant   *variant;
	struct hls_rendition *rendition;

	enum hls_playlist_type type;
	bool	 iframes_only, endlist;
	int64_t	 target_ns;		/* EXT-X-TARGETDURATION, 0 if not said */
	int64_t	 part_target_ns;	/* EXT-X-PART-INF, 0 if none */
	int64_t	 hold_back_ns;		/* EXT-X-SERVER-CONTROL, 0 if not said */
	int64_t	 start_ns;		/* EXT-X-START TIME-OFFSET, if has_start */
	bool	 has_start;
	int64_t	 media_sequence, discontinuity_sequence;
	int64_t	 skipped;		/* EXT-X-SKIP: numbers that are left out */
	bool	 ends_in_discontinuity;	/* the tag is after the last segment */
	size_t	 nsegment, nkey, nmap, ndaterange, nmarker;
	struct hls_segment   *segment;
	struct hls_key	     *key;
	struct hls_map	     *map;
	struct hls_daterange *daterange;
	struct hls_marker    *marker;

	size_t	 nvariable;
	struct hls_variable *variable;

	char	*text;			/* private */
	size_t	 nextra;		/* lines with variables in them, and values */
	char	**extra;
};

/* Is this the beginning of a playlist?  1, 0 more bytes needed, or -EBADMSG. */
int hls_probe(const void *text, size_t len);

/* Read a playlist.  On failure nothing is to be freed; h->line tells where. */
int hls_parse(struct hls *h, const void *text, size_t len);

/*
 * The same for a playlist that has variables of its URL, or imports some of the
 * multivariant playlist that names it and must stay as long as h; each may be NULL.
 */
int hls_parse_at(struct hls *h, const void *text, size_t len, const char *url,
    const struct hls *parent);
void hls_free(struct hls *h);

#endif
