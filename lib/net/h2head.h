/*
 * h2head.h - heads of HTTP/2 as text of HTTP/1.1, and the other way.
 *
 * Spec     RFC 9113 8.2, 8.3.
 * Memory   A head takes its size from the budget while it lives.
 * Threads  None.
 * Errors   The status to answer with.
 */
#ifndef H2HEAD_H
#define H2HEAD_H

#include <nghttp2/nghttp2.h>

#include "lib/net/httpd.h"

#define H2_HEAD_FIELDS	64

struct h2_head;

struct h2_head *h2_head_new(struct budget *memory);
void h2_head_free(struct h2_head *h, struct budget *memory);
void h2_head_clear(struct h2_head *h);

/* Pseudo-header fields come first; nghttp2 sees to that. */
void h2_head_add(struct h2_head *h, struct h1_str name, struct h1_str value);

/*
 * Read what was added as a request, which borrows h; end: it has no body.  0, or the
 * status to refuse it with.
 */
int h2_head_parse(struct h2_head *h, struct h1_request *r, bool end);

/*
 * The fields of a reply.  Returns how many; they borrow r, the loop's head buffer
 * and text.
 */
size_t h2_head_put(struct httpd_conn *c, const struct httpd_reply *r,
    nghttp2_nv nv[static H2_HEAD_FIELDS], char text[static 32]);

#endif
