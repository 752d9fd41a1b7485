/*
 * failon.h - what an input of several fails on: --fail-on.
 *
 * Shape    condition=time, separated by commas.
 * Units    ns.
 * Threads  Pure functions.
 * Errors   A bad value ends the program with EXIT_USAGE.
 */
#ifndef FAILON_H
#define FAILON_H

#include <stdbool.h>
#include <stdint.h>

struct failon {
	int64_t	 loss_ns;		/* nothing comes, or no picture */
};

/* Only loss, 1 s. */
void failon_init(struct failon *f);
void failon_parse(struct failon *f, const char *list);

#endif
