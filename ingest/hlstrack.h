/*
 * hlstrack.h - follow one media playlist, and have its segments when needed.
 *
 * Loads the playlist again when RFC 8216 6.3.4 says so, loads segments ahead of
 * time (a few, at once), with what they need (hlsload.h).  A segment that cannot be
 * had is left out, counted, and the next one says so.
 *
 * Spec     RFC 8216 and draft-pantos-hls-rfc8216bis: 6.3.2 to 6.3.6 (loading).
 * Units    ns; deadlines on CLOCK_MONOTONIC.
 * Memory   hlstrack_new() gives, hlstrack_free() frees.  The front segment is
 *          borrowed until hlstrack_pop().
 * Errors   What can never work ends the tool with fatal(): no playlist, a kind of
 *          encryption that is not ours, and what is not live but cannot be read.
 */
#ifndef HLSTRACK_H
#define HLSTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/hls.h"
#include "lib/net/fetch.h"

#define HLSTRACK_HOLD	3		/* target durations from the end of live, or
					 * what the playlist says if that is more */

struct hlstrack_segment {
	int64_t	number;
	int64_t	period;			/* counts discontinuities and restarts */
	int64_t	date_ns;		/* or HLS_NO_DATE */
	int64_t	duration_ns;
	unsigned map_id;		/* 0: no map; another id: another map */
	const uint8_t *map, *data;
	size_t	map_len, len;
};

struct hlstrack_counters {
	uint64_t segments, missed, gaps, retries, reloads, reload_errors, restarts;
};

struct hlstrack {
	const char *name;		/* of the source, for messages */
	bool	    loaded, live;	/* live: no end is in sight */
	int64_t	    target_ns;
	int64_t	    hold_ns;		/* how far behind its end live is to stay */
	struct hlstrack_counters n;
	uint64_t passed;		/* segments that have been at the front; of these */
	uint64_t lost, useless;		/* could not be had; were there, but of no use:
					 * the reader of segments counts as well */
	/*
	 * When not NULL: told of each segment of the playlist that is asked for, in
	 * order, also of gaps; again: the playlist has begun anew before it.
	 */
	void	 (*asked)(void *arg, const struct hls *list, size_t index, bool again);
	void	*asked_arg;
	int64_t	 ahead_ns;		/* not live: so much is to be there before a segment
					 * comes to the front */
	struct hlstrack_private *private;
};

/*
 * parent: the multivariant playlist, or NULL; it must stay.  lead_ns: begin live
 * that much earlier than hold_ns says.  text, if not NULL, is the playlist as it has
 * been loaded from url already.
 */
struct hlstrack *hlstrack_new(struct fetch *f, const char *name, const char *url,
    const struct hls *parent, int64_t lead_ns, const void *text, size_t len);
void hlstrack_free(struct hlstrack *t);

/* Start and finish what can be; when to be called again at the latest. */
int64_t hlstrack_tend(struct hlstrack *t);

enum hlstrack_state { HLSTRACK_WAIT, HLSTRACK_READY, HLSTRACK_END };
enum hlstrack_state hlstrack_front(struct hlstrack *t,
    const struct hlstrack_segment **segment);
void hlstrack_pop(struct hlstrack *t);

/*
 * The first segment of this number or after that can be had, also if it is not in
 * front.  False: it has not been loaded yet.
 */
bool hlstrack_from(const struct hlstrack *t, int64_t number,
    const struct hlstrack_segment **segment);

/* How much media is there beyond the front segment: loaded, or in the playlist. */
int64_t hlstrack_level(const struct hlstrack *t);

/* Again from the start; 0 or -ENOTSUP for what is live. */
int hlstrack_rewind(struct hlstrack *t);

#endif
