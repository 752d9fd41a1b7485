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

#define CUE_STREAM_TYPE	0x86		/* SCTE 35 8.1 */

struct cue_options {
	bool	 json;
	bool	 damaged;		/* show sections with a wrong CRC, too */
	uint16_t pid;			/* 0: every PID that the tables say has cues */
	const char *stats;		/* target, or NULL */
	const char *file;		/* of lines, or NULL */
	const char *control;		/* path, or NULL */
	uint32_t id;			/* the first that is given by itself */
	uint64_t null_ns, preroll_ns;	/* 0: no heartbeat */
	unsigned repeat;
	uint16_t program;		/* 0: the first */
	int	 nrule;			/* rules as arguments */
	char	**rule;
	int	 nsection;		/* sections as arguments */
	char	**section;
};

int cue_show(const struct cue_options *o);
int cue_insert(const struct cue_options *o);
int cue_map(const struct cue_options *o);
int cue_strip(const struct cue_options *o);

#endif
