/*
 * track.h - one elementary stream on its way to be cut: its samples, in the form
 * a file has them, and its codec parameters.
 *
 * A track is a queue.  Samples are appended as they come (track_unit()); what
 * is before a cut is taken off the front when the cut is known.
 *
 * Spec     ISO/IEC 14496-15 for video samples; audio.h for frames.
 * Units    pts, dts: 90 kHz of the source, unwrapped.  Media time t is the
 *          source's plus the offset of a base: a new base begins where the
 *          source's clock jumps.
 * Memory   track_free() gives all back.
 * Errors   -ENOMEM.
 */
#ifndef TRACK_H
#define TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/audio.h"
#include "lib/media/ccqueue.h"
#include "lib/media/mp4.h"
#include "lib/media/tsdemux.h"
#include "lib/media/video.h"

struct tsout;			/* the packager's */
struct low;

#define TRACK_NAME	8
#define TRACK_CONFIGS	8		/* that may be in use at a time */
#define TRACK_RECORD	4096		/* a longer configuration is refused */

struct sample {
	int64_t	 pts, dts;
	int64_t	 ebp_ns;		/* UTC, or 0 */
	uint32_t len;
	uint32_t base;			/* index of its base */
	uint32_t config;		/* version of its parameters, from 1 */
	uint32_t frames;		/* audio: samples at its rate */
	int32_t	 pushed;		/* dts is that much later than it was said to be */
	bool	 sync;			/* a segment may start here */
	bool	 open;			/* sync, but pictures before it need others */
	bool	 boundary;		/* EBP: a segment starts here, */
	bool	 fragment;		/* or a fragment, */
	bool	 on_grid;		/* or both: that of an epoch, mts(7) */
	bool	 damaged;
};

struct config {
	uint32_t version;		/* 0: none */
	struct video_format video;
	struct audio_info audio;
	size_t	 len;
	uint8_t	 record[TRACK_RECORD];	/* as mp4_track.config */
};

/* What several tracks of one source have in common. */
struct bases {
	uint32_t newest;
	int64_t	 near;			/* the last dts of any track: others are near it */
	int64_t	 top;			/* the highest in the newest base */
	uint64_t jumps;
	bool	 captions;		/* they are wanted */
};

struct track {
	char	 name[TRACK_NAME];	/* v1, a2; "" until it is known */
	enum codec_kind kind;
	enum codec codec;
	uint16_t pid;
	char	 language[4];
	uint32_t max_bitrate;		/* by the PMT, or 0 */
	bool	 gone;			/* from the PMT */
	bool	 warned;
	bool	 unaligned;		/* told: a segment begins without sync */

	struct video video;
	struct audio audio;
	struct config config[TRACK_CONFIGS];	/* by version, modulo */
	uint32_t version;		/* of the newest; 0: none yet */
	bool	 stale;			/* parameters changed, to be looked at */

	uint32_t base;			/* of the newest sample */
	int64_t	 last_dts, last_pts;	/* of it, or PES_NO_TIME */
	bool	 changed;		/* parameters, while the clock went on, */
	int64_t	 changed_pts;		/* here */
	int64_t	 delta;			/* between the last two, 90 kHz; the smaller of that */
	int64_t	 step;			/* and the one before, which a hole does not change */

	uint8_t	*buf;			/* the samples' bytes, one after the other */
	size_t	 len, size;
	struct sample *sample;
	size_t	 n, cap;
	uint64_t units, lost_units;	/* damaged */
	struct ccqueue captions;	/* if wanted: of the pictures, and of earlier ones */

	/* of whoever cuts it, who gives these two back: */
	struct tsout *ts;
	struct low *low;
	size_t	 current;		/* index of the cut that is being filled */
	bool	 started;		/* its first cut has been passed */
	bool	 absent;		/* nothing came for the last segment */
	int64_t	 delay;			/* from the first dts of a base to the first picture */
	uint32_t delay_base;
	bool	 has_delay;
};

/* Is it a codec that samples of MP4 can have? */
bool track_carries(enum codec c);

int track_init(struct track *t, const struct tsdemux_stream *s);
void track_free(struct track *t);

/* Take an access unit as tsdemux.h gives it.  0 or -ENOMEM. */
int track_unit(struct track *t, struct bases *b, const struct tsdemux_event *ev);

/* At the end of the input. */
int track_flush(struct track *t, struct bases *b);

/* Drop n samples from the front; their bytes count len. */
void track_drop(struct track *t, size_t n, size_t len);

/* The parameters of a version, or NULL when they are forgotten. */
const struct config *track_config(const struct track *t, uint32_t version);

/* Its next random access point from a sample on, or n; has it one at all? */
size_t track_first_sync(const struct track *t, size_t from);
bool track_ready(const struct track *t);

/* trackrate.c: pictures or frames a second, as it says where that is true. */
struct rational track_rate(const struct track *t, uint32_t version);

/* What the header of a file says of it; out borrows c. */
void track_describe(const struct track *t, const struct config *c, struct mp4_track *out);

/* Ticks a second of its media: 90000 for video, the rate for audio. */
uint32_t track_timescale(const struct track *t, uint32_t version);

#endif
