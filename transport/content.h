/*
 * content.h - one stream out of several legs that carry the same transport stream,
 * by what is in its packets: where there are no numbers, or not the same ones.
 *
 * All packets stand in one list, in order.  Each leg has its place in it: what it
 * brings next is looked for behind that place.  What another leg has lost is put in
 * between when the leg is found again; a leg at the end of the list makes it longer.
 * A leg is believed when some packets in a row are those of the list.  Packets leave
 * the list when the window is over since one of those behind them, or they, came.
 *
 * Shape    Decides on packets and times alone.  Packets of 188 bytes.  Null packets
 *          say nothing: they are as in the leg that is ahead.
 * Units    ns of any one clock, which must not go back.
 * Memory   CONTENT_NODES packets at most; content_free() gives all back.
 * Threads  One.
 * Errors   content_init(): -ENOMEM.  Every packet is in one count of its leg.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/ts.h"

#define CONTENT_LEGS	16
#define CONTENT_NODES	65536
#define CONTENT_LOCK	8		/* packets in a row */
#define CONTENT_WAIT	4096		/* packets of a leg that wait for their place */

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
	bool	 locked;

	/* private: */
	uint32_t place;			/* last one matched; 0: none */
	uint64_t place_id;
	uint32_t nwait;
	uint32_t *wait;			/* nodes, not in the list */
	uint32_t probe;			/* which of them is looked for next */
	uint64_t recent[CONTENT_LOCK];	/* hashes, the last one first */
};

struct content_node {
	uint64_t hash, id;		/* id: 0 while it is free */
	int64_t	 arrival_ns;
	int64_t	 order;			/* grows along the list */
	uint32_t next, prev;		/* 0: none */
	uint32_t next_like, prev_like;	/* in its bucket, by order */
	uint16_t legs;			/* bit for each that has brought it */
	uint8_t	 leg;			/* the first of them */
	bool	 null;
	bool	 table;			/* comes again and again */
	uint8_t	 data[TS_PACKET];
};

struct content_bucket {
	uint32_t first, last;
};

struct content {
	int64_t	 window_ns;
	struct content_leg leg[CONTENT_LEGS];
	uint64_t delivered;
	unsigned from;			/* leg of what content_pop() gave last */
	int64_t	 release_ns;

	/* private: */
	struct content_node *node;
	uint32_t free, head, tail, in_list;
	struct content_bucket *bucket;	/* of what is in the list, but nulls, by hash */
	uint64_t ids, upto;		/* what has an id up to this goes out */
	int64_t	 now_ns, grown_ns;
	uint32_t *due;			/* ring of nodes in order of arrival */
	uint64_t *due_id;
	uint32_t due_first, due_n;
	bool	 flushing;
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
void content_forget_leg(struct content *c, unsigned leg);
bool content_ledger_ok(const struct content *c);

#endif
