/*
 * pack.h - the packager: what the parts of mpkg-segment share.
 */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/stats.h"
#include "lib/media/mp4mux.h"
#include "lib/media/track.h"
#include "lib/media/tsdemux.h"
#include "lib/net/sink.h"
#include "package/cut.h"
#include "package/pres.h"

#define PACK_LAGS	16		/* segments that tell how late parts are */
#define PACK_SUBS	8		/* channels of captions that are made text */

struct pack_segment {			/* being made: not yet of all tracks */
	size_t	 cut;			/* index */
	struct segment *segment;
	uint64_t done;			/* bit: this track's part is there */
};

/* Of a track of pictures: what is not to be shown behind a switch. */
struct preroll {
	bool	 switched;		/* the tables are new */
	bool	 on;			/* pictures are left out */
	bool	 shown_set;
	int64_t	 shown;			/* the latest so far, PTS */
};

struct pack {
	struct tsdemux demux;
	struct sink *sink;
	struct cutter cutter;
	struct pres pres;
	struct cue_queue cues;
	/* cutter.track[i] is pres.track[index[i]], UINT_MAX: not named yet */
	unsigned index[CUTTER_TRACKS];
	uint32_t tables;		/* of their versions; 0: none yet */
	struct preroll roll[CUTTER_TRACKS];
	bool	 named;
	size_t	 next_cut;		/* the first without a record in making */
	size_t	 nmaking, making_cap;
	struct pack_segment *making;
	int64_t	 skip_to;		/* numbers up to this exist already */
	bool	 resumed;		/* and a saved presentation is continued */
	bool	 joined;		/* by the segment that is published */
	unsigned nsub;
	struct sub *sub[PACK_SUBS];	/* subs.h */
	unsigned nttx;
	struct ttx *ttx[PACK_SUBS];	/* ttx.h */
	bool	 told_missing;		/* which there are not */
	size_t	 scratch_cap;
	struct mp4_sample *scratch;
	bool	 index_told;		/* index.m3u8 has been written */
	bool	 index_changed;		/* something in it has */

	uint64_t segments, bytes_in, bytes_out, late, skipped;
	/* low latency: */
	int64_t	 arrival_ns;		/* when the input was read last, CLOCK_MONOTONIC */
	int64_t	 gap_after_ns;
	int	 blocking;		/* 1 said so, -1 said not, 0 ask the server */
	uint64_t changed;		/* bit: this track's playlist is to be written */
	uint64_t parts, parts_late;
	bool	 index_due, chunk_known;
	int64_t	 kept_chunk;		/* part target of an earlier run */
	int64_t	 last_lag_ns;		/* end of the newest segment to its publishing */
	int64_t	 lags[PACK_LAGS];	/* of the last segments, 90 kHz; round and round */
	uint64_t nlag;
};

/* input.c: take what the demultiplexer says.  0 or -ENOMEM. */
int pack_event(struct pack *p, const struct tsdemux_event *ev);

/* Give back all but the demultiplexer and the sink. */
void pack_free(struct pack *p);

/* names.c: name the tracks that can be named by now.  0 or -ENOMEM. */
int pack_name_tracks(struct pack *p);
int pack_widen(struct segment **s, unsigned npart);	/* room for so many parts */

/* segment.c: make objects of what the tracks hold; all that can be. */
int pack_segments(struct pack *p, bool eof);

struct pack_segment *pack_making(struct pack *p, size_t cut);
int pack_put_init(struct pack *p, unsigned n, const struct track *t, const struct config *c,
    uint32_t *number);
void pack_drop(struct pack *p, struct track *t, size_t n);
void pack_seek(struct pack *p, struct track *t, const struct cut *cut);
int pack_publish_done(struct pack *p);

#define TYPE_HLS	"application/vnd.apple.mpegurl"

/* publish.c */
void pack_set_period(const struct pres *p, const struct segment *last, struct segment *s);
void pack_date_cues(struct pres *p, const struct segment *s);
int pack_put_index(struct pack *p);

/* publow.c */
struct text;
int pack_put_media(struct pack *p, unsigned track, struct text *t);
int pack_fill_gap(struct pack *p, const struct segment *s);
void pack_note_lag(struct pack *p, const struct segment *s);
int pack_changed(struct pack *p);	/* low latency: write what has changed */
int pack_gap(struct pack *p, int64_t number, int64_t t, int64_t duration);
void pack_delivered(void *pack, const char *name, uint64_t tag);
int pack_publish(struct pack *p, struct segment *s);
int pack_end(struct pack *p);
int pack_check_sink(struct pack *p);	/* what it could not deliver */

#endif
