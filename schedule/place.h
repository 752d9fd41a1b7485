/*
 * place.h - where cues go into a stream: the programs, the PID, the PMT.
 *
 * The PID is the one that is asked for, else that which the program has for cues, else
 * the first free one from PLACE_FIRST on.  Cues are announced in the program that is
 * asked for; else in the first one, and in all that have the same clock: they are the
 * renditions of a ladder, mts(7).
 *
 * Spec     SCTE 35 8.1: stream_type 0x86, registration "CUEI" of the program.
 * Memory   One struct; nothing allocates.
 * Errors   A PID that is taken by something else ends with fatal() before anything
 *          has been announced on it; later it is a warning, and there is no place.
 */
#ifndef SCHEDULE_PLACE_H
#define SCHEDULE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/psi.h"
#include "schedule/tables.h"

#define PLACE_FIRST	500

struct place {
	uint16_t pid;			/* 0: there is none yet */
	uint16_t pcr_pid, time_pid;	/* of the program; its pictures, or sound */

	/* private */
	uint16_t asked_pid, asked_program, program;
	bool	 shared;		/* the source has cues on the PID */
	bool	 announced, warned;
	unsigned rounds;		/* PMTs of the program so far */
	bool	 taken[TS_NPID];	/* for something else than cues */
	bool	 cues[TS_NPID];
	uint8_t	 desc[1024];		/* of a program, with its registration */
};

void place_init(struct place *p, uint16_t pid, uint16_t program);

/* As tables_edit(). */
bool place_edit(struct place *p, const struct tables *t, struct pmt *pmt);

/* A packet of the source came on the PID that was free; another has to be found. */
void place_collision(struct place *p);

#endif
