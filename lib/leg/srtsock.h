/*
 * srtsock.h - sockets of libsrt that never wait, and what it counts of them.
 *
 * Units    ns on CLOCK_MONOTONIC; us on the clock of libsrt.
 * Memory   srtsock_close() gives a socket back to libsrt, which may keep it for the
 *          time of its linger.
 * Threads  libsrt has its own; a hook (srtgate.h) is called by them.
 * Errors   Negative errno with a reason as text.
 */
#ifndef SRTSOCK_H
#define SRTSOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/leg/srtopts.h"

struct srtgate;

/*
 * A listener that is bound, or a caller or rendezvous that has begun to connect;
 * its state tells how that ends.  sends: it will send.  gate is for a listener.
 */
int srtsock_open(SRTSOCKET *sock, const struct srtopts *o, bool sends,
    struct srtgate *gate, char why[static UDP_WHY]);
void srtsock_close(SRTSOCKET *sock);		/* SRT_INVALID_SOCK: nothing */

/* When all are closed: takes back the threads of libsrt; else exit(3) does. */
void srtsock_end(void);

/* Who came to a listener, with its address as text; SRT_INVALID_SOCK: nobody. */
#define SRTSOCK_NAME	64
SRTSOCKET srtsock_accept(SRTSOCKET listener, char name[static SRTSOCK_NAME]);

/* Why it could not connect. */
const char *srtsock_reason(SRTSOCKET sock);

/* Of a caller that a listener of ours refused after its hook: SRT_REJ_..., if known. */
int srtsock_rejected(SRTSOCKET sock);

/* What to add to a time of ours in us to get one of libsrt. */
int64_t srtsock_clock_us(void);

/* An option of a connection that is a number of milliseconds, in ns. */
int64_t srtsock_ms(SRTSOCKET sock, SRT_SOCKOPT opt);

/* When to try again, after so many vain tries. */
int64_t srtsock_backoff_ns(unsigned tries);

struct srttotals {
	uint64_t resent, nak_sent, nak_got, send_drops;
	uint64_t got, lost, got_again, belated, given_up, undecrypted;
	uint64_t filtered;		/* recovered by a packet filter */
	uint64_t rtt_us, rcvbuf_ms, sndbuf_ms; /* of those that live: the largest */
};

/* Add what libsrt has counted of a socket. */
void srttotals_add(struct srttotals *t, SRTSOCKET sock);

/* It goes: what it counted stays. */
void srttotals_keep(struct srttotals *t, SRTSOCKET sock);

#endif
