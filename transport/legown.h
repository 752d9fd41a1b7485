/*
 * legown.h - legs that are not of the network: files, pipes, recordings.
 *
 * Memory   As leg.h.
 * Threads  One.
 * Errors   As leg_open().
 */
#ifndef LEGOWN_H
#define LEGOWN_H

#include "lib/leg/leg.h"

/* For leg_open(): a file, a named pipe or standard input. */
int legown_open(struct leg *l, struct url *url, char why[static UDP_WHY]);

/*
 * One that is never read: its datagrams are given to leg_datagram() and leg_fec(), see
 * replay.h.
 */
int leg_open_replay(struct leg *l, const char *id, const char *text);

#endif
