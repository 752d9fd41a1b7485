/*
 * pidfilter.h - of a transport stream one program, some PIDs, or all but some.
 *
 * Of a program its PMT passes, and the PIDs that this lists: streams, the clock, and
 * those of its CA descriptors (ECM).  The PAT is written anew with this program alone,
 * and with a version of its own, which changes when what it says does.  Everything
 * else that passes is as it came.
 *
 * Spec     ISO/IEC 13818-1 2.4.4.3 (PAT), 2.4.4.8 (PMT), 2.6.16 (CA_descriptor).
 * Memory   Caller's struct, some 80 KiB; nothing allocates.
 * Threads  One.
 * Errors   None.  A PAT that is damaged is left out.
 */
#ifndef PIDFILTER_H
#define PIDFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/rewrite.h"
#include "lib/media/ts.h"

struct pidfilter_config {
	bool	 on;			/* something is left out */
	int	 program;		/* only this one, by its number; 0: all */
	bool	 only;			/* what is in pass, besides the program */
	uint8_t	 pass[TS_NPID / 8], drop[TS_NPID / 8];	/* a bit for each PID */
};

struct pidfilter {
	bool	 missing;		/* the last PAT does not have the program */

	/* private: */
	struct pidfilter_config config;
	void	(*put)(void *arg, const uint8_t *ts);
	void	*arg;
	bool	 dropped, found;
	int	 pmt_pid;		/* -1: not known */
	uint32_t pmt_crc;
	uint8_t	 own[TS_NPID / 8];	/* PIDs of the program */
	struct psi_collect pmt;
	struct rewrite pat;
	struct rewrite_version version;
	struct rewrite_sink sink;
	struct ts_sync sync;		/* for counters of tables */
};

/* put() is given each packet that passes. */
void pidfilter_init(struct pidfilter *f, const struct pidfilter_config *c,
    void (*put)(void *arg, const uint8_t *ts), void *arg);

bool pidfilter_passes(const struct pidfilter *f, unsigned pid);

/* A packet of a PID that passes. */
void pidfilter_packet(struct pidfilter *f, const uint8_t ts[static TS_PACKET]);

static inline void
pidfilter_set(uint8_t bits[static TS_NPID / 8], unsigned pid)
{
	bits[pid / 8] |= (uint8_t)(1 << pid % 8);
}

static inline bool
pidfilter_has(const uint8_t bits[static TS_NPID / 8], unsigned pid)
{
	return (bits[pid / 8] >> pid % 8 & 1) != 0;
}

#endif
