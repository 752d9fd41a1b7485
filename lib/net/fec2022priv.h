/*
 * fec2022priv.h - what the parts of the FEC decoder share.
 *
 * A group is a row or a column that has come; see fec2022dec.c for its watches.
 */
#ifndef FEC2022PRIV_H
#define FEC2022PRIV_H

#include "lib/net/fec2022dec.h"

struct fec_group {
	void	*pkt;			/* NULL: free */
	const uint8_t *data;		/* the XOR */
	uint64_t base, sum;
	uint64_t watch[2];		/* 0: none */
	uint32_t next[2], prev[2];	/* in the list of the slot, by node */
	uint16_t len;
	uint8_t	 offset, count, leg;
	uint8_t	 scanned;		/* packets looked at */
	bool	 row, ready;
};

/* The first number that the window has. */
static inline uint64_t
fec_dec_start(const struct fec_dec *d)
{
	return d->end - d->nslot;
}

static inline struct fec_slot *
fec_dec_slot(const struct fec_dec *d, uint64_t seq)
{
	return &d->slot[seq & (d->nslot - 1)];
}

static inline uint64_t
fec_member(const struct fec_group *g, unsigned i)
{
	return g->base + (uint64_t)i * g->offset;
}

/* All packets of g are there.  Is it the sum of their headers, and of their data? */
bool fec_is_sum(const struct fec_dec *d, const struct fec_group *g, bool data);

/*
 * All but seq are there: the packet that makes g come to nothing, at p, which has room
 * for RTP_HEADER + g->len bytes.  Returns its length; 0: that is no packet of theirs.
 */
size_t fec_add_up(const struct fec_dec *d, const struct fec_group *g, uint64_t seq,
    uint8_t *p);

#endif
