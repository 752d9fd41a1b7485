/*
 * tsudp.h - transport streams in datagrams (udp.h), bare or in RTP (RFC 2250).
 *
 *     udp://...	both: which of them it is, each datagram shows
 *     rtp://...	RTP only
 *
 * The key reorder says how long RTP waits for what is before it.  Datagrams are taken many at a time, with the kernel's time of arrival and its count of
 * those that did not fit into the receive buffer; RTP is sorted (rtp.h).
 *
 * Units    utc_ns since 1970; deadlines on CLOCK_MONOTONIC in ns.
 * Memory   tsudp_open() gives, tsudp_close() takes back.  What is read is lent until the
 *          next call.
 * Threads  One tsudp belongs to one thread.
 * Errors   Negative errno values, with a reason as text; nothing is printed.
 */
#ifndef TSUDP_H
#define TSUDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/hist.h"
#include "lib/base/url.h"
#include "lib/net/rtp.h"
#include "lib/net/udp.h"

struct tsudp {
	/* What tsudp_read() has read. */
	const uint8_t *data;
	size_t	 len;
	int64_t	 utc_ns;		/* when it came off the network */
	bool	 more;			/* there is more without waiting */

	struct hist *iat;		/* the caller's: ns between datagrams; or NULL */
	uint64_t datagrams, rtp, foreign, junk, bad_type, truncated;
	struct udp_in in;		/* the socket, with what the kernel dropped */
	struct rtp_order order;		/* with counters of its own */
	struct tsudp_private *private;
};

/*
 * Asks for all of its keys by url_get().  NULL: *err and why are as of
 * udp_open_in().
 */
struct tsudp *tsudp_open(struct url *url, int *err, char why[static UDP_WHY]);
void tsudp_close(struct tsudp *t);

enum tsudp_result {
	TSUDP_NOTHING,	/* the deadline has come, or a stop was asked */
	TSUDP_BYTES,	/* data, len, utc_ns, more */
	TSUDP_RESTART,	/* what follows is of another source, or of one that began anew */
};

/* Returns one of these, or why it cannot go on. */
int tsudp_read(struct tsudp *t, int64_t deadline_ns);

/* Is there something that a person should be told, and was not yet? */
bool tsudp_warning(struct tsudp *t, char text[static UDP_WHY]);

#endif
