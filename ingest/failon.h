/*
 * failon.h - what an input of several fails on: --fail-on.
 *
 * Shape    condition=value, separated by commas: a time; for black one with a part,
 *          5s/98%; for cc and errors a number in a time, 5/10s.
 * Units    ns; parts in millionths.
 * Memory   Caller's structs; a burst is some 8 KiB.
 * Threads  Pure functions.
 * Errors   A bad value ends the program with EXIT_USAGE.
 */
#ifndef FAILON_H
#define FAILON_H

#include <stdbool.h>
#include <stdint.h>

#define FAILON_COUNT	1000

struct failon_count {
	unsigned n;			/* 0: this is no condition */
	int64_t	 window_ns;
};

struct failon {
	int64_t	 loss_ns;		/* nothing comes, or no picture */
	int64_t	 black_ns, freeze_ns, silence_ns;	/* 0: no condition */
	int64_t	 black_part;		/* of the picture that must be dark */
	struct failon_count cc, errors;
};

/* Only loss, 1 s. */
void failon_init(struct failon *f);
void failon_parse(struct failon *f, const char *list);

/* Must the pictures or the sound be decoded? */
bool failon_decodes(const struct failon *f);

/* Are pictures a group apart close enough for what is looked for? */
bool failon_spares(const struct failon *f, int64_t group_ns);

/* The last events of a kind: have there been so many in so short a time? */
struct burst {
	uint64_t seen;			/* of a counter */
	uint64_t events;
	int64_t	 at_ns[FAILON_COUNT];
};

/* The counter is at count now.  True: the condition holds. */
bool burst_holds(struct burst *b, const struct failon_count *c, uint64_t count,
    int64_t now_ns);

#endif
