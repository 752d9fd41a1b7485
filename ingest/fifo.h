/*
 * fifo.h - a named pipe or a Unix socket that we write to, and never wait for.
 *
 * Shape    It is made if it is not there, and is open while it has a reader; when that
 *          goes, what it has not taken goes too, and the next one is waited for.  A socket
 *          has one reader at a time; others wait until that has gone.
 * Units    Bytes; ns on CLOCK_MONOTONIC.
 * Memory   fifo_close() gives the queue back, and its bytes to the budget.
 * Threads  One.
 * Errors   Negative errno: of mkfifo(3), or -EEXIST for what is no pipe; of unixsock.h.
 */
#ifndef FIFO_H
#define FIFO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/unixsock.h"
#include "lib/net/budget.h"

#define FIFO_MAX	(16u << 20)	/* bytes that may wait */
#define FIFO_PATIENCE	INT64_C(10000000000)	/* ns that they may wait */
#define FIFO_MARKS	64

struct fifo {
	char	 path[PATH_MAX];
	int	 fd;			/* -1: nobody reads */
	uint64_t readers;		/* that have come */
	uint64_t lost_bytes;		/* queued for one who went */
	/* private: */
	struct budget *budget;
	struct unixsock listener;	/* fd -1: it is a pipe */
	uint8_t	*buf;			/* buf[head..len) */
	size_t	 head, len, size;
	uint64_t put, taken;		/* bytes since the reader came */
	struct fifo_mark {
		uint64_t put;
		int64_t	 ns;
	} mark[FIFO_MARKS];		/* when what was queued, a ring */
	unsigned first, nmark;
};

int fifo_init(struct fifo *f, const char *dir, const char *name, bool is_socket,
    struct budget *budget);
void fifo_close(struct fifo *f);

/* Is there a reader?  Looks for one if not.  *came: a new one, who has nothing yet. */
bool fifo_ready(struct fifo *f, bool *came);

void fifo_put(struct fifo *f, const uint8_t *p, size_t len);
void fifo_run(struct fifo *f);		/* write what it takes */
void fifo_hung_up(struct fifo *f);	/* poll(2) said so */
size_t fifo_waiting(const struct fifo *f);

/* Too much waits, or for too long; less than half of that. */
bool fifo_full(const struct fifo *f);
bool fifo_roomy(const struct fifo *f);

#endif
