/*
 * cmafseg.h - the segments of a track that is ingested: where one begins, its
 * bytes, its number, and when it goes.
 *
 * Threads  Under the channel's lock.  l is the loop of the caller.
 * Errors   Negative errno of the store.
 */
#ifndef CMAFSEG_H
#define CMAFSEG_H

#include "origin/cmaf.h"

/* A new header, whose bytes are taken on success. */
int cmafseg_header(struct cmaf_track *t, struct httpd_loop *l, uint8_t *bytes,
    size_t len, const struct cmaf_header *h);

/* Does a chunk begin a segment? */
bool cmafseg_begins(const struct cmaf_track *t, const struct cmaf_chunk *c);

/* Unless the bytes at this time were others. */
bool cmafseg_same(const struct cmaf_track *t, const struct cmaf_chunk *c);

/* What is before this is no repetition. */
uint64_t cmafseg_old(const struct cmaf_track *t);

/* Take a chunk of s. */
int cmafseg_chunk(struct cmaf_track *t, struct cmaf_sender *s,
    const struct cmaf_chunk *c, const uint8_t *p, size_t len);

/*
 * The open segment, if any, is whole (l NULL: no loop runs any more); and the
 * track has come to its end.
 */
void cmafseg_end(struct cmaf_track *t, struct httpd_loop *l);
void cmafseg_finish(struct cmaf_track *t, struct httpd_loop *l);

#endif
