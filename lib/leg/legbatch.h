/*
 * legbatch.h - datagrams of a socket, some at a time.
 *
 * Units    ns on CLOCK_MONOTONIC, from the kernel's time of arrival.
 * Memory   leg_batch_new() gives one (leg.h); what is in it is there until it is filled
 *          again.
 * Threads  One.
 */
#ifndef LEGBATCH_H
#define LEGBATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/leg/leg.h"
#include "lib/net/udp.h"

#define LEG_BATCH	16

struct leg_batch {
	unsigned n, next;		/* next: the caller's */
	struct leg_note {
		int64_t	 at_ns;
		size_t	 segment;	/* several of so many bytes each; 0: one */
	} note[LEG_BATCH];

	/* private: */
	struct mmsghdr msg[LEG_BATCH];
	struct iovec iov[LEG_BATCH];
	struct sockaddr_storage from[LEG_BATCH];
	union {
		char	 space[UDP_CONTROL];
		struct cmsghdr align;
	} control[LEG_BATCH];
	uint8_t	 buf[LEG_BATCH][UDP_DATAGRAM];
};

/* Take what there is, without waiting.  True: there may be more. */
bool leg_batch_fill(struct leg_batch *b, struct udp_in *in);

/* Number i of it, or all that are in it, to leg_datagram() or leg_fec(). */
void leg_batch_give(const struct leg_batch *b, unsigned i, struct leg *l,
    const struct udp_in *in, const struct leg_taker *t,
    void (*give)(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t));

#endif
