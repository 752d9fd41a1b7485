/*
 * why.h - the reason of a failure, as text, for who prints it.
 *
 * Memory   The caller's array, of WHY_ROOM; what is longer is cut.
 * Threads  Pure functions.
 * Errors   They return what the caller is to return.
 */
#ifndef WHY_H
#define WHY_H

#include <errno.h>

#include "lib/base/log.h"

#define WHY_ROOM	256

/* Returns r. */
int why_failed(char why[static WHY_ROOM], int r, const char *fmt, ...) PRINTFLIKE(3, 4);

/* What was asked for is wrong: -EINVAL. */
#define why_wrong(why, ...)	why_failed(why, -EINVAL, __VA_ARGS__)

#endif
