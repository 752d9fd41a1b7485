/*
 * tables.h - a transport stream that passes, with other PMTs.
 *
 * Takes packets in order.  Those of PMTs are collected; in the place of the last of each
 * section comes the section as it has been edited, with a version of its own, in
 * packets that count for themselves.  All others are not touched.
 *
 * Spec     ISO/IEC 13818-1 2.4.4.
 * Memory   One struct, big; nothing allocates.
 * Errors   Sections that are damaged are left out.
 */
#ifndef SCHEDULE_TABLES_H
#define SCHEDULE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/psi.h"
#include "lib/media/ts.h"

#define TABLES_PACKETS	8		/* of a PMT, at most */

/*
 * Change the PMT; what it points to may be that of the editor.  Called for each that
 * comes, so it has to do the same each time.
 */
typedef void tables_edit(void *arg, struct pmt *pmt);

struct tables {
	tables_edit *edit;
	void	*arg;

	/* private */
	struct pat pat;
	struct psi_collect pat_collect;
	struct tables_pmt {
		struct psi_collect collect;
		uint8_t	 cc;
	} pmt[PSI_PROGRAMS_MAX];	/* of pat.program[] */
	uint8_t	 role[TS_NPID];		/* of a PMT: its first program in the PAT, plus 1 */
};

void tables_init(struct tables *t, tables_edit *edit, void *arg);

/*
 * Returns 0 if the packet is to be passed as it is, else it is a part of a PMT: then 1,
 * and *len bytes of out stand in its place.
 */
int tables_packet(struct tables *t, const struct ts_packet *pkt,
    uint8_t out[static TABLES_PACKETS * TS_PACKET], size_t *len);

#endif
