/*
 * cuepid.h - a PID for cues in a transport stream that has none, or in the place of
 * the one that it has.
 *
 * The PMT of the program is written anew: with the PID and the registration CUEI, in
 * packets that count for themselves, and with the version that follows its own.  If
 * it lists cues already, its PID is used, and nothing in the tables changes.  A
 * section waits for the PMT that says where it belongs.
 *
 * Spec     ANSI/SCTE 35 2022b 8 (PMT), ISO/IEC 13818-1 2.4.4.
 * Memory   One struct; nothing allocates.
 */
#ifndef INGEST_CUEPID_H
#define INGEST_CUEPID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/programs.h"
#include "ingest/stamp.h"
#include "lib/media/psi.h"
#include "lib/media/rewrite.h"
#include "lib/media/ts.h"

#define CUEPID_FIRST	500		/* the first that is tried */
#define CUEPID_WAITING	8		/* sections */
#define CUEPID_OUT	((size_t)256 * TS_PACKET)

struct cuepid {
	bool	 only, active;
	uint16_t pmt_pid;		/* or TS_PID_NULL: not yet known */
	uint16_t pid;			/* of the cues, or 0 */
	bool	 own;			/* which is not one of the stream's */
	uint8_t	 cc;
	bool	 counting;		/* the counter of the PMT is ours: */
	bool	 dropped;
	struct rewrite rewrite;
	struct rewrite_sink sink;
	struct rewrite_version version;
	const struct programs *programs;	/* of the call */
	const struct stamp *stamp;
	struct psi_collect collect;	/* as long as it is not */
	size_t	 pmt_len;		/* the PMT as it came last; 0: none yet */
	uint8_t	 pmt[PSI_SECTION_MAX];
	unsigned nwaiting;
	size_t	 wait_len[CUEPID_WAITING];
	uint8_t	 wait[CUEPID_WAITING + 1][PSI_SECTION_MAX];	/* and one for work */

	size_t	 len;			/* packets to be sent: the caller takes them */
	uint8_t	 out[CUEPID_OUT];
};

/* only: packets of a PID for cues that the stream has itself are to go. */
void cuepid_init(struct cuepid *c, bool only);

/* Another stream follows; what waits stays. */
void cuepid_clear(struct cuepid *c);

/*
 * A packet on its way, before its times are moved.  True: it is not to be sent, what
 * is in out stands for it.
 */
bool cuepid_packet(struct cuepid *c, const struct programs *programs,
    const struct stamp *stamp, const struct ts_packet *pkt);

/*
 * A section, whose times move as all others do, into out or to wait.  Of length 0:
 * there will be some.
 */
void cuepid_put(struct cuepid *c, const struct stamp *stamp, const uint8_t *section,
    size_t len);

#endif
