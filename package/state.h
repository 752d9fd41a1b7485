/*
 * state.h - a presentation as text, so that another run can go on with it.
 *
 * The object STATE_NAME lies beside the playlists, and is written before them
 * and after the segments: all that it names exists.
 *
 * Memory   state_put() gives the text; state_parse() fills an empty pres.
 * Errors   -EBADMSG, -ENOMEM.
 */
#ifndef STATE_H
#define STATE_H

#include <stddef.h>

#include "package/pres.h"

#define STATE_NAME	"mpkg-segment.json"

char *state_put(const struct pres *p, size_t *len);
int state_parse(struct pres *p, const char *text, size_t len);

#endif
