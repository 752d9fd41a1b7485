/*
 * tool.h - mpkg-segment as a whole, and its command line.
 *
 * Errors   A bad option ends the program with EXIT_USAGE.
 */
#ifndef PACKAGE_TOOL_H
#define PACKAGE_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/stats.h"
#include "package/pack.h"

struct tool {
	const char *output, *stats_target, *token_file, *utc_timing;
	size_t	 buffer;
	struct pack pack;
	struct stats stats;
	int64_t	 retry_at, retry_pause, retry_since;	/* of reading back; 0: not yet */
	bool	 regular_file, failing, warned_empty;
	uint64_t dropped_told;
	uint8_t	*in;
	size_t	 len;
};

/* options.c: what is asked for, in s and in what it is made of. */
void options_parse(struct tool *s, int argc, char *argv[]);

#endif
