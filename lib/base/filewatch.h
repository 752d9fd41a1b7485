/*
 * filewatch.h - has a small file changed, such as one with keys?
 *
 * A file that somebody is writing changes again: what is new has to stay so from one look
 * to the next.  One that is not there has not changed.
 *
 * Units    ns on CLOCK_MONOTONIC.
 * Memory   Caller's struct; borrows the path.
 * Threads  One.
 * Errors   None.
 */
#ifndef FILEWATCH_H
#define FILEWATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct filewatch {
	const char *path;
	struct stat known, seen;	/* as it was read; at the last look */
	int64_t	 look_ns;		/* not before that again */
};

/* It is about to be read. */
void filewatch_read(struct filewatch *w, const char *path);

/* It is to be read again.  Looks once a second, however often it is called. */
bool filewatch_changed(struct filewatch *w, int64_t now_ns);

#endif
