/*
 * tables.h - a transport stream that passes, with other PMTs.
 *
 * Takes packets in order.  In the place of the last packet of a PMT comes the section
 * as it has been edited; one that is not edited passes as it is.  Once a program's PMT
 * has been edited its version is one of our own, which changes whenever that of the
 * source does or what we make of it.
 *
 * Spec     ISO/IEC 13818-1 2.4.4.
 * Memory   Allocates once for each PID that carries PMTs.
 * Errors   Sections that are damaged, or cannot be written, stay as they are.
 */
#ifndef SCHEDULE_TABLES_H
#define SCHEDULE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/psi.h"
#include "lib/media/rewrite.h"
#include "lib/media/ts.h"
#include "schedule/pass.h"

/*
 * Change the PMT, and say whether you did; what it points to may be that of the editor.
 * Called for each that comes, so it has to do the same each time.
 */
typedef bool tables_edit(void *arg, struct pmt *pmt);

struct tables {
	struct pat pat;			/* of the source, n is 0 before it has come */
	bool	 seen[PSI_PROGRAMS_MAX];	/* the PMTs of pat.program[] */

	/* private */
	struct pass *pass;
	tables_edit *edit;
	bool	 watch;
	void	*arg;
	struct psi_collect pat_collect;
	struct tables_program {
		bool	 full;
		struct rewrite_version version;
	} program[PSI_PROGRAMS_MAX];
	struct rewrite *pmt[TS_NPID];	/* of the PIDs that carry PMTs */
};

/* watch: edit() only looks, and all packets pass where they are. */
void tables_init(struct tables *t, struct pass *pass, tables_edit *edit, bool watch,
    void *arg);

/* In the packet() of pass.  Returns true if it was a part of a PAT or PMT. */
bool tables_packet(struct tables *t, const struct ts_packet *pkt, bool damaged);

/* At the end. */
void tables_flush(struct tables *t);

#endif
