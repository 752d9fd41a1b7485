/*
 * publishers.h - many publishers of RTMP, each to a named pipe of its own.
 *
 * Shape    A pipe belongs to a line of the file of keys and not to a connection: when a
 *          publisher goes and comes again the stream in it goes on, with a discontinuity
 *          announced.  A reader that is slow loses units, and delays nobody.
 * Errors   What cannot be set up ends the program by fatal(); what fails later is a
 *          warning.
 */
#ifndef PUBLISHERS_H
#define PUBLISHERS_H

#define PUBLISHERS_LISTEN	8

struct publishers_config {
	unsigned nlisten;
	const char *listen[PUBLISHERS_LISTEN];	/* rtmp://[host]:port or rtmps://... */
	const char *keys, *fifo_dir;		/* both needed */
	const char *cert, *key;			/* of rtmps, else NULL */
	const char *stats;			/* or NULL */
};

/* Until a stop is asked for.  Returns the status to exit with. */
int publishers_run(const struct publishers_config *cfg);

#endif
