/*
 * capturefile.h - a capture (capture.h) that is read from a file or a pipe.
 *
 * Memory   Items borrow its buffer until the next call; capturefile_free() gives all
 *          back.
 * Threads  One.
 * Errors   Negative errno; -EBADMSG: this is no capture, or damaged.
 */
#ifndef CAPTUREFILE_H
#define CAPTUREFILE_H

#include "transport/capture.h"

struct capturefile {
	struct capture capture;
	bool	 cut_short;		/* it ended in the middle of something */

	/* private: */
	int	 fd;
	bool	 again, eof;		/* again: item is to be given once more */
	struct capture_item item;
	uint8_t	*buf;
	size_t	 fill, pos;
};

/* "-" is standard input. */
int capturefile_open(struct capturefile *f, const char *path);
void capturefile_free(struct capturefile *f);

/* 1: the next item; 0: there is no more; -EINTR: a stop was asked for. */
int capturefile_next(struct capturefile *f, struct capture_item *item);

/* The next call gives the last item again. */
void capturefile_unread(struct capturefile *f);

#endif
