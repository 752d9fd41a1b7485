/*
 * conn.h - one connection of httpd.h, between the loop and its two halves.
 *
 * Threads  All on the thread of the connection's loop.
 */
#ifndef CONN_H
#define CONN_H

#include <stdbool.h>

#include "lib/net/httpd.h"

#define CONN_READ	262144u	/* of a body at once */
#define CONN_READ_HEAD	32768u
#define CONN_OUT	16384		/* the longest head of a reply */
#define CONN_BATCH	262144u		/* of frames, sent at once */

struct wait_queue {
	atomic_uint loops;		/* one bit for each that has waiters */
	atomic_uint posted;		/* and for each that was told */
	struct link local[HTTPD_LOOPS_MAX];	/* each its loop's own */
	struct link grown;		/* in the list of the growing loop */
	struct object *object;		/* while in that list, a reference */
	int64_t	 due_ns;			/* and when it is to be seen to */
};

/* conn.c */
void conn_new(struct httpd_loop *l, int fd, const struct httpd_listener *from);
void conn_run(struct httpd_conn *c);
void conn_close(struct httpd_conn *c, bool reset);
void conn_timeout(struct httpd_conn *c);
void conn_arm(struct httpd_conn *c, enum httpd_timer timer);
void conn_disarm(struct httpd_conn *c);
void conn_later(struct httpd_conn *c);
void conn_free(struct httpd_conn *c);
/* A request has come; or something that is none, answered with status. */
void conn_begin(struct httpd_conn *c, const struct h1_request *r);
void conn_refuse(struct httpd_conn *c, int status);

/* listen.c: take in who waits there; events to look for at listeners (loop 0). */
void listen_accept(struct httpd_loop *l, const struct httpd_listener *from);
void listen_watch(struct httpd_loop *l, uint32_t events);

/* follow.c: wake those on l whose object has grown in this turn. */
void follow_run(struct httpd_loop *l);

/* reply.c: 1 all is sent, 0 it waits for the peer or for more, or -errno. */
int reply_run(struct httpd_conn *c);
/* The exchange is over and was clean: on to the next, or to the end. */
void reply_done(struct httpd_conn *c);
/* The first half of that: count it, and tell the application. */
void reply_count(struct httpd_conn *c);
/* n bytes went to the peer. */
void reply_sent(struct httpd_conn *c, size_t n);

/* Tell whom it may concern how much of an object was taken. */
void reply_taken(const struct httpd_conn *c);
/* Until the object has more: 1 if it has already, else 0. */
int reply_wait(struct httpd_conn *c);

#endif
