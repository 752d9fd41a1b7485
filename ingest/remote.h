/*
 * remote.h - an object of S3, or a file of a web server, read from any place.
 *
 * What follows the place at hand is read ahead, and the beginning is kept.  When the transfer breaks it goes on
 * from there; another place is another request, unless it is just ahead.
 *
 * Spec     RFC 9110 14 (ranges), by lib/net/fetch.h and lib/net/s3.h.
 * Units    Bytes; deadlines on CLOCK_MONOTONIC in ns.
 * Memory   remote_new_...() gives, remote_free() takes back.
 * Threads  One.
 * Errors   Negative errno as of fetch.h, and -EINTR once a stop was asked for; remote_why()
 *          has the reason.
 */
#ifndef REMOTE_H
#define REMOTE_H

#include <stdint.h>

struct remote;

/* NULL: the address is wrong, -EINVAL, or its keys cannot be read. */
struct remote *remote_new_s3(const char *url, int *err, char reason[static 160]);
struct remote *remote_new_http(const char *url);	/* NULL: no memory */
void remote_free(struct remote *r);

/* Up to size bytes, 0 at the end; or -EAGAIN at the deadline, which may be INT64_MAX. */
int remote_read(struct remote *r, uint8_t *buf, int size, int64_t deadline_ns);

/* As lseek(2), or AVSEEK_SIZE of libavformat: the size.  -1: it is not known. */
int64_t remote_seek(struct remote *r, int64_t offset, int whence);

const char *remote_why(const struct remote *r);

/* Attempts that failed. */
uint64_t remote_retries(const struct remote *r);

#endif
