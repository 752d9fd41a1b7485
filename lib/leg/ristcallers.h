/*
 * ristcallers.h - who has called, and at which of the two ports of the simple profile.
 *
 * librist 0.2.7 looks for a sender among those of both ports, once there are some: what
 * then comes from one to a port that it has not called at is taken for the other port's,
 * and ends the process.  So there has to be a filter for each port against those of the
 * other.  One may send to both from a single port, until there is another: then it is
 * heard at neither.
 *
 * Spec     VSF TR-06-1 5.1.
 * Memory   Caller's struct, zeroed.
 * Threads  One at a time.
 */
#ifndef RISTCALLERS_H
#define RISTCALLERS_H

#include <stdbool.h>

#include "lib/leg/ristfilter.h"

struct ristcallers {
	struct ristcaller {
		const void *peer;	/* NULL: none */
		struct ristfilter_source source;
		bool	 odd;		/* it called at the odd port */
	} slot[RISTFILTER_SOURCES];
};

/*
 * One more calls; peer is a name for it.  False: that cannot be, since there is no room,
 * or it has called at the other port and is not alone.
 */
bool ristcallers_add(struct ristcallers *c, const void *peer,
    const struct ristfilter_source *source, bool odd);

/* It has gone; false: it was none of them. */
bool ristcallers_remove(struct ristcallers *c, const void *peer);

/* Whom the odd port, or the even one, must not hear; how many. */
unsigned ristcallers_apart(const struct ristcallers *c, bool odd,
    struct ristfilter_source list[RISTFILTER_SOURCES]);

#endif
