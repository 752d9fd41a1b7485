/*
 * replay.h - a recording, or any capture, instead of inputs: --replay.
 *
 * Of a recording of the relay (recorder.h) every datagram comes again with its time
 * of arrival, and what is due is asked for at the times at which it was: the
 * decisions are the same.  Of other captures, inputs are picked by address and port,
 * and what is due is asked for when it is.
 *
 * Shape    The clock is what the capture says: it waits for nobody but the outputs.
 *          Times that go back, or on by more than a day, are laid together.
 * Units    ns of the clock of the recording, or since 1970.
 * Memory   replay_free() gives all back.
 * Threads  One.
 * Errors   Ends the program with EXIT_USAGE for inputs that cannot be picked; else
 *          negative errno.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>

#include "transport/relay.h"

struct replay;

/* Open it, and look what it is: flow becomes as that of the recording was. */
int replay_open(struct replay **p, const char *path, struct flow_config *flow);
void replay_free(struct replay *p);

/* Take datagrams to this address for an input; "udp://" or "rtp://". */
int replay_pick(struct replay *p, struct relay *r, const char *text,
    char why[static UDP_WHY]);

/* All of it, to the outputs that there are.  The exit status. */
int replay_run(struct replay *p, struct relay *r);

#endif
