/*
 * pagetoken.h - where a listing goes on: the last name that was given.
 *
 * Shape    base64url without padding of four bytes, a hash of the folder, and
 *          the name.  Who makes up one gets to see nothing that the listing
 *          from its beginning does not show, so it is checked but not signed.
 * Memory   Nothing allocates.
 * Threads  Pure functions.
 * Errors   -EINVAL for what is none, or of another folder.
 */
#ifndef PAGETOKEN_H
#define PAGETOKEN_H

#include <stddef.h>

#include "lib/net/h1.h"

#define PAGETOKEN_NAME	256
#define PAGETOKEN_MAX	352

void pagetoken_put(const char *folder, const char *name,
    char out[static PAGETOKEN_MAX]);
int pagetoken_parse(struct h1_str text, const char *folder,
    char name[static PAGETOKEN_NAME]);

#endif
