/*
 * relaynumbers.h - what mconnect-relay counts of itself, its legs and outputs.
 *
 * Names    Those of MediaConnect where it has one, in lower case; see numbers.h.
 * Units    Datagrams, where a name says packets, but for total_packets of the whole:
 *          packets of the transport stream.  What is "lately" is of the last second.
 * Memory   By value.
 * Threads  One.
 * Errors   None.
 */
#ifndef RELAYNUMBERS_H
#define RELAYNUMBERS_H

#include "transport/relay.h"

/* Once a second, whoever asks how often: begin another second. */
void relay_measure(struct relay *r, int64_t now_ns);

struct numbers relay_numbers(const struct relay *r, int64_t now_ns);
struct numbers relay_leg_numbers(const struct relay *r, unsigned leg, int64_t now_ns);
struct numbers relay_output_numbers(const struct relay *r, const struct output *o,
    int64_t now_ns);

/* Data came, or went, within the last second. */
bool relay_leg_alive(const struct relay *r, unsigned leg, int64_t now_ns);
bool relay_output_alive(const struct output *o, int64_t now_ns);

#endif
