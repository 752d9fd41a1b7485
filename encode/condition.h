/*
 * condition.h - which cues the pictures are made for: --condition.
 *
 * Shape    all, none, or a list of splice_insert, time_signal and segmentation types:
 *          "splice_insert,0x34,0x36".
 * Spec     ANSI/SCTE 35 10.3.3.1, table 23: segmentation_type_id.
 * Errors   A bad value ends the program with EXIT_USAGE.
 */
#ifndef ENCODE_CONDITION_H
#define ENCODE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/scte35.h"

struct condition {
	bool	 insert, signal;	/* all splice_inserts, all time_signals */
	bool	 type[256];		/* time_signals with one of these types */
};

void condition_parse(struct condition *c, const char *arg);

/* Is this message one of them?  Only of the two commands; one that cancels is none. */
bool condition_wants(const struct condition *c, const struct scte35 *s);

#endif
