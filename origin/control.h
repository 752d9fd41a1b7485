/*
 * control.h - the control plane: containers and their policies, by AWS's API.
 *
 * Spec     AWS JSON 1.1: POST / with X-Amz-Target: MediaStore_20170901.Operation;
 *          operations, members and errors of MediaStore, and Put-, Get- and
 *          DeleteLimitPolicy of ours.
 * Shape    On the admin listener only.  A body is gathered, then carried out on
 *          the pool, as changes wait for the disk.
 * Memory   At most CONTROL_BODY for each request.
 * Threads  The loop of the connection.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "lib/net/httpd.h"

#define CONTROL_BODY	(256u * 1024)

struct control;

bool control_is(const struct h1_request *r);
void control_request(struct httpd_conn *c, const struct h1_request *r);
void control_body(struct httpd_conn *c, const void *data, size_t len);
void control_body_end(struct httpd_conn *c);
void control_free(struct control **k);

#endif
