/*
 * ristguard.h - what librist cannot stand does not reach its sockets.
 *
 * See ristfilter.h for what that is; here are the sockets found that it has made.
 *
 * Shape    ristguard_before(), then what makes the sockets, then ristguard_after(),
 *          before anything is read from them; no other thread opens sockets meanwhile.
 * Memory   Caller's struct.
 * Threads  One.
 * Errors   -ENOENT no new socket, or another negative errno.
 */
#ifndef RISTGUARD_H
#define RISTGUARD_H

#include <stdint.h>

#include "lib/leg/ristfilter.h"

#define RISTGUARD_FDS		65536
#define RISTGUARD_SOCKETS	8

struct ristguard {
	enum ristfilter_kind kind;	/* of even ports; odd ones of RTP have RTCP */
	bool	 login;			/* see ristfilter_init() */

	int	 fd[RISTGUARD_SOCKETS];	/* what has been found */
	unsigned n;

	/* private: */
	uint8_t	 open[RISTGUARD_FDS / 8];	/* descriptors, a bit each */
};

int ristguard_before(struct ristguard *g);
int ristguard_after(struct ristguard *g);

/* From now on that socket of the simple profile gets nothing that these send. */
int ristguard_part(int fd, const struct ristfilter_source *but, unsigned n);

/* Is it of an odd port? */
bool ristguard_odd(int fd);

/*
 * What has been dropped so far at these sockets, for this or want of room, by the kernel
 * or ristdecrypt.h.
 */
uint64_t ristguard_dropped(const int *fd, unsigned n);

#endif
