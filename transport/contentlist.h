/*
 * contentlist.h - the list of packets in which content.h keeps one stream.
 *
 * Shape    Nodes by their number; 0 is none.  A node is free, in the list, or waits: in
 *          a list of its leg.
 *          What is in the list is found by its hash, and the cost of that does not
 *          depend on how long the list is.
 * Memory   The nodes are those of struct content; nothing allocates.
 * Threads  One.
 * Errors   None, but content_node_new() gives 0 when all are in use.
 */
#ifndef CONTENTLIST_H
#define CONTENTLIST_H

#include "transport/content.h"

uint64_t content_hash(const uint8_t p[static TS_PACKET]);

/* Of a packet that came now, not in the list.  h: its hash. */
uint32_t content_node_new(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    uint64_t h, bool mute);
void content_node_free(struct content *c, uint32_t n);

/* Into the list, behind a node, or 0: before all; and out of it. */
void content_link(struct content *c, uint32_t n, uint32_t behind);
void content_unlink(struct content *c, uint32_t n);

/*
 * The first of that hash that is not mute, from one on, and the one behind that;
 * 0: there is none.
 */
uint32_t content_find(const struct content *c, uint32_t from, uint64_t h);
uint32_t content_find_next(const struct content *c, uint32_t n);

/*
 * The same, but not by a table, or by what is in the list more than once: that would
 * not say where.
 */
uint32_t content_find_sure(const struct content *c, uint32_t from, uint64_t h);

/* To the end of what waits of its leg; and out of that. */
void content_wait(struct content *c, uint32_t n);
void content_unwait(struct content *c, uint32_t n);

/* One that waits, of any leg, of that hash; content_find_next() is the next; 0: none. */
uint32_t content_find_waiting(const struct content *c, uint64_t h);

bool content_is_table(const uint8_t p[static TS_PACKET]);

#endif
