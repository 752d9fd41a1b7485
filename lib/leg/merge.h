/*
 * merge.h - one stream out of several legs that carry the same RTP packets.
 *
 * The first copy of each sequence number goes on, in order: with a window, at
 * the arrival of its first copy plus the window, so that the delay is constant;
 * without one at once, and what comes behind a gap when it is filled, or after
 * the time that a packet may be out of order.  A leg that begins anew (another
 * SSRC, or a jump of its numbers, in two packets that follow one another) is
 * followed; what is held of the stream before it goes out first.  What is missing when
 * its turn comes is asked of who may repair it.
 *
 * Spec     SMPTE ST 2022-7; RFC 3550 A.1 (sequence numbers).
 * Shape    Decides on numbers and times alone: no sockets, no clock.  Times given
 *          to it must not go back; what does is taken as the last one.
 * Units    ns of any one clock.  Sequence numbers are 64 bits inside; legs may
 *          be apart by MERGE_AHEAD packets.
 * Memory   merge_push() takes the reference, merge_pop() gives it.  At most
 *          MERGE_AHEAD packets are held; merge_free() gives all back.
 * Threads  One.
 * Errors   merge_init(): -ENOMEM.  Nothing else fails; every packet pushed is in
 *          one count of its leg: see merge_ledger_ok().
 */
#ifndef MERGE_H
#define MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/leg/packet.h"

#define MERGE_LEGS	16
#define MERGE_SLOTS	65536
#define MERGE_AHEAD	32768
#define MERGE_EPOCHS	8		/* streams that begin in one window, at most */
#define MERGE_DROPOUT	3000		/* a jump that is no loss, as in RFC 3550 */

struct merge_leg {
	/* Each packet is in one of these. */
	uint64_t delivered;		/* this leg brought it first, and it went on */
	uint64_t held;			/* waits; in the end it is delivered */
	uint64_t other_leg;		/* another leg had brought it */
	uint64_t duplicate;		/* this leg itself had */
	uint64_t late;			/* it had been given up */
	uint64_t astray;		/* far from what is expected, or of another stream */
	uint64_t overflow;		/* no room */
	uint64_t aside;			/* 1: may be the first of a new stream */

	uint64_t received;		/* their sum */
	uint64_t by_row, by_column;	/* that its FEC gave, and went on */
	uint64_t reordered;		/* of those held: came after a later one */
	uint64_t mismatch;		/* copies that differ from the first */
	int64_t	 seen_ns;		/* last packet of the stream; 0: none */
	int64_t	 behind_ns;		/* how much later than the first leg, on average */

	/* private: */
	uint64_t newest;
	uint64_t epoch;
	struct packet *candidate;
};

struct merge_epoch {			/* a stream, from one beginning on */
	uint64_t id;
	uint32_t ssrc;
	uint64_t base;			/* its first number */
	uint64_t newest;
	uint16_t newest_seq;
	uint32_t newest_timestamp;
};

struct merge_slot {
	struct packet *pkt;		/* NULL: gone out */
	int64_t	 arrival_ns;
	uint64_t number;
	uint32_t hash;
	uint16_t legs;			/* that have brought it */
	uint8_t	 first;			/* of them; or whose FEC gave it */
	uint8_t	 how;			/* enum merge_how */
	bool	 delivered;
};

enum merge_how { MERGE_CAME, MERGE_BY_ROW, MERGE_BY_COLUMN };

/* Who may know what a missing packet was: repair.h. */
struct merge_repair {
	void	*ctx;
	/* A packet that no leg had brought before.  Borrows it. */
	void	(*seen)(void *ctx, unsigned leg, uint64_t number, struct packet *pkt);
	/* One that is missing: gives it, and how, and of which leg; or NULL. */
	struct packet *(*find)(void *ctx, uint64_t number, unsigned *leg,
		    enum merge_how *how);
};

struct merge {
	int64_t	 window_ns;
	bool	 at_once;
	unsigned nleg;			/* that take part: 1 needs no hashes */
	struct merge_repair repair;	/* may be empty */
	uint64_t delivered, lost, restarts;
	struct merge_leg leg[MERGE_LEGS];

	/* Of the packet that merge_pop() gave last: */
	uint64_t gap;			/* packets missing before it */
	bool	 restarted;		/* it is the first of a new stream */
	unsigned from;			/* leg */
	bool	 repaired;		/* by FEC of that leg; it has not brought it */
	int64_t	 release_ns;		/* when it was to go out */

	int64_t	 now_ns;		/* the last packet came */
	struct merge_epoch now;

	/* private: */
	bool	 started, released;
	int64_t	 new_ns;		/* last packet that was new */
	uint64_t next, upto;		/* to go out; all before upto may */
	struct merge_epoch before;
	struct merge_hole {		/* from the end of a stream to the next one's base */
		uint64_t end, base;
	} hole[MERGE_EPOCHS];		/* of those before before, a ring */
	struct merge_slot *slot;
	struct merge_due {
		uint64_t number;
		int64_t	 due_ns;
	} *due;				/* a ring, in order of arrival */
	unsigned due_first, due_n;
};

/* at_once: window_ns is only how long what is behind a gap waits. */
int merge_init(struct merge *m, int64_t window_ns, bool at_once);
void merge_free(struct merge *m);

/* A packet of a leg, with its RTP fields set, that came at now_ns. */
void merge_push(struct merge *m, unsigned leg, struct packet *pkt, int64_t now_ns);

/* The next packet whose turn has come, or NULL. */
struct packet *merge_pop(struct merge *m, int64_t now_ns);

/* When to pop at the latest; INT64_MAX: nothing is held. */
int64_t merge_deadline(const struct merge *m);

/* All that is held may go out: there will be no more. */
void merge_flush(struct merge *m);

/* The leg has gone: its place may be taken by another. */
void merge_forget_leg(struct merge *m, unsigned leg);

/* Is each packet of each leg in one count, and each delivered one some leg's? */
bool merge_ledger_ok(const struct merge *m);

#endif
