/*
 * streamid.h - the user in a stream id of SRT: "#!::u=name,r=channel".
 *
 * Spec     SRT Access Control (StreamID) Guidelines: "#!::", then key=value by commas.
 * Memory   Nothing allocates.
 * Threads  Pure function.
 * Errors   False: it is not of that form, has no user, or one with no room for it.
 */
#ifndef STREAMID_H
#define STREAMID_H

#include <stdbool.h>
#include <stddef.h>

bool streamid_user(const char *id, char *user, size_t size);

#endif
