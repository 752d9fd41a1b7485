/*
 * naming.h - names of objects by a template: time, interval, counter, show.
 *
 *     thumb-%05d.jpg   %Y/%m/%d/%H%M%S.ts   %n-%010i.mp4
 *
 * Shape    %Y %m %d %H %M %S %y %j %s %F as strftime(3) has them, in UTC; %L
 *          milliseconds; %0Nd a counter and %i, %0Ni a number of N digits at least;
 *          %n the show; %% a percent sign.  Names are relative, their parts neither
 *          empty nor of dots only.
 * Memory   A struct naming borrows its text.
 * Threads  Pure functions.
 * Errors   -EINVAL with a reason that is a constant; -ENAMETOOLONG.
 */
#ifndef ENCODE_NAMING_H
#define ENCODE_NAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMING_DIGITS	18		/* of a number at most */
#define NAMING_BASE	4096		/* of a place */

struct naming {
	const char *text;
	bool	 time, counter, slot;	/* what it has of these */
	bool	 fine;			/* of time: a second or less can be told */
};

struct naming_values {
	int64_t	 utc_ns;		/* since 1970 */
	uint64_t counter;
	int64_t	 slot;
	const char *show;		/* NULL: none */
};

/* url: what is escaped in one is refused. */
int naming_parse(struct naming *n, const char *text, bool url, const char **reason);

/* Returns the length, or -ENAMETOOLONG. */
int naming_put(const struct naming *n, const struct naming_values *v, char *out,
    size_t size);

/* Could this be a name by it, and if it has one, with which counter? */
bool naming_fits(const struct naming *n, const char *name, const char *show,
    uint64_t *counter);

/*
 * Split an address into the place that sink.h opens, with the options of a URL,
 * and what is below it, from the folder of the first template on: a pointer into
 * text, which is cut for it; "" when it ends in a slash.
 */
int naming_split(char *text, char place[static NAMING_BASE], const char **name,
    bool *url);

#endif
