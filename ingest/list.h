/*
 * list.h - a list of files, or a folder, as one source: file after file without a gap.
 *
 * Each file is read by a process of its own (feed.h), so that whatever mlive-ingest
 * reads as one source can be in a list; the next one has begun before the one before it
 * ends.  What comes is taken apart and laid on one timeline, on which a file begins
 * where the pictures of the one before end; sound that would be there twice is left out.
 * A list that loops, and a folder that is watched, is read again each time.
 *
 * Units    90 kHz.
 * Memory   list_open() gives a source.
 * Threads  One.
 * Errors   As source.h.  A file that cannot be played is left out with a warning; in the
 *          end that is the source's verdict.
 */
#ifndef LIST_H
#define LIST_H

#include "ingest/source.h"

/* Is this path a folder, or by its name a list? */
bool list_is(const char *path);

struct source *list_open(const struct source_config *cfg, const char *path);

#endif
