/*
 * standby.h - what a switch to a leg needs: where a decoder can begin in it, its tables,
 * and what has come of it since the latest such place, while it is not in use.
 *
 * A decoder can begin where a packet says so by its random_access_indicator.  Of several
 * PIDs it is the one that did so first, as long as it does, and video rather than others.
 *
 * Spec     ISO/IEC 13818-1 2.4.3.5 (random_access_indicator), 2.4.4 (PAT, PMT).
 * Units    ns of any one clock.
 * Memory   standby_keep() takes the packet, standby_pop() gives it.  What is kept is
 *          never more than limit bytes, nor older than age_ns: then it is let go, and
 *          nothing is kept until the next such place.  At most STANDBY_TABLES PIDs of
 *          tables, STANDBY_SECTION packets of each.  standby_free() gives all back.
 * Threads  One.
 * Errors   None.
 */
#ifndef STANDBY_H
#define STANDBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/leg/packet.h"
#include "lib/media/psi.h"
#include "lib/media/ts.h"
#include "transport/pidfilter.h"

#define STANDBY_TABLES	16
#define STANDBY_SECTION	6

struct standby_tables {			/* the PAT first, then the PMTs */
	unsigned n;
	struct standby_table {
		uint16_t pid;
		unsigned n;		/* since the last one in which a section begins */
		uint8_t	 packet[STANDBY_SECTION][TS_PACKET];
	} table[STANDBY_TABLES];
};

struct standby {
	struct standby_tables now;	/* as they came last */
	struct standby_tables then;	/* as they were before what is kept */
	unsigned kept;			/* datagrams */
	int64_t	 first_ns;		/* when the first of them came */

	/* private: */
	int64_t	 age_ns;
	size_t	 limit, bytes;
	struct packet *first, **last;
	int	 pid;			/* where a decoder begins; -1: none yet */
	bool	 video;			/* it is one */
	int64_t	 pid_ns;		/* when it did so last */
	struct psi_collect pat;
};

void standby_init(struct standby *s, int64_t age_ns, size_t limit);
void standby_free(struct standby *s);

/*
 * A datagram of the leg, which stays the caller's: can a decoder begin in it?  only: a
 * PID that passes this.
 */
bool standby_clean(struct standby *s, const struct packet *pkt,
    const struct pidfilter *only, int64_t at_ns);

/* Its tables, after it has been kept or sent. */
void standby_note(struct standby *s, const struct packet *pkt);

/*
 * Keep it, which came at at_ns, if there is a clean place before it or it is one.
 * Returns how many are let go by that, which may be this one.
 */
unsigned standby_keep(struct standby *s, struct packet *pkt, bool clean, int64_t at_ns);

/* Let all go; how many those were. */
unsigned standby_drop(struct standby *s);

/* The oldest that is kept, with the time that it came in due_ns; or NULL. */
struct packet *standby_pop(struct standby *s);

#endif
