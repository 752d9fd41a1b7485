/*
 * address.h - what the addresses of all inputs and outputs have alike.
 *
 * Memory   Borrows all.
 * Threads  Pure functions.
 * Errors   -EINVAL with a reason as text.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "lib/base/url.h"
#include "lib/net/udp.h"

#define ADDRESS_NAME	32

/* Its key "name"; "" if there is none. */
int address_name(struct url *url, char name[static ADDRESS_NAME], char why[static UDP_WHY]);

/* Of a failure with a reason: the error that is still to be said; 0: none. */
int address_errno(int err, const char *why);

/* Is there a key that nobody has asked for, or one that is there twice? */
int address_rest(const struct url *url, char why[static UDP_WHY]);

#endif
