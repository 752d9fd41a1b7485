/*
 * programs.h - which PID belongs to which program, by PAT and PMT; and the PAT
 * of a stream that has been cut down to one of them.
 *
 * Spec     ISO/IEC 13818-1 2.4.4; CA_PID: 2.6.16.
 * Memory   One struct, big; nothing allocates.
 * Errors   None: damaged sections are counted, what was known stays.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/psi.h"
#include "lib/media/ts.h"

#define PROGRAMS_PIDS	(PSI_STREAMS_MAX + 32)

struct programs {
	unsigned chosen;		/* program_number, 0: all */
	uint16_t pcr_pid;		/* of the chosen or the first; or TS_PID_NULL */
	bool	 complete;		/* the PMT of every program has been seen */
	uint64_t pat_changes, pmt_changes, pat_errors, pmt_errors;

	/* private: */
	bool	 pat_seen;
	struct pat pat;
	uint8_t	 pat_cc;
	struct programs_entry {
		bool	 seen;
		uint8_t	 version;
		uint32_t crc;
		uint16_t pcr_pid;
		unsigned n;
		uint16_t pid[PROGRAMS_PIDS];
	} entry[PSI_PROGRAMS_MAX];
	struct psi_collect pat_collect, pmt_collect[PSI_PROGRAMS_MAX];
	uint8_t	 role[TS_NPID];
};

void programs_init(struct programs *p, unsigned chosen);

/* Another stream follows: forget the tables, keep the counters. */
void programs_clear(struct programs *p);

/* Take note of a packet that is in order. */
void programs_packet(struct programs *p, const struct ts_packet *pkt);

/* Is this PID of a program that was not chosen, and of no other? */
bool programs_drops(const struct programs *p, uint16_t pid);

/* The PID of the PMT of the chosen or the first program; TS_PID_NULL: not yet known. */
uint16_t programs_pmt_pid(const struct programs *p);

/* Is a PID named in any table? */
bool programs_lists(const struct programs *p, unsigned pid);

/* Does it carry a PAT or PMT? */
bool programs_is_table(const struct programs *p, uint16_t pid);

/*
 * A PAT with the chosen program only, in place of a packet that begins one.
 * False: there is no such program (any more), or no PAT yet.
 */
bool programs_pat(struct programs *p, uint8_t pkt[static TS_PACKET]);

/* "1, 2, 5": the programs there are. */
void programs_list(const struct programs *p, char *buf, size_t size);

#endif
