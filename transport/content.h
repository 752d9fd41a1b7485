/*
 * content.h - one stream out of several legs that carry the same transport stream,
 * by what is in its packets: where there are no numbers, or not the same ones.
 *
 * All packets stand in one list, in order.  Each leg has its place in it: what it
 * brings next is looked for behind that place.  What another leg has lost is put in
 * between when the leg is found again; a leg at the end of the list makes it longer.
 * A leg is believed when some packets in a row are those of the list.  What a leg that
 * is ahead brings waits until others bring it too.  Packets leave the list when the
 * window is over since one of those behind them, or they, came.
 *
 * Null packets, and those that are as the one before, do not say where they are.  They
 * are as in the leg that is ahead; with what it has lost, those beside that come too.
 *
 * Shape    Decides on packets and times alone.  Packets of 188 bytes.
 * Units    ns of any one clock, which must not go back.
 * Memory   CONTENT_NODES packets at most, as they are needed; when there are nearly so
 *          many, packets leave the list before the window is over.  content_free()
 *          gives all back.
 * Threads  One.
 * Errors   content_init(): -ENOMEM.  Every packet is in one count of its leg.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/ts.h"

#define CONTENT_LEGS	16
#define CONTENT_NODES	(1u << 18)
#define CONTENT_BUCKETS	65536
#define CONTENT_LOCK	8		/* packets in a row */
#define CONTENT_SAMPLES	32768

struct content_leg {
	/* Each packet is in one of these. */
	uint64_t first;			/* it brought it first */
	uint64_t other_leg;
	uint64_t nulls;			/* that are not where the list has one */
	uint64_t astray;		/* no place was found for it */
	uint64_t late;			/* its place has gone out */
	uint64_t overflow;
	uint64_t waiting;		/* for its place */

	uint64_t received, filled;	/* filled: of first, what others had lost */
	int64_t	 behind_ns, seen_ns;
	int64_t	 apart_ns;		/* behind another (less: ahead), if not locked */
	bool	 locked;

	/* private: */
	uint32_t place;			/* last one matched; 0: none */
	uint64_t place_id;
	uint32_t wait_first, wait_last;	/* nodes, not in the list; 0: none */
	uint32_t nwait, nmute;		/* of those, mute ones */
	uint32_t hits;			/* of those, what another leg has brought since */
	uint32_t found, found_at;	/* one that waits is that of the list: so it locks */
	unsigned alike;			/* null packets that were as in the list */
	unsigned napart;		/* times that apart_ns was seen */
	bool	 told;
	uint64_t last;			/* hash */
	uint64_t recent[CONTENT_LOCK];	/* of those that are not mute, the last one first */
};

struct content_node {
	uint64_t hash, id;		/* id: 0 while it is free */
	int64_t	 arrival_ns;
	int64_t	 order;			/* grows along the list */
	uint32_t next, prev;		/* in the list, or of what waits; 0: none */
	uint32_t next_like, prev_like;	/* in its bucket, by order */
	uint16_t legs;			/* bit for each that has brought it */
	uint8_t	 leg;			/* the first of them */
	bool	 mute;			/* does not say where it is */
	bool	 table;			/* comes again and again */
	bool	 hit;			/* waits, and another leg has brought it */
	uint8_t	 data[TS_PACKET];
};

struct content_bucket {
	uint32_t first, last;
};

/* One packet of many, when a leg brought it first. */
struct content_sample {
	uint64_t hash;
	int64_t	 at_ns;
	unsigned leg;
};

struct content {
	int64_t	 window_ns;
	struct content_leg leg[CONTENT_LEGS];
	uint64_t delivered;
	uint64_t hurried;		/* of those, before the window was over */
	unsigned from;			/* leg of what content_pop() gave last */
	int64_t	 release_ns;

	/* private: */
	struct content_node *node;
	uint32_t free, used, nfree;	/* used: never beyond */
	uint32_t head, tail, in_list;
	uint64_t newest;		/* hash of what came to the end last, that is not mute */
	struct content_bucket *bucket;	/* of what is in the list, but mute ones, by hash */
	struct content_bucket *waiting;	/* the same of what waits */
	struct content_sample *sample;
	uint16_t hit_legs;		/* bits: have hits, or are found */
	uint64_t ids, upto;		/* what has an id up to this goes out */
	int64_t	 now_ns, grown_ns;
	uint32_t *due;			/* ring of nodes in order of arrival */
	uint64_t *due_id;
	uint32_t due_first, due_n;
	bool	 flushing, hurry;
	uint8_t	 out[TS_PACKET];
};

int content_init(struct content *c, int64_t window_ns);
void content_free(struct content *c);

void content_push(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    int64_t now_ns);

/* The next packet whose turn has come, or NULL; borrowed until the next call. */
const uint8_t *content_pop(struct content *c, int64_t now_ns);

/* When to pop at the latest. */
int64_t content_deadline(const struct content *c);

void content_flush(struct content *c);

/*
 * Has a leg been found to be further from the others than the window: so that it cannot
 * be merged?  It is said once, until it is found again.  By how much: apart_ns.
 */
bool content_apart(struct content *c, unsigned leg);

void content_forget_leg(struct content *c, unsigned leg);
bool content_ledger_ok(const struct content *c);

#endif
