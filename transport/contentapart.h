/*
 * contentapart.h - how far legs of content.h are apart, though it be more than its window.
 *
 * Of one packet of many it is kept when a leg brought it first, for seconds; which ones
 * is in what they contain, so they are the same of each leg.
 *
 * Units    ns, as in content.h.
 * Memory   That of struct content; nothing allocates.
 * Threads  One.
 * Errors   None.
 */
#ifndef CONTENTAPART_H
#define CONTENTAPART_H

#include "transport/content.h"

/* A packet that is not mute has come now.  h: its hash. */
void content_compare(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    uint64_t h);
void content_forget_samples(struct content *c, unsigned leg);

#endif
