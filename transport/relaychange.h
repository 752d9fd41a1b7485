/*
 * relaychange.h - an output gets another address, and stays the one that it is.
 *
 * Shape    The new one is opened first.  When it is to have the port that the old one
 *          has, that one ends before, and until the port is free nothing is sent; if the
 *          new one cannot be opened then, the old one is again.
 * Units    ns on CLOCK_MONOTONIC.
 * Threads  One.
 * Errors   As relay_add_output(): then the old one is as it was.
 */
#ifndef RELAYCHANGE_H
#define RELAYCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "transport/relay.h"

/* Its name, its place, its counts and whether it is paused stay. */
int relaychange(struct relay *r, unsigned n, const char *text, char why[static UDP_WHY]);

/*
 * Of the outputs of the configuration that are not seen there, that which text is another
 * address of, by its name or, of SRT and RIST, the port to call at: its number, or -1.
 */
int relaychange_find(const struct relay *r, const char *text);

/* Those that wait for their ports. */
void relaychange_turn(struct relay *r, int64_t now_ns);

#endif
