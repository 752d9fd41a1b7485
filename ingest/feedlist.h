/*
 * feedlist.h - the units that a feed keeps: in whole groups of pictures, from a
 * random access point that is keep_ns old on.
 *
 * Memory   feedlist_add() takes the unit.
 * Threads  One.
 */
#ifndef FEEDLIST_H
#define FEEDLIST_H

#include "ingest/feed.h"

/* A unit has come; what is too old goes. */
void feedlist_add(struct feed *f, struct feed_unit *u, int64_t now_ns);

/* All go. */
void feedlist_clear(struct feed *f);

#endif
