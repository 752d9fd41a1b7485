/*
 * state.h - a presentation as text, so that another run can go on with it.
 *
 * The object STATE_NAME lies beside the playlists, and is written before them
 * and after the segments: all that it names exists.  It is written anew with each
 * segment, so a long presentation must not be in it: older segments are in archives,
 * objects of their own that are written once, before the state that names them.
 * A presentation that has ended has no segments in its state, and no archives.
 *
 * Memory   The functions that put give text; state_parse() fills an empty pres.
 * Errors   -EBADMSG, -ENOMEM, and what get() returns.
 */
#ifndef STATE_H
#define STATE_H

#include <stddef.h>

#include "package/pres.h"

#define STATE_NAME	"mpkg-segment.json"

#define STATE_ARCHIVE	64		/* segments */
#define STATE_ARCHIVE_NAME 48

/* How an archive is read: 0, and gives *text; -ENOENT, or why not. */
typedef int state_get(void *arg, const char *name, char **text, size_t *len);

char *state_put(const struct pres *p, size_t *len);
int state_parse(struct pres *p, const char *text, size_t len, state_get *get, void *arg);

/* "mpkg-segment-17.json" */
void state_archive_name(int64_t number, char name[static STATE_ARCHIVE_NAME]);

/*
 * Seal the oldest segments that are in no archive, when there are more than enough.
 * Returns 1, gives the archive's text and says its number, or 0, -ENOMEM.
 */
int state_seal(struct pres *p, char **text, size_t *len, int64_t *number);

/* The segments from this index on have changed: their archives are not true. */
void state_unseal(struct pres *p, size_t from);

/* The first n segments are going: 1 with the number of an archive that is empty then. */
int state_forget(struct pres *p, size_t *n, int64_t *number);

#endif
