/*
 * list.h - ListItems: what is in a folder, a page at a time, by name.
 *
 * Shape    GET /?Path=&MaxResults=&NextToken=.  The gate was asked for the folder,
 *          not for "/".  A token stays good whatever is put and deleted meanwhile.
 * Threads  list_* on the loop; the reading on the pool, LIST_MAX at a time.
 */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>

#include "lib/net/http.h"
#include "lib/net/httpd.h"

#define LIST_MAX	2

struct serve;

/*
 * Is r for the root, or for that of a container as a client has it whose endpoint
 * is http://HOST/CONTAINER, with one of the listing's parameters?
 */
bool list_asked(struct serve *s, const struct h1_request *r);

/*
 * The folder that such a request names, made plain: no slash at either end, empty
 * for the root.  A container that Host names comes before it.  -EINVAL.
 */
int list_folder(const struct h1_request *r, char folder[static HTTP_PATH_MAX]);

/* Answer it, later. */
void serve_list(struct httpd_conn *c, const struct h1_request *r);

#endif
