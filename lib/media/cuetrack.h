/*
 * cuetrack.h - the events that SCTE 35 messages begin and end.
 *
 * A message is taken once it is there, ahead of its splice, and what it does is known
 * at once: each event has a start and, by its duration or by the message that ends it,
 * an end.  So the table says for every time what is open, without being told that the
 * time has come.  A message that is repeated does nothing.
 *
 * What a segmentation type does is in a table (cuerules.c): it begins an event, ends
 * one, sets a new end, or is only a point in time.  An event ends what is nested in it;
 * a splice_insert "in" overrides a duration (9.9.2.2), earlier or later.
 *
 * Spec     ANSI/SCTE 35 2022b: 9.7.3 (splice_insert), 9.9.2 (early return), 10.3.3
 *          (segmentation), table 23 (types).
 * Units    90 kHz on the caller's timeline, which does not wrap.  Times of messages are
 *          those nearest to the caller's "now", the time of the picture that goes on air.
 * Memory   cuetrack_free() gives all back; a struct cue is valid until the next message
 *          or cuetrack_forget().
 * Errors   -ENOMEM; -EINVAL from JSON.
 */
#ifndef CUETRACK_H
#define CUETRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/media/scte35.h"

#define CUE_SPLICE	0x100		/* type: a splice_insert, not a segmentation */
#define CUE_ID3		0x101		/* and that is none of SCTE 35: a tag, at a time */
#define CUE_TYPES	0x102
#define CUE_NEVER	INT64_MAX	/* end: nobody has said when; duration: none */
#define CUETRACK_MAX	1024
#define CUETRACK_BYTES	128
#define CUETRACK_SEGMENTS 16		/* of one message */

/* Why it ends when it ends. */
enum cue_end {
	CUE_END_OPEN,			/* it has no end yet */
	CUE_END_DURATION,		/* after its duration, as it is meant to */
	CUE_END_EXPIRED,		/* after its duration, since nobody has ended it */
	CUE_END_CUE,			/* by the message that ends it */
	CUE_END_EARLY,			/* the same, before its duration had passed */
	CUE_END_OUTER,			/* with what it is nested in */
	CUE_END_NEXT,			/* by the next of its kind */
	CUE_END_CANCELLED,		/* withdrawn: before the start, it never was */
	CUE_END_LIMIT,			/* nobody ended it for so long */
	CUE_END_POINT,			/* begins nothing */
};

enum cue_state { CUE_ANNOUNCED, CUE_RUNNING, CUE_ENDED };

struct cue_message {			/* a whole section */
	uint8_t	*p;
	size_t	 len;
};

struct cue {
	uint64_t serial;		/* 1, 2 ... as they were announced */
	uint16_t type;			/* CUE_SPLICE, or that which begins it */
	uint32_t id;			/* splice_event_id, segmentation_event_id */
	uint8_t	 num, expected;
	int64_t	 start, end;
	int64_t	 planned;		/* duration, as announced before it began */
	int64_t	 duration;		/* as announced last */
	uint8_t	 updates;		/* so often its end was changed meanwhile */
	bool	 auto_return;		/* of a splice_insert */
	bool	 not_restricted;	/* delivery_not_restricted_flag */
	enum cue_end why;
	struct cue_message out, in;	/* that began it, that ended it; or none */
	struct cue_message update;	/* the last one that changed its end meanwhile */
	int64_t	 date_ns;		/* the caller's: when it began, 0 at first */
};

struct cuetrack {
	int64_t	 limit;			/* of a break without a duration; 0: none */
	int64_t	 offset;		/* by so much the timeline is ahead of timestamps */
	size_t	 max;			/* events at a time; 0: CUETRACK_MAX */
	size_t	 bytes;			/* of their messages: CUETRACK_BYTES for each */
	uint64_t serial;
	size_t	 n, cap;
	struct cue *cue;		/* by start */
	uint64_t unknown;		/* ends of what was not open */
	uint64_t overflow;		/* events not taken: too many at a time */
};

void cuetrack_free(struct cuetrack *t);

/*
 * Take a message; section is what s was read from.  Returns 1 if an event has come or
 * changed, 0 if nothing has.
 */
int cuetrack_take(struct cuetrack *t, const struct scte35 *s, const uint8_t *section,
    size_t len, int64_t now);

/* A point in time with bytes of another kind.  1, 0 if it is there or there is no room. */
int cuetrack_add(struct cuetrack *t, uint16_t type, const uint8_t *p, size_t len,
    int64_t at);

/* Events that have ended before this time are of no use any more. */
void cuetrack_forget(struct cuetrack *t, int64_t before);

enum cue_state cue_state(const struct cue *c, int64_t now);

/* "ended by its cue" */
const char *cue_end_name(enum cue_end why);

/* What there is, and back into an empty struct cuetrack (but for its limit). */
json_t *cuetrack_to_json(const struct cuetrack *t);
int cuetrack_from_json(const json_t *o, struct cuetrack *t);

/* ---- rules (cuerules.c) */

enum cue_action {
	CUE_POINT,			/* a time, nothing more */
	CUE_BEGIN,
	CUE_FINISH,			/* ends what "of" began */
	CUE_RETIME,			/* what "of" began ends so much later */
};

/* What an event does to one of its kind that has not ended. */
enum cue_previous {
	CUE_PREVIOUS_STAYS,
	CUE_PREVIOUS_ENDLESS,		/* ends it if nobody has said when it ends */
	CUE_PREVIOUS_ENDS,
};

struct cue_rule {
	uint16_t type;
	uint16_t of;			/* the type that begins the event */
	enum cue_action action;
	uint8_t	 level;			/* deeper is more: nested in what is less */
	bool	 outer;			/* also ends all that is deeper */
	bool	 last;			/* ends it only as the last of several */
	enum cue_previous previous;
};

/* Of a type that is not known: a point. */
const struct cue_rule *cue_rule(uint16_t type);

/* Ads and opportunities for them, as a splice_insert is one: not programmes, chapters. */
bool cue_type_is_break(uint16_t type);

#endif
