/*
 * ristfilter.h - what librist may get to see of what comes to its sockets.
 *
 * librist 0.2.7 does not check what it is sent: RTP without a payload, a report that is
 * shorter than it says or is none, a length of 2^16 bytes end it, or the thread that it
 * is read by.  And where it has a secret it takes in clear what has no sequence number, or
 * a nonce of 0.  So the kernel has to drop such datagrams before.
 *
 * Spec     RFC 3550 6 (RTCP), RFC 3611 (XR), RFC 4585 6.2 (NACK); VSF TR-06-1 5.3,
 *          TR-06-2 5 and 7; RFC 8086, RFC 2890 (GRE: flags C, K and S).
 * Shape    A program for SO_ATTACH_FILTER.  What it loads from behind the end of a
 *          datagram drops it, so that a load is a check of the length as well.
 * Memory   Caller's struct.
 * Threads  Pure function.
 */
#ifndef RISTFILTER_H
#define RISTFILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#define RISTFILTER_ROOM		768
#define RISTFILTER_SOURCES	32

enum ristfilter_kind {
	RISTFILTER_RTP,			/* the even port of a receiver, simple profile */
	RISTFILTER_RTCP,		/* the odd port, and what a sender has */
	RISTFILTER_CLEAR,		/* a tunnel without a key */
	RISTFILTER_KEYED,		/* and with one: nothing in clear but what follows */
};

/* Who sends: his port, and the end of his address, which is all of it in IPv4. */
struct ristfilter_source {
	uint32_t address;
	uint16_t port;
};

struct ristfilter {
	struct sock_filter code[RISTFILTER_ROOM];
	unsigned n;
};

/* login: users log in to us, or we log in, which is done in clear. */
void ristfilter_init(struct ristfilter *f, enum ristfilter_kind kind, bool login);

/* The same, but for all that so many of these send, which is dropped. */
void ristfilter_init_but(struct ristfilter *f, enum ristfilter_kind kind, bool login,
    const struct ristfilter_source *but, unsigned n);

#endif
