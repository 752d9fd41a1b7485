/*
 * leg.h - one way in: a socket, or what its owner adds, as datagrams of whole transport
 * stream packets with their times of arrival.
 *
 *     udp://[[from]@][host]:port   rtp://...   rist://...   srt://...
 *
 * Spec     RFC 3550, RFC 2250 (RTP); packets of 188 bytes, or of 192 and 204 that
 *          are cut to 188; SMPTE ST 2022-1 (FEC, on two ports above).
 * Units    ns on CLOCK_MONOTONIC.
 * Memory   leg_free() gives all back; packets are given to take().
 * Threads  One.
 * Errors   leg_open(): -EINVAL for what is wrong with the address, or another
 *          negative errno, with a reason.  Later only counts; see ended.
 */
#ifndef LEG_H
#define LEG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/fileid.h"
#include "lib/leg/numbers.h"
#include "lib/leg/packet.h"
#include "lib/net/rtpstat.h"
#include "lib/net/udp.h"

#define LEG_ID		32

struct leg {
	char	 id[LEG_ID];
	char	*text;			/* its address, as given */
	const struct leg_ops *ops;	/* its kind, see legkind.h */
	void	*state;
	int	 fd;			/* readable when there is something; -1: never */
	bool	 file;			/* always ready, and comes as fast as it is read */
	bool	 paced;			/* but is given at its pace: the owner asks for that */
	int64_t	 ready_ns;		/* then: when there is more */
	struct file_id id_of_file;	/* if it is one, or a pipe */
	bool	 rtp_only;
	bool	 in_order;		/* what is missing will not come any more */
	bool	 has_fec;		/* t->fec() gets what comes to repair its packets */
	bool	 ended;
	bool	 more;			/* the owner has not read all of it yet */
	int64_t	 read_ns;		/* when what was read last had come; 0: not known */
	unsigned connected;		/* peers; of datagrams: not known, 0 */
	uint64_t begun;			/* connections so far, of kinds that have one */

	uint64_t datagrams, bytes;	/* as they came */
	uint64_t taken;			/* given to take() */
	uint64_t foreign, junk, bad_type, truncated, no_room;	/* and those that were not */
	uint64_t sync_losses;		/* packets did not begin where they should */
	uint64_t fec, fec_bytes;	/* datagrams of FEC, beside those */
	uint64_t fec_no_room;		/* of them, not given to t->fec() */

	struct rtp_ext ext;		/* of those with RTP: what the network lost */
	struct rtp_stat rtp;
	uint64_t lost_before;		/* ... of streams before this one */
	uint64_t longest_gap;		/* of them, in a row, since its owner took it */

	/* private: */
	uint64_t missing;		/* lost before the next one, as its kind knows */
	bool	 warned;
	bool	 in_junk;		/* the last datagram was */
	struct leg *next;		/* while it ends: the owner's */
};

/* Room that all legs share. */
struct leg_batch;
struct leg_batch *leg_batch_new(void);		/* or NULL */
void leg_batch_free(struct leg_batch *b);

struct leg_taker {
	void (*take)(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns);
	/*
	 * If not NULL: each datagram, as it came, before any of that; so many ports above
	 * the leg's own, which is where FEC comes.
	 */
	void (*seen)(void *arg, const struct leg *l, unsigned above, const uint8_t *p,
	    size_t len, int64_t at_ns);
	/* A datagram of FEC, all of it.  Only of legs that have it. */
	void (*fec)(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns);
	void *arg;
	struct packet_pool *pool;
	bool	 raw;			/* packets are wanted with their raw */
};

/* Of a kind that is not of the network, as in legkind.h; -ENOTSUP: nor is it that. */
typedef int leg_opener(struct leg *l, struct url *url, char why[static UDP_WHY]);

/* text is copied; key "name" is its id, if given.  other may be NULL. */
int leg_open(struct leg *l, const char *text, leg_opener *other, char why[static UDP_WHY]);

/* The same of an address that the caller has parsed, and looks for what is left in it. */
int leg_open_url(struct leg *l, const char *text, struct url *url, char why[static UDP_WHY]);

void leg_free(struct leg *l);

/*
 * Before leg_free(), so that that does not wait: it begins to end, and takes nothing
 * any more.  False: it has not ended yet, ask again.
 */
bool leg_leave(struct leg *l);

/* Though nothing comes: is there something to be said? */
void leg_look(struct leg *l, int64_t now_ns);

/* What it counts besides, by its kind. */
void leg_numbers(const struct leg *l, struct numbers *all);

/* Read again who may come in; -errno with a reason when that fails. */
int leg_reload(struct leg *l, char why[static UDP_WHY]);

/* Put out who came in by this grant: how many were there.  *known: there is one. */
unsigned leg_revoke(struct leg *l, const char *name, bool *known);

/* Take what there is, a few at a time.  True: there may be more. */
bool leg_read(struct leg *l, struct leg_batch *b, const struct leg_taker *t);

/* One datagram, as from the network. */
void leg_datagram(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t);
void leg_fec(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t);

#endif
