/*
 * cmafput.h - requests to ingest: which they are, and their bodies.
 *
 * Spec     DASH-IF Live Media Ingest Protocol 1.2, 4 and 5.
 * Shape    CHANNEL/Streams(TRACK.cmfv), by POST or PUT; CHANNEL/TRACK.cmfv by POST,
 *          and what --cmaf-ingest matches by PUT as well.  For one object a
 *          segment also CHANNEL/TRACK/init.cmfv and CHANNEL/TRACK/NUMBER.cmfv.
 * Threads  The connection's loop.
 */
#ifndef CMAFPUT_H
#define CMAFPUT_H

#include "origin/cmaf.h"

/* Is it a request to ingest?  path is that in the root. */
bool cmafput_is(const struct cmaf *m, const char *path, bool post);

/* Split a path of that kind.  0 or -EINVAL. */
int cmafput_names(const char *path, char channel[static HTTP_PATH_MAX],
    char track[static CMAF_NAME]);

/* May r write all that comes of it?  False: it was answered. */
bool cmafput_may(struct httpd_conn *c, const struct h1_request *r, const char *path);

void cmafput_begin(struct httpd_conn *c, const struct h1_request *r, const char *path);
void cmafput_body(struct httpd_conn *c, const void *data, size_t len);
void cmafput_end(struct httpd_conn *c);

#endif
