/*
 * repair.h - what FEC knows of the packets that a merge is missing.
 *
 * The packets of all legs of the merge, and the FEC of all, are in one decoder.  It is
 * asked for a packet when its turn has come and no leg has brought it: what legs can
 * give is theirs, FEC is for what none of them has.
 *
 * Spec     SMPTE ST 2022-1, see lib/net/fec2022dec.h.
 * Shape    Hangs on the merge by merge_repair; one that may adapt makes the window of
 *          the merge as long as the matrix needs: a column comes up to two matrices
 *          behind its first packet.
 * Units    ns, as the merge.
 * Memory   Holds the last packets, up to an eighth of what the pool may, and as many of
 *          FEC; repair_free() gives all back.
 * Threads  One.
 * Errors   -ENOMEM.  What comes is in one count each: repair_ledger_ok().
 */
#ifndef REPAIR_H
#define REPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/leg/merge.h"
#include "lib/leg/numbers.h"
#include "lib/net/fec2022dec.h"

struct repair {
	uint64_t shown, taken;		/* packets of the media, and of FEC */
	uint64_t refused;		/* of FEC: it is none, or not of this kind */
	int64_t	 needs_ns;		/* window for the matrix; 0: not known */
	struct fec_dec *dec;

	/* private: */
	struct merge *merge;
	struct packet_pool *pool;
	bool	 adapts, told;
	unsigned slots;
	uint64_t epoch, shift;		/* number + shift has the RTP number in it */
	uint64_t refused_of[MERGE_LEGS];
	struct {
		unsigned l, d;
	} last[MERGE_LEGS];		/* matrix, when it was asked for last */
	uint64_t mark;			/* to measure the pace: from there on */
	int64_t	 mark_ns, seen_ns, interval_ns;
};

int repair_new(struct repair **r, struct merge *m, struct packet_pool *pool, bool adapts);
void repair_free(struct repair *r);

/* A datagram of FEC of a leg.  Takes it. */
void repair_take(struct repair *r, unsigned leg, struct packet *pkt, int64_t now_ns);

void repair_forget_leg(struct repair *r, unsigned leg);

/* What there is to count of the FEC of a leg. */
void repair_numbers(const struct repair *r, unsigned leg, struct numbers *all);

bool repair_ledger_ok(const struct repair *r);

#endif
