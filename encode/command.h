/*
 * command.h - commands at run time: --control.
 *
 * Shape    "set RUNG [rate=RATE] [quality=LEVEL|auto]" and "show RUNG", where a rung
 *          is its number, from 1, or its size as it was written: mlive-encode(1).
 * Memory   Nothing allocates; a command borrows the line.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_COMMAND_H
#define ENCODE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_ANSWER	200

struct command {
	bool	 show;
	const char *rung;
	uint64_t rate;			/* bit/s; 0: as it is */
	bool	 has_quality;
	int	 quality;		/* in thousandths; 0: auto */
};

/* 1, 0 for a blank line, or -1 with what is wrong in error; the line is cut up. */
int command_parse(struct command *c, char *line, char error[static COMMAND_ANSWER]);

#endif
