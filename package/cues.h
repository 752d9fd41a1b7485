/*
 * cues.h - cues of the stream, on their way into playlists, manifests and segments.
 *
 * What the messages begin and end is in a cuetrack (cuetrack.h), in media time.  Each
 * start and end is a cut (cut.h).  Here is which events are breaks, and how they are
 * told: --cues.
 *
 * Spec     RFC 8216bis 4.4.5.1 (EXT-X-DATERANGE), SCTE 35 12.2 (HLS), SCTE 214-1 6.7
 *          (DASH events), 23009-1 5.10 (emsg).
 */
#ifndef CUES_H
#define CUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/cuetrack.h"
#include "lib/media/mp4.h"

enum cue_way {
	CUE_DATERANGE = 1,		/* EXT-X-DATERANGE */
	CUE_OUT_IN = 2,			/* EXT-X-CUE-OUT, -CONT, EXT-X-CUE-IN */
	CUE_EVENT = 4,			/* EventStream, urn:scte:scte35:2014:xml+bin */
	CUE_EVENT_XML = 8,		/* and urn:scte:scte35:2013:xml */
	CUE_EMSG = 16,			/* urn:scte:scte35:2013:bin, in the segments */
	CUE_PERIOD = 32,		/* a Period for each break */
	CUE_ID3_EMSG = 64,		/* ID3 tags: https://aomedia.org/emsg/ID3 */
	CUE_ID3_DATERANGE = 128,	/* and EXT-X-DATERANGE */
};

/* Which segmentations open a break: those whose delivery is restricted, or not. */
enum cue_restriction { CUE_RESTRICTED = 1, CUE_UNRESTRICTED = 2, CUE_ANY = 3 };

struct cue_policy {
	unsigned ways;			/* enum cue_way */
	bool	 opens[CUE_TYPES];	/* by type */
	enum cue_restriction restriction;
};

/* "daterange,cue-out", "none"; "splice_insert,0x34"; "restricted".  False: they are not. */
bool cue_parse_ways(const char *arg, struct cue_policy *p);
bool cue_parse_breaks(const char *arg, struct cue_policy *p);
bool cue_parse_restriction(const char *arg, struct cue_policy *p);

/* Is the event a break, for which other content may come? */
bool cue_is_break(const struct cue_policy *p, const struct cue *c);

/* A cue that never was: it can be left out everywhere. */
bool cue_is_void(const struct cue *c);

/* A message of SCTE 35, or what else is told at a time. */
bool cue_is_scte35(const struct cue *c);

#define CUE_SCHEME_ID3	"https://aomedia.org/emsg/ID3"
#define CUE_SCHEME_SCTE35 "urn:scte:scte35:2013:bin"

/* The next start or end after this time, where a segment has to begin; CUE_NEVER. */
int64_t cue_next_splice(const struct cuetrack *t, int64_t after);

/*
 * The break that a segment which begins at this time lies in, or NULL: of several the
 * one that began first.
 */
const struct cue *cue_break_at(const struct cuetrack *t, const struct cue_policy *p,
    int64_t time);

/*
 * A time belongs to the segment that begins with its picture, which may do so half a
 * picture before it: 90 kHz.
 */
#define CUE_SLACK	1900

#define CUE_QUEUE	256		/* messages before the first cut */

/* Messages as they come, until media time is known. */
struct cue_queue {
	size_t	 n;
	struct cue_message message[CUE_QUEUE];
	struct scte35 section;		/* the last one, read */
	int64_t	 pcr;			/* the stream's clock now, 90 kHz; PES_NO_TIME */
	uint64_t taken, bad;
	bool	 warned;
};

struct pack;
struct tsdemux_event;

/* A section of the stream; and those that have waited.  0 or -ENOMEM. */
int pack_cue(struct pack *p, const struct tsdemux_event *ev);
int pack_cues_waiting(struct pack *p);

/* An ID3 tag.  0 or -ENOMEM. */
int pack_id3(struct pack *p, const struct tsdemux_event *ev);

#define CUE_EMSG_MAX	64

/*
 * Events for a segment that begins at time, as emsg boxes, if they are wanted: how many
 * there are in e[].
 */
unsigned cue_emsg(const struct cuetrack *t, unsigned ways, uint32_t timescale, int64_t time,
    struct mp4_emsg e[static CUE_EMSG_MAX]);

/* The id of an event's start, or end, in DASH: another one once it has been changed. */
uint32_t cue_event_id(const struct cue *c, bool end);

#endif
