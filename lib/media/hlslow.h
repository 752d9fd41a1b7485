/*
 * hlslow.h - a media playlist as a server of low-latency HLS sees it.
 *
 * One pass over the text tells how far the playlist has come (segment and part),
 * what it promises (blocking reloads, deltas, hinted resources), and its date
 * ranges; then each request's directives are a comparison, and a delta update is
 * a copy of the text with a hole in it.
 *
 * Spec     draft-pantos-hls-rfc8216bis: 4.4.3.8 EXT-X-SERVER-CONTROL, 4.4.4.9
 *          EXT-X-PART, 4.4.5.2 EXT-X-SKIP, 4.4.5.3 EXT-X-PRELOAD-HINT, 6.2.5
 *          delivery directives, 6.2.5.1 deltas, 6.2.5.2 blocking.
 * Units    ns; numbers are media sequence numbers.
 * Memory   Views borrow the text, which has to stay.  Nothing allocates but
 *          hlslow_delta().
 * Threads  Pure functions.
 * Errors   -EBADMSG: not a media playlist, or one that cannot be understood.
 */
#ifndef HLSLOW_H
#define HLSLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"

#define HLSLOW_HINTS	4
#define HLSLOW_RANGES	64
#define HLSLOW_ID	256		/* of a date range; longer is not followed */

struct hlslow_hint {
	const char *uri;
	size_t	 uri_len;
	bool	 whole;			/* it is all of its resource */
};

struct hlslow_range {			/* EXT-X-DATERANGE */
	const char *id;
	size_t	 id_len;
	uint64_t hash;			/* of the line */
};

struct hlslow {
	bool	 can_block, can_skip_ranges, ended;
	int	 version;
	int64_t	 target_ns, part_target_ns;	/* 0 if not said */
	int64_t	 skip_until_ns;			/* CAN-SKIP-UNTIL, 0 without */
	int64_t	 first;			/* EXT-X-MEDIA-SEQUENCE */
	int64_t	 last;			/* of the last whole segment; first - 1 without */
	unsigned last_parts;		/* of that one that are listed */
	unsigned open_parts;		/* of the one after it, which is being made */
	int64_t	 total_ns;		/* of all that is listed */
	unsigned skippable;		/* segments that a delta leaves out */
	unsigned nhint, nrange;
	bool	 more_ranges;		/* than there is room for */
	struct hlslow_hint hint[HLSLOW_HINTS];
	struct hlslow_range range[HLSLOW_RANGES];
};

int hlslow_parse(struct hlslow *h, const char *text, size_t len);

/* What a client asks for in its query. */
struct hlslow_ask {
	int64_t	 segment, part;		/* -1: not said */
	int	 skip;			/* 0, 1, or 2: date ranges as well */
};

/*
 * Read _HLS_msn, _HLS_part and _HLS_skip; all else is passed over.  Returns 1 if
 * there was any, 0, or -EBADMSG for values that mean nothing (400).
 */
int hlslow_ask(struct hlslow_ask *a, const char *query, size_t len);

enum hlslow_state { HLSLOW_READY, HLSLOW_WAIT, HLSLOW_REFUSE };

/* Can it be answered, is it to be waited for, or too far ahead (400)? */
enum hlslow_state hlslow_state(const struct hlslow *h, const struct hlslow_ask *a);

/* After so long without it the answer is 503. */
static inline int64_t
hlslow_patience_ns(const struct hlslow *h)
{
	return 3 * (h->target_ns > 0 ? h->target_ns : INT64_C(1000000000));
}

/*
 * The date ranges that a delta of the second kind leaves out, one bit for each of
 * h->range, and the names of those that went away, with tabs between them.
 */
struct hlslow_known {
	uint64_t old;
	const char *removed;		/* NULL or "": none */
};

/*
 * The delta update: known NULL for the first kind.  Only with h->skippable > 0.
 * Returns 0 or -ENOMEM; the text is added to out.
 */
int hlslow_delta(const struct hlslow *h, const char *text, size_t len,
    const struct hlslow_known *known, struct text *out);

#endif
