/*
 * sinkq.h - what sink.c and its transports (sinkdir.c, sinkhttp.c, sinks3.c) share.
 */
#ifndef SINKQ_H
#define SINKQ_H

#include "lib/net/sink.h"

struct sink_piece {
	uint8_t	*p;
	size_t	 len;
	int64_t	 since_ns;
};

struct sink_item {
	struct sink_item *next;
	struct sink_object o;
	bool	 remove;		/* a DELETE */
	bool	 flying;		/* the transport has it */
	uint64_t batch;
	size_t	 len;
	int64_t	 queued_ns;
	/* one that grows: */
	bool	 grows, closed;
	bool	 dead;			/* dropped before it was closed */
	unsigned npiece, cap, timed;
	struct sink_piece *piece;
	size_t	 sent;			/* of len, by the transport */
	int	 fd;			/* sinkdir.c */
};

struct sink_transport {
	void *(*open)(const char *url, const struct sink_config *c, int *err);
	void (*close)(void *t);
	/*
	 * Begin an item: 1 it is on its way, 0 done, -EAGAIN all connections are
	 * in use, else it failed (reason).
	 */
	int (*start)(void *t, struct sink_item *i, char reason[static 256]);
	/* It has grown, or is closed: the same results. */
	int (*more)(void *t, struct sink_item *i, char reason[static 256]);
	void (*cancel)(void *t, struct sink_item *i);
	/* Wait for news or fd, like sink_run().  NULL: there is never any. */
	int (*wait)(void *t, int fd, int64_t timeout_ns);
	/* One that has ended: *err 0, -errno, or an HTTP status. */
	struct sink_item *(*ended)(void *t, int *err, char reason[static 256]);
	bool (*blocks)(void *t);	/* or NULL */
	int (*get)(void *t, const char *name, char **data, size_t *len,
	    char reason[static 256]);
};

extern const struct sink_transport sink_dir, sink_http, sink_s3;

#endif
