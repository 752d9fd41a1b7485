/*
 * access.h - the access log: a line for each request.
 *
 * Spec     The combined log format, then three more: bytes of the body that
 *          came in, seconds to the first byte of the answer, seconds to the last.
 * Shape    Each loop gathers lines and writes them when it has many, or after a
 *          second.  Quotes, backslashes and control characters become \xNN.
 *          Or a line is a JSON object, with the fields of MediaStore's log.
 * Threads  access_reopen() any; the others on the loop of the connection.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/net/httpd.h"

struct access_note;

struct access {
	const char *path;
	atomic_int fd;
	bool	 json;
	_Atomic uint64_t dropped;	/* lines */
};

/* 0 or -errno. */
int access_open(struct access *a, const char *path);
int access_reopen(struct access *a);

void access_begin(struct access *a, struct httpd_conn *c,
    const struct h1_request *r);
void access_end(struct access *a, struct httpd_conn *c, bool clean);
void access_flush(struct access *a, struct httpd_loop *l);

#endif
