/*
 * fec2022dec.h - recover lost RTP packets: a receiver of SMPTE 2022-1, over all legs.
 *
 * Shape    One window of sequence numbers for all legs.  Every FEC packet is a sum over
 *          some of them, whatever leg or matrix it is from; one that lacks a single
 *          packet gives it, and so on until none does: rows and columns, of both
 *          layouts, of several matrices at a time, to the fixpoint.  A change of the
 *          matrix is nothing special.
 * Trust    A sum whose packets are all there must come to nothing: their headers are
 *          added up each time, their data at first and then now and again.  FEC of a leg
 *          is used after one of its sums did, and what had to wait is recovered then;
 *          one that did not ends that until FEC_DEC_PROOF others did.  What is recovered
 *          must be RTP of the type and about the time of its neighbours.  So FEC of
 *          something else is not used; if it turns false in mid-stream, that is noticed
 *          by the first whole sum when headers differ, by the 16th when data alone do.
 * Limits   Matrices of any L and D up to 255 that fit into three quarters of the window.
 *          For the standard's (L * D up to 100), a column comes up to two matrices
 *          behind its first packet: 256 slots and what the legs are apart.  FEC that is
 *          a quarter of the window ahead of the media is dropped: give packets in the
 *          order in which they came, over all ports.  Before the first packet of the
 *          media, the last FEC of a second is kept for it.
 * Units    Sequence numbers of 64 bits (rtpstat.h); ns of any one clock.
 * Memory   Two allocations by fec_dec_new().  Packets are the caller's: it passes them
 *          with a reference, which comes back by drop() when the window has left them;
 *          one packet for each slot and each sum at most, and FEC_DEC_EARLY.
 * Threads  One fec_dec belongs to one thread.
 * Errors   -EINVAL, -ENOMEM; what fec_parse() says.
 */
#ifndef FEC2022DEC_H
#define FEC2022DEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEC_DEC_LEGS	16
#define FEC_DEC_PROOF	8
#define FEC_DEC_EARLY	256		/* of FEC, before the media */

/* Where packets come from and go to. */
struct fec_store {
	void	*ctx;
	/* A new packet with room for len bytes at *data; NULL: there is none. */
	void	*(*make)(void *ctx, size_t len, uint8_t **data);
	void	(*drop)(void *ctx, void *pkt);
	/* Can that be a packet of the media?  May be NULL: every one can. */
	bool	(*check)(void *ctx, const uint8_t *data, size_t len);
};

/* A packet that has come.  pkt is the caller's, data and len are in it. */
struct fec_arrival {
	void	*pkt;
	const uint8_t *data;
	size_t	 len;
	unsigned leg;			/* below FEC_DEC_LEGS */
	int64_t	 arrival_ns;
};

enum fec_how { FEC_MISSING, FEC_RECEIVED, FEC_BY_ROW, FEC_BY_COLUMN };

struct fec_slot {
	void	*pkt;			/* NULL: missing */
	const uint8_t *data;
	uint16_t len;
	uint8_t	 how;			/* enum fec_how */
	uint8_t	 leg;			/* that brought it, or the sum that gave it */
	uint16_t legs;			/* bit for each that brought it, sooner or later */
	uint32_t watch;			/* private: sums that lack it */
	int64_t	 arrival_ns;		/* of the packet, or of what completed its sum */
	uint64_t sum;			/* private */
};

struct fec_dec_leg {
	unsigned l, d;			/* as last seen; 0: not yet */
	uint64_t changes;		/* of them */
	uint64_t rows, columns;		/* packets */
	uint64_t by_row, by_column;	/* recovered */
	uint64_t good, bad;		/* whole sums that came to nothing, or did not */
	unsigned need;			/* good ones before it is trusted */
	bool	 suspect;		/* again: it was, or the source is new */
};

struct fec_dec {
	/* Each packet of the media is in one of these. */
	uint64_t received, duplicates, late, refused;
	uint64_t unneeded;		/* duplicates of what had been recovered */
	uint64_t mismatches;		/* duplicates that were not the same */

	/* Each FEC packet that was one is in these, in those of its leg, or waits. */
	uint64_t fec_late, fec_beyond;	/* before or behind what the window holds */
	uint64_t fec_dropped;		/* for want of room */
	uint64_t fec_unused;		/* too much of it was missing */
	uint64_t implausible;		/* it gave no such packet */
	uint64_t no_memory;

	struct fec_dec_leg leg[FEC_DEC_LEGS];
	uint64_t newest;		/* received or recovered; 0: nothing yet */
	unsigned nearly;		/* FEC packets that wait for the media */

	/* private: */
	struct fec_store store;
	uint64_t end;			/* the window is the slots before it */
	uint64_t ripe;			/* up to there, what is missing is recovered */
	unsigned nslot, ngroup, nfree, nready, proof, reorder, hand;
	struct fec_slot *slot;
	struct fec_group *group;
	uint16_t *free, *ready;
	int64_t	 now_ns;
	uint8_t	 type, ssrc[4];		/* of the last media packet */
	struct fec_arrival early[FEC_DEC_EARLY];
};

/*
 * slots: a power of two from 64 to 32768, for what is ahead, waits, and is still needed
 * to recover others.  As many sums can wait.
 * reorder: packets behind the newest that still come by themselves, as a rule: by which
 * the network changes their order, or legs are apart.  They are not recovered before;
 * nor is what is ahead of the newest, since some send a row before its last packet.
 */
int fec_dec_new(struct fec_dec **d, unsigned slots, unsigned reorder,
    const struct fec_store *store);
void fec_dec_free(struct fec_dec *d);

/* The source has begun anew: forget its packets; counters stay. */
void fec_dec_reset(struct fec_dec *d);

/* The leg has gone: its FEC is not used any more, and who has its number next is new. */
void fec_dec_forget_leg(struct fec_dec *d, unsigned leg);

enum fec_dec_result {
	FEC_DEC_NEW,
	FEC_DEC_DUPLICATE,		/* dropped */
	FEC_DEC_LATE,			/* behind the window: dropped */
	FEC_DEC_REFUSED,		/* no RTP, or not number seq: dropped */
};

/*
 * A media packet, or a FEC packet.  Takes a->pkt in any case.  fec_dec_fec() returns 0,
 * or what is wrong with it.
 */
enum fec_dec_result fec_dec_media(struct fec_dec *d, uint64_t seq,
    const struct fec_arrival *a);
int fec_dec_fec(struct fec_dec *d, const struct fec_arrival *a);

/* No packet up to seq is waited for any more: recover what can be of those. */
void fec_dec_settle(struct fec_dec *d, uint64_t seq, int64_t now_ns);

/* The first number that the window still has. */
uint64_t fec_dec_oldest(const struct fec_dec *d);

/* How seq came; borrowed until the next call.  NULL: it is not in the window. */
const struct fec_slot *fec_dec_find(const struct fec_dec *d, uint64_t seq);

#endif
