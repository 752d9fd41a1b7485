/*
 * list.h - ListItems: what is in a folder, a page at a time, by name.
 *
 * Shape    GET /?Path=&MaxResults=&NextToken=.  A page is one reading of the
 *          folder, of which the first names behind the token are kept: so it
 *          takes time for all that is there, but memory for a page only, and
 *          a token stays good whatever is put and deleted meanwhile.
 * Threads  list_* on the loop; the reading on the pool, LIST_MAX at a time.
 */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>

#include "lib/net/httpd.h"

#define LIST_ITEMS	1000		/* of a page, at most and by default */
#define LIST_MAX	2

/* Is r for the root, with one of the listing's parameters? */
bool list_asked(const struct h1_request *r);

/* Answer it, later. */
void serve_list(struct httpd_conn *c, const struct h1_request *r);

#endif
