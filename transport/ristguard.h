/*
 * ristguard.h - what is not encrypted does not reach a RIST socket that has a key.
 *
 * librist takes datagrams in clear although there is a secret, when they have no
 * sequence number in their GRE header.  So the kernel has to drop them before.
 *
 * Spec     RFC 8086, RFC 2890 (GRE: flags K and S); VSF TR-06-2 (protocol types).
 * Shape    ristguard_before(), then what makes the sockets, then ristguard_after(),
 *          before anything is read from them; no other thread opens sockets meanwhile.
 * Memory   Caller's struct.
 * Threads  One.
 * Errors   -ENOENT no new socket, or another negative errno.
 */
#ifndef RISTGUARD_H
#define RISTGUARD_H

#include <stdint.h>

#define RISTGUARD_FDS	65536

struct ristguard {
	uint8_t	 open[RISTGUARD_FDS / 8];	/* descriptors, a bit each */
};

int ristguard_before(struct ristguard *g);
int ristguard_after(const struct ristguard *g);

#endif
