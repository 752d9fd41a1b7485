/*
 * legkind.h - the kinds of legs (leg.h), and what they share.
 *
 * A kind opens itself from an address: it sets ops, state and fd of the leg, and
 * takes those keys of the address that it knows.  What it has opened when it fails is
 * closed by its close().
 *
 * Errors   As leg_open().
 */
#ifndef LEGKIND_H
#define LEGKIND_H

#include "lib/base/url.h"
#include "lib/leg/leg.h"
#include "lib/net/rtp.h"

struct leg_ops {
	bool (*read)(struct leg *l, struct leg_batch *b, const struct leg_taker *t);
	void (*close)(struct leg *l);	/* frees its state */
	/* What this kind counts besides; may be NULL. */
	void (*numbers)(const struct leg *l, struct numbers *all);
	/* Read again who may come in; and put one out: how many went.  May be NULL. */
	int (*reload)(struct leg *l, char why[static UDP_WHY]);
	unsigned (*revoke)(struct leg *l, const char *name, bool *known);
	/* As leg_look(); may be NULL. */
	void (*look)(struct leg *l, int64_t now_ns);
	/* As leg_leave(); may be NULL: close() does not wait. */
	bool (*leave)(struct leg *l);
};

int leg_open_udp(struct leg *l, struct url *url, char why[static UDP_WHY]);
int leg_open_srt(struct leg *l, struct url *url, char why[static UDP_WHY]);
int leg_open_fec(struct leg *l, struct url *url, char why[static UDP_WHY]);
int leg_open_rist(struct leg *l, struct url *url, char why[static UDP_WHY]);

/* Whole packets, stride bytes apart, to its owner; rtp may be NULL. */
void leg_give(struct leg *l, const uint8_t *p, size_t len, size_t stride,
    const struct rtp_packet *rtp, int64_t at_ns, const struct leg_taker *t);

/* To be called with each datagram, before it is looked at. */
static inline void
leg_seen(const struct leg *l, unsigned above, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t)
{
	if (t->seen != NULL)
		t->seen(t->arg, l, above, p, len, at_ns);
}

/* Say that the system gave less of a buffer than was asked for. */
void leg_tell_buffer(const struct leg *l, const struct udp_in *in);

/* Count what cannot be used, and warn of the first. */
void leg_refuse(struct leg *l, uint64_t *count, const char *what);

#endif
