/*
 * backoff.h - how long to wait before trying again: twice as long each time.
 *
 * Units    ns; next_ns on CLOCK_MONOTONIC.
 * Memory   Caller's struct, zeroed but for what it sets.
 * Threads  One.
 * Errors   None.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	int64_t	 first_ns, most_ns;	/* 0: 250 ms, 8 s */
	bool	 spread;		/* each is up to a quarter shorter, by chance */
	int64_t	 next_ns;		/* not before */
	/* private: */
	unsigned tries, seed;
};

/* After so many tries, from 0. */
int64_t backoff_ns(int64_t first_ns, int64_t most_ns, unsigned tries);

void backoff_reset(struct backoff *b);		/* it works again */
int64_t backoff_failed(struct backoff *b);	/* sets next_ns, returns the wait */

/*
 * Wait until b->next_ns or deadline_ns, whichever comes first.  True when it is time to
 * try; false: it is not, or a stop was asked for.
 */
bool backoff_wait(const struct backoff *b, int64_t deadline_ns);

#endif
