/*
 * relayclash.h - an output that would come back as an input.
 *
 * Memory   Nothing is kept.
 * Threads  One.
 * Errors   None: what cannot be known is no clash.
 */
#ifndef RELAYCLASH_H
#define RELAYCLASH_H

#include <stdbool.h>

#include "transport/relay.h"

/* Would this leg receive what this output sends?  Of udp:// and rtp:// only. */
bool relayclash_loop(const struct leg *l, const struct output *o);

#endif
