/*
 * steer.h - does what a command says to the rungs of a ladder, and to what lies over them.
 *
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_STEER_H
#define ENCODE_STEER_H

#include "encode/command.h"
#include "encode/ladder.h"

/* "ok", "ok" and what it shows, "error: " and what is wrong, or nothing. */
void steer(struct ladder *l, char *line, char answer[static OVERLAY_ANSWER]);

#endif
