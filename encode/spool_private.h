/*
 * spool_private.h - the journal of a spool.
 *
 * A line is added for each change.  When most of them do not count any more, those that
 * do are written anew, beside what goes on, by the thread that syncs.
 *
 * Threads  With the lock held, but for journal_compact() and journal_sync(), which take
 *          it themselves.
 */
#ifndef ENCODE_SPOOL_PRIVATE_H
#define ENCODE_SPOOL_PRIVATE_H

#include "encode/spool.h"

#ifndef JOURNAL_SLACK
#define JOURNAL_SLACK	4096		/* lines that do not count, and are no trouble */
#endif

/* Put a piece into the list, and a line into the journal. */
int spool_note(struct spool *s, const struct piece *p);

int journal_read(struct spool *s);
int journal_write(struct spool *s);	/* all of it, at the start */

/* When it is time: as much as there is to be written.  0, or a negative errno. */
int journal_compact(struct spool *s);
int journal_sync(struct spool *s);

#endif
