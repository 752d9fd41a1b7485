/*
 * cutter.h - what the parts of the cutter (cut.h) share.
 */
#ifndef CUTTER_H
#define CUTTER_H

#include "package/cut.h"

/* cut.c: what ties the first sample of a base to media time. */
void cutter_base(struct cutter *c, const struct sample *s);

/* start.c: running from now on, when enough is known. */
void cutter_start(struct cutter *c, bool eof);

/* guide.c: the largest video that has come, or the first audio; NULL: none yet. */
struct track *guide_choose(const struct cutter *c);

/* A track that begins long before the first random access point of the guide. */
struct track *guide_leader(const struct cutter *c);

/*
 * When nothing comes from the guide any more, another track takes its place until
 * it is back: radio goes on without the camera.
 */
void guide_keep(struct cutter *c, bool eof);

/* Home is (back) there, before what comes next from the one in its place. */
bool guide_go_home(struct cutter *c);

#endif
