/*
 * subs.h - captions in the pictures, and teletext, as WebVTT tracks: t1, t2 ...
 *
 * A segment of text is made when its segment is published: all its pictures have come by
 * then, in whatever order, and its times are those of the picture.  A cue ends with its
 * segment, and begins again with the next one.
 *
 * With low latency a part of text follows each part of the picture, with what is shown
 * until the next picture is decoded: nothing that comes later is before that.  In MP4 it
 * is a chunk of the segment that grows; for HLS, where each part needs a header, it is an
 * object of its own, t1/NUMBER.0.vtt and so on, as long as the playlist names it.
 *
 * Spec     captext.h, webvtt.h; RFC 8216 3.5; ISO/IEC 14496-30 7; 23000-19 11.2.
 * Units    t 90 kHz; a text track's timescale is that, too.
 * Memory   subs_free() gives all back.
 * Errors   -ENOMEM and what the sink returns.
 */
#ifndef SUBS_H
#define SUBS_H

#include "lib/media/captext.h"
#include "package/pack.h"

struct sub {
	unsigned track;			/* index in the presentation */
	struct captext text;
	int64_t	 fed;			/* t up to which it has come */
	/* low latency: */
	struct captext low;		/* the same once more, part by part */
	int64_t	 done;			/* t up to which that has come */
	int64_t	 number;		/* of the segment that is being made, */
	struct sink_item *item;		/* and its object; NULL: none */
	struct captext_cues tail;	/* for HLS with the next part: its segment had no more */
};

/*
 * The text of a segment, which gets room for its tracks; channels that are new, if they
 * are all wanted, have one from here on.
 */
int subs_publish(struct pack *p, struct segment **s);

/* What captions the pictures have shown by now. */
void subs_note(struct pack *p);

/* A PES packet of teletext. */
int subs_teletext(struct pack *p, const struct tsdemux_event *ev);
void subs_free(struct pack *p);

/*
 * sublow.c: a part that follows a part of this video, unless that is the last one of its
 * segment; the end of the segment, with all that is missing.
 */
int subs_part(struct pack *p, const struct track *t, struct pack_segment *m,
    unsigned index, bool last);
int subs_end(struct pack *p, const struct track *t, struct segment *s, unsigned index);

int sub_end_parts(struct pack *p, struct sub *sub, struct segment *s, int64_t end);
/* What no playlist names any more. */
void sub_forget_parts(struct pack *p, const struct sub *sub);
void sub_part_name(int64_t number, unsigned chunk, char name[static 32]);

/* subs.c, for sublow.c */
bool subs_break(const struct pack *p, const struct segment *s);	/* of the source */
int subs_add(struct pack *p);
unsigned subs_leader(const struct pack *p);	/* index of the video whose captions count */
struct track *subs_source(const struct pack *p);

/* What there is for it, borrowed: n units; the time of one, when cutter_time() knows that. */
struct sub_units {
	const struct ttx *page;		/* of teletext, or else */
	const struct track *from;	/* captions of the pictures */
	size_t	 n;
};
struct sub_units sub_units(const struct pack *p, const struct sub *sub);
bool sub_time(const struct pack *p, const struct sub_units *u, size_t i, int64_t *t);
int sub_feed(const struct sub_units *u, size_t i, struct captext *text, int64_t t,
    struct captext_cues *cues);
void sub_reset(const struct pack *p, const struct sub *sub, struct captext *text);
int sub_put_whole(struct pack *p, struct sub *sub, struct segment *s, int64_t end);
int sub_put_text(struct pack *p, const struct segment *s, const struct sub *sub,
    const char *file, const struct captext_cues *cues, int64_t begin, size_t *len);

#endif
