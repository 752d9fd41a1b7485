/*
 * hlsmarks.h - the ad markers of one segment, those of the same break taken together.
 *
 * A tag counts at the segment that it stands before.  EXT-X-DATERANGE counts at its
 * date, if the segments have dates: at the first picture of a segment when it is not
 * further from it than HLSMARKS_SNAP, else within the segment.  Each of its parts
 * (SCTE35-OUT, SCTE35-IN or a date of its end, SCTE35-CMD) counts once, by its ID.
 *
 * Units    ns.
 * Memory   hlsmarks_new() gives, hlsmarks_free() frees.
 * Errors   What cannot be understood is counted in left_out.
 */
#ifndef INGEST_HLSMARKS_H
#define INGEST_HLSMARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/hls.h"
#include "lib/media/scte35.h"

#define HLSMARKS_MAX	16		/* of a segment, when taken together */
#define HLSMARKS_SNAP	(INT64_C(50) * 1000000)
#define HLSMARKS_SEEN	1024		/* date ranges that are remembered */

struct hlsmark {
	enum hlscue_what what;		/* BY_SECTION: neither begin nor end of a break */
	bool	 by_tag;		/* the marker says so, not only its section */
	int64_t	 number;		/* of the segment, and how much later */
	int64_t	 offset_ns;
	int64_t	 duration_ns, elapsed_ns;	/* or HLSCUE_UNKNOWN */
	char	 id[64];		/* in the playlist, or "" */
	uint32_t event_id;		/* of the section */
	size_t	 len;			/* of the section; 0: none */
	uint8_t	 section[SCTE35_SECTION_MAX];
};

struct hlsmarks {
	unsigned n;
	struct hlsmark mark[HLSMARKS_MAX];
	uint64_t left_out;

	/* private */
	struct hlscue cue;
	struct scte35 scte35;
	unsigned nseen;			/* a ring */
	struct hlsmarks_seen {
		uint64_t id;		/* hashed */
		unsigned parts;
	} seen[HLSMARKS_SEEN];
};

struct hlsmarks *hlsmarks_new(void);
void hlsmarks_free(struct hlsmarks *m);
void hlsmarks_forget(struct hlsmarks *m);	/* which date ranges have been */

/* Do these attributes of EXT-X-DATERANGE speak of SCTE-35? */
bool hlsmarks_is_cue(const char *attrs);

/*
 * Those of list->segment[i] into mark[].  joining: what began before it goes on here;
 * else a date range that comes late counts at its segment, if that is after begun.
 */
void hlsmarks_read(struct hlsmarks *m, const struct hls *list, size_t i, int64_t begun,
    bool joining);

#endif
