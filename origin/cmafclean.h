/*
 * cmafclean.h - what earlier runs of an encoder left in a track's folder.
 *
 * Shape    A track that is ingested owns the names of segments in its folder:
 *          TIME.m4s, VERSION-TIME.m4s.  Those that its list does not have and that
 *          nobody has written for the window and CMAF_LATE_NS go.  Headers stay: they
 *          say which names were used, and may be in caches.  The list is copied,
 *          and a thread of the pool goes through the folder.
 * Threads  cmafclean_track(): under the channel's lock.
 * Errors   What cannot be deleted is found the next time.
 */
#ifndef CMAFCLEAN_H
#define CMAFCLEAN_H

#include "origin/cmaf.h"

/* Once in a while; costs nothing when it is not time yet. */
void cmafclean_track(struct cmaf_track *t);

#endif
