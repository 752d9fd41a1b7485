/*
 * cue.h - the commands of mlive-cue.
 *
 * Each reads standard input to its end, or until a stop is asked for, and returns the
 * exit status; what cannot go on ends with fatal().
 */
#ifndef SCHEDULE_CUE_H
#define SCHEDULE_CUE_H

#include <stdbool.h>
#include <stdint.h>

struct cue_options {
	bool	 json;
	bool	 damaged;		/* show sections with a wrong CRC, too */
	uint16_t pid;			/* 0: every PID that the tables say has cues */
	int	 nsection;		/* sections as arguments */
	char   **section;
};

int cue_show(const struct cue_options *o);
int cue_strip(const struct cue_options *o);

#endif
