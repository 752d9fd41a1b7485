/*
 * contentput.h - where in the list of content.h the packets of a leg go.
 *
 * A leg's place is the last packet of the list that it has brought.  What waits of it
 * stands behind that, and before what it has in common with the list next.
 *
 * Memory   The nodes are those of struct content; nothing allocates.
 * Threads  One.
 * Errors   None.
 */
#ifndef CONTENTPUT_H
#define CONTENTPUT_H

#include "transport/content.h"

#define CONTENT_ALIKE	32		/* null packets, for a hole that only they are in */

/* Is the node that was a leg's place still in the list?  Is it the last one? */
bool content_has_place(const struct content *c, const struct content_leg *l);
bool content_at_end(const struct content *c, const struct content_leg *l);
void content_set_place(struct content *c, struct content_leg *l, uint32_t n);

/* What comes behind the place of a leg: if that has gone out, the first there is. */
uint32_t content_behind_place(const struct content *c, const struct content_leg *l);

/* Is what comes there a mute packet of that hash? */
bool content_is_next(const struct content *c, const struct content_leg *l, uint64_t h);

/* A node that no leg has brought before. */
void content_insert(struct content *c, uint32_t n, uint32_t behind);

/* A packet of the leg is that of node n; and so is the first of it that waits. */
void content_match(struct content *c, struct content_leg *l, uint32_t n);
void content_put_first(struct content *c, struct content_leg *l, uint32_t n);

/* One of that hash near its place that it has not brought yet: moved there; or 0. */
uint32_t content_take_near(struct content *c, const struct content_leg *l, uint64_t h);

/*
 * What waits up to node w (0: all) goes into the list behind the leg's place, and before
 * node end (0: there is none): unless it is there already.
 */
void content_put_waiting(struct content *c, struct content_leg *l, uint32_t upto,
    uint32_t end);

/* The first n that wait are given up. */
void content_drop_oldest(struct content *c, struct content_leg *l, uint32_t n,
    uint64_t *count);

#endif
