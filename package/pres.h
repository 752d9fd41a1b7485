/*
 * pres.h - the presentation: tracks, and the segments that can be played.
 *
 * What has been made of a stream, as far as it is in the window: each segment
 * with a part of every track.  The playlists and the manifest are written from
 * this alone, and it can be saved and read back (state.h).
 *
 * Units    t and segment durations 90 kHz; parts in their track's timescale.
 * Memory   pres_free() gives all back.
 * Errors   -ENOMEM.
 */
#ifndef PRES_H
#define PRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/track.h"
#include "package/cues.h"

#define PRES_TRACKS	64

/*
 * Stream access points, ISO/IEC 14496-12 Annex I: from 1 and 2 on all decodes, from
 * 3 on all but pictures that are shown before it.
 */
#define PRES_SAP_ALL	2
#define PRES_NO_SAP	7		/* more than any */

struct keyframe {
	uint32_t offset, size;		/* moof to the end of the picture */
	uint32_t ts_offset, ts_size;	/* PAT to its end, in the .ts; 0: not there */
	int64_t	 duration;		/* to the next one, in the timescale */
};

/* A part that can be had before its segment ends: a CMAF chunk. */
struct chunk {
	uint64_t offset;
	uint32_t size;
	bool	 sync;			/* it begins with a random access point */
	bool	 gap;			/* nobody has it, and it has no bytes */
	int64_t	 duration;		/* in the timescale */
};

struct part {
	bool	 present;
	bool	 dropped;		/* could not be delivered */
	uint8_t	 sap;			/* type it begins with; PRES_NO_SAP: none */
	uint32_t init;			/* its header: init.mp4, init-2.mp4 ... */
	int64_t	 t, duration;		/* of what is shown */
	uint64_t bytes;
	uint64_t ts_bytes;		/* of the .ts beside it; 0: none */
	unsigned nkey;
	struct keyframe *key;		/* video */
	int64_t	 key_sequence;		/* media sequence number of the first */
	/* low latency: */
	unsigned nchunk;
	struct chunk *chunk;
	bool	 over;			/* no more will come */
	int64_t	 listed;		/* EXTINF, when more than its duration is covered */
};

struct segment {
	int64_t	 number, sequence;	/* name; media sequence number */
	int64_t	 t, duration;
	int64_t	 utc_ns;		/* 0: not live */
	bool	 discontinuity;		/* before it */
	int64_t	 expect;		/* when it should end, t; 0: not known */
	unsigned split;			/* of its Period: so many since a discontinuity */
	int64_t	 period_t, period_ns;	/* of its DASH Period: t, and when that was */
	unsigned npart;
	struct part part[];		/* by index of the track */
};

/* A header that has been published. */
struct init {
	uint32_t number;		/* 1, 2 ... */
	uint32_t timescale;
	struct config config;
	size_t	 len;			/* of the object */
};

struct ptrack {
	char	 name[TRACK_NAME];
	enum codec_kind kind;
	enum codec codec;
	char	 language[4];
	uint32_t max_bitrate;
	uint16_t pid;
	struct captions captions;
	bool	 unlisted;		/* not in index.m3u8 */
	uint8_t	 sap, told_sap;		/* the highest that a segment begins with */
	unsigned ninit;
	struct init *init;		/* in order of their numbers */
	uint64_t peak;			/* bit/s, of a segment */
	uint64_t bytes;			/* of all so far, and their time */
	int64_t	 time;			/* in 90 kHz */
	uint64_t key_peak, key_bytes;	/* the same of its I-frames */
	uint64_t told_peak, told_average, told_key;	/* in index.m3u8 */
	bool	 told_absent;
	uint64_t last_bytes;		/* of the last segment, and its time */
	int64_t	 last_time;
	int64_t	 next_key;		/* media sequence number of the next I-frame */
	int64_t	 listed_sequence;	/* in the playlist that has been delivered, low */
	unsigned listed_chunk;		/* latency: the last part; -1: not delivered yet */
	bool	 listed;
	uint32_t frame;			/* of sound, in its timescale */
};

/* Languages of CC1 to CC4 and services 1 to 63: ISO 639-2, or "". */
struct caption_names {
	char	 cc[4][4], service[64][4];
};

#define TEXT_PAGES	8		/* of teletext */

struct text_page {
	unsigned number;		/* 100 to 899; 0: that of a language */
	char	 language[4];		/* or "" */
	uint16_t pid;			/* of its stream */
	bool	 impaired;		/* for the hearing impaired */
};

struct text_pages {
	unsigned n;
	struct text_page page[TEXT_PAGES];
	uint16_t pid;			/* of the first teletext; 0: there is none */
};

enum pres_mode { PRES_WINDOW, PRES_EVENT, PRES_VOD };

/* Segments that have been saved together, once. */
struct archive {
	int64_t	 number;		/* of its first: its name */
	size_t	 n;			/* of them that are still in the presentation */
};

struct pres {
	enum pres_mode mode;
	int64_t	 window;		/* 90 kHz */
	bool	 live;			/* it has dates */
	bool	 ended;
	bool	 ts;			/* HLS has transport stream segments */
	int64_t	 target;		/* EXT-X-TARGETDURATION, seconds */
	int64_t	 nominal;		/* segment duration, 90 kHz */
	unsigned ntrack;
	struct ptrack track[PRES_TRACKS];
	size_t	 n, cap;
	struct segment **segment;
	size_t	 narchive, nsealed;	/* state.h; segments in archives */
	struct archive *archive;
	int64_t	 discontinuity_sequence;	/* breaks before the first */
	int64_t	 start_ns;		/* AST of what is not live; 0: no DASH time */
	const char *utc_scheme, *utc_timing;	/* head, xsdate, iso; XML text or NULL */
	struct rational rate;		/* of the grid, */
	int64_t	 pictures;		/* and in each of its segments */
	struct caption_names asked, told;	/* by the user, by the PMT */
	struct captions subtitles;	/* to be made text, */
	bool	 all_subtitles;		/* or all that there are */
	struct text_pages asked_pages, told_pages;	/* by the user, by the PMT */
	struct cue_policy policy;
	bool	 has_cues, has_id3;	/* the stream may have some */
	struct cuetrack cues;
	/* low latency: */
	bool	 low, blocks;		/* the server holds requests */
	bool	 idle;			/* no input: nothing comes */
	int64_t	 chunk;			/* part target of pictures, 90 kHz */
	int64_t	 latency;		/* asked for behind the newest part, ns; 0: the least */
	int64_t	 lag;			/* from the end of a part to when it is there, 90 kHz */
	int64_t	 lag_worst;		/* when it went badly */
	size_t	 nopen, open_cap;	/* segments being made; borrowed */
	struct segment **open;
};

void pres_free(struct pres *p);
void segment_free(struct segment *s);
int pres_add(struct pres *p, struct segment *s);	/* takes it */

/* Can the segment be had, of this track; of any? */
bool segment_has(const struct segment *s, unsigned track);
bool segment_is_lost(const struct segment *s);

/* The init of a number, or NULL. */
const struct init *ptrack_init(const struct ptrack *t, uint32_t number);

/* The newest, or NULL. */
const struct init *ptrack_newest(const struct ptrack *t);

/* "v1/init.mp4", "v1/init-2.mp4" after the track's folder. */
void init_name(uint32_t number, char name[static 24]);

/* First segment that is still listed by a live playlist. */
size_t pres_window(const struct pres *p);

/* When a segment was acquired; what is not live and has cues counts from 1970; 0: no date. */
int64_t segment_date(const struct pres *p, const struct segment *s);

/* Bits a second; the duration is 90 kHz. */
uint64_t pres_rate(uint64_t bytes, int64_t duration);

/*
 * What players have to be ready for, in bit/s: the most that a segment had, and until the
 * end what the source says it may have.
 */
uint64_t pres_bandwidth(const struct pres *p, const struct ptrack *t);

/* The first that has this track; p->n if none does. */
size_t pres_first(const struct pres *p, unsigned track);

/* capname.c: "CC1=eng,SERVICE2=spa"; false if it is not like that. */
struct tsdemux_stream;
bool caption_names_parse(const char *arg, struct caption_names *c);

/* What the descriptors of a stream say. */
void caption_names_read(const struct tsdemux_stream *s, struct caption_names *c);

/* Of CC1 (0) to CC4, or of a service; "und" if nobody said. */
const char *caption_language(const struct pres *p, bool service, unsigned n);

/*
 * The pid of a text track is a channel of 608, a service of 708, or a page of teletext:
 * that, its number, and its language.
 */
enum text_kind { TEXT_CHANNEL, TEXT_SERVICE, TEXT_PAGE };
uint16_t text_channel(enum text_kind kind, unsigned n);
bool text_is_channel(int64_t channel);
enum text_kind text_kind(uint16_t channel);
unsigned text_number(uint16_t channel);
const char *text_language(const struct pres *p, const struct ptrack *t);
/* "CC", "Service ", "Teletext ": what its number follows. */
const char *text_prefix(const struct ptrack *t);
/* Does it tell of sounds, too? */
bool text_describes(const struct pres *p, const struct ptrack *t);
bool caption_list_parse(const char *arg, struct captions *c, struct caption_names *names,
    struct text_pages *pages);

/* Captions to be listed: what any of the rungs has shown, and what was asked for. */
void caption_all(const struct pres *p, struct captions *all);

/* hls.c: text of index.m3u8, TRACK/index.m3u8, TRACK/iframes.m3u8. */
struct text;
void hls_put_index(struct pres *p, struct text *t, bool ts);
void hls_put_media(const struct pres *p, unsigned track, struct text *t, bool ts);
void hls_put_keyframes(const struct pres *p, unsigned track, struct text *t, bool ts);

/* hlscue.c: what stands before a segment; after an open one; and at the end of all. */
void hls_put_cues(const struct pres *p, const struct segment *last, const struct segment *s,
    bool first, struct text *t);
void hls_put_next_cues(const struct pres *p, const struct segment *s, struct text *t);
void hls_put_last_cues(const struct pres *p, struct text *t);

/* hlsparts.c: of a low-latency playlist, what follows its head, the parts of a segment,
 * and its end. */
void hls_put_control(const struct pres *p, unsigned track, struct text *t);
void hls_put_parts(const struct pres *p, const struct segment *s, unsigned track,
    struct text *t);
void hls_put_hints(const struct pres *p, unsigned track, struct text *t);
/* So many frames of sound are the longest part. */
int64_t pres_part_frames(const struct pres *p, uint32_t frame, uint32_t timescale);
/* The part target of a track, ns; what has been listed last. */
int64_t hls_part_target(const struct pres *p, unsigned track);
bool hls_last_listed(const struct pres *p, unsigned track, int64_t *sequence,
    unsigned *chunk);
/* Open segments of a track that can be listed now. */
size_t hls_open(const struct pres *p, unsigned track);

/* dashlow.c */
bool dash_is_regular(const struct pres *p, size_t from, size_t to);
void dash_put_service(const struct pres *p, struct text *t);
void dash_put_clock(const struct pres *p, unsigned track, uint32_t timescale,
    int64_t offset, int64_t start_ns, bool video, struct text *t);
int64_t dash_latency(const struct pres *p);
int64_t dash_offset(const struct pres *p);	/* availabilityTimeOffset, ns */

/* dashcue.c: the events of segments [from, to), whose Period begins at offset. */
void dash_put_cues(const struct pres *p, size_t from, size_t to, int64_t offset,
    struct text *t);

/* dash.c: index.mpd */
void dash_put(const struct pres *p, struct text *t);

#endif
