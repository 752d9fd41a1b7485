/*
 * subs.h - captions in the pictures as WebVTT tracks: t1, t2 ...
 *
 * A segment of text is made when its segment is published: all its pictures have come by
 * then, in whatever order, and its times are those of the picture.  A cue ends with its
 * segment, and begins again with the next one.
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
};

/*
 * The text of a segment, which gets room for its tracks; channels that are new, if they
 * are all wanted, have one from here on.
 */
int subs_publish(struct pack *p, struct segment **s);

/* What captions the pictures have shown by now. */
void subs_note(struct pack *p);
void subs_free(struct pack *p);

#endif
