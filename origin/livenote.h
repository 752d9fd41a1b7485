/*
 * livenote.h - what a low-latency playlist says, and its other forms: read once
 * when it becomes an object, made when they are first asked for.
 *
 * Shape    Hangs on the object (object.h) and goes with it.
 * Memory   Borrows the object's text; the forms are objects within the store's
 *          budget.
 * Threads  Any.
 * Errors   Negative errno.
 */
#ifndef LIVENOTE_H
#define LIVENOTE_H

#include <pthread.h>

#include "lib/media/hlslow.h"
#include "origin/pack.h"

enum live_form { LIVE_WHOLE, LIVE_DELTA, LIVE_DELTA_RANGES, LIVE_FORMS };

struct live_note {
	struct hlslow low;
	pthread_mutex_t lock;		/* of what follows */
	struct hlslow_known known;
	char	*removed;
	struct object *form[LIVE_FORMS][2];	/* [1]: may be kept for long */
	char	 type[STORE_FIELD];
};

/* Read o, a playlist in memory, and hang a note on it if it is of this kind. */
int live_note_add(struct object *o, const char *type);

static inline struct live_note *
live_note_of(struct object *o)
{
	return o == NULL ? NULL : o->note;
}

/* Which date ranges everyone knows; removed is taken. */
void live_note_know(struct live_note *n, uint64_t old, char *removed);

/*
 * The form that was asked for.  Gives a reference, also to o itself where that
 * will do.  asked: it waited, or would have, and its address names one state.
 */
int live_note_form(const struct store *s, const char *path, struct object *o,
    const struct hlslow_ask *ask, struct object **out);

#endif
