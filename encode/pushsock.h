/*
 * pushsock.h - the socket of a target, with TLS or without, and waiting for it.
 *
 * Shape    Nothing waits longer than it is told to, or than until quit is set; but for the
 *          look-up of a name, which the system does in its own time.
 * Units    Deadlines are ns on CLOCK_MONOTONIC.
 * Memory   pushsock_close() gives all back, and may be called at any time.
 * Threads  Belongs to one thread.
 * Errors   Negative errno, and why in words; -EINTR: quit is set; -EAGAIN.
 */
#ifndef ENCODE_PUSHSOCK_H
#define ENCODE_PUSHSOCK_H

#include <stdatomic.h>

#include "encode/pushqueue.h"
#include "encode/pushurl.h"
#include "lib/net/tlsclient.h"

struct pushsock {
	int	 fd;			/* -1: closed */
	bool	 tls;
	struct tlsclient session;
	struct pushqueue *queue;	/* its wake ends a wait as well */
	const atomic_bool *quit;
	char	 why[WHY_ROOM];
};

void pushsock_init(struct pushsock *s, struct pushqueue *q, const atomic_bool *quit);

/* To the server of u, and TLS with it. */
int pushsock_open(struct pushsock *s, const struct pushurl *u, int64_t deadline_ns);
void pushsock_close(struct pushsock *s);

/* What has come of events; 0: nothing yet, look again; or -EINTR. */
int pushsock_wait(struct pushsock *s, short events, int64_t deadline_ns);

ssize_t pushsock_read(struct pushsock *s, void *p, size_t len);	/* 0: it has ended */
ssize_t pushsock_write(struct pushsock *s, const void *p, size_t len);

/* No more will be written. */
void pushsock_end(struct pushsock *s);

/* The time of a round trip as the system measures it, or 0. */
uint32_t pushsock_rtt_us(const struct pushsock *s);

#endif
