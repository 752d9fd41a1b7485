/*
 * pushitem.h - what is pushed: tags of RTMP that many targets share.
 *
 * An item is one message: a tag of audio or video, or data.  What must have been said on a
 * connection before it is in its heads, which most items share with the one before.
 *
 * Spec     Adobe Flash Video File Format 10.1 E.4, E.5 (onMetaData); flv.h.
 * Units    t: decoding time, 90 kHz ticks.
 * Memory   Counted references; not changed any more once they are shared.
 * Threads  References may be taken and given up on any.
 */
#ifndef ENCODE_PUSHITEM_H
#define ENCODE_PUSHITEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/rational.h"

/* A body of a message. */
struct pushbody {
	atomic_uint refs;
	size_t	 len;
	uint8_t	 data[];
};

struct pushheads {
	atomic_uint refs;
	struct pushbody *meta, *video, *audio, *colour;	/* any may be NULL */
	bool	 hevc;
};

struct pushitem {
	atomic_uint refs;
	uint8_t	 type;			/* enum rtmp_type */
	bool	 key;			/* a connection may begin with it */
	int64_t	 t;
	struct pushheads *heads;
	struct pushbody *config;	/* of its stream, for who makes heads */
	struct pushitem *next;		/* for who makes items */
	size_t	 len;
	uint8_t	 data[];
};

/* All of these give; NULL: no memory. */
struct pushbody *pushbody_new(size_t len);
struct pushheads *pushheads_new(struct pushbody *meta, struct pushbody *video,
    struct pushbody *audio, struct pushbody *colour, bool hevc);	/* takes a reference of
						 * each of its own */
struct pushitem *pushitem_new(size_t len);

/* A time as messages have it, modulo 2^32 once that is needed: to the nearest ms. */
static inline int64_t
pushitem_ms(int64_t t)
{
	return rescale_near(t, 1, 90);
}

struct pushbody *pushbody_ref(struct pushbody *b);	/* NULL is one */
struct pushheads *pushheads_ref(struct pushheads *h);
struct pushitem *pushitem_ref(struct pushitem *i);
void pushbody_unref(struct pushbody *b);
void pushheads_unref(struct pushheads *h);
void pushitem_unref(struct pushitem *i);

#endif
