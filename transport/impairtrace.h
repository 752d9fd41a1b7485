/*
 * impairtrace.h - a line whose rate varies as a trace says.
 *
 * Spec     The traces of Mahimahi's mm-link(1): a line for each time at which 1500 bytes
 *          can go, in ms from the beginning, none before the one above it; all of it
 *          again and again, the last time being the beginning of the next round.
 * Shape    An opportunity that comes when nothing waits is lost; what is left of one
 *          that is used goes to those that wait behind.
 * Units    ns of any one clock; bytes.
 * Memory   impairtrace_parse() gives a trace, to be freed by free(3).
 * Threads  Pure functions.
 * Errors   -EBADMSG and the line, -ENOMEM, -EFBIG; of impairtrace_read() others too.
 */
#ifndef IMPAIRTRACE_H
#define IMPAIRTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPAIRTRACE_BYTES	1500
#define IMPAIRTRACE_FILE	(64u << 20)	/* the largest */

struct impairtrace {
	uint64_t n;
	uint32_t ms[];			/* the last one is not 0 */
};

/* How far it has been used.  Zeroed: not at all. */
struct impairtrace_at {
	uint64_t k;			/* the next opportunity, of all rounds */
	uint32_t used;			/* bytes of it */
};

int impairtrace_parse(struct impairtrace **t, const char *text, size_t len, unsigned *line);
int impairtrace_read(struct impairtrace **t, const char *path, unsigned *line);

/*
 * So many bytes come at now_ns, which is counted from the beginning, and does not go
 * back: when the last of them has gone.  False: the first would have to wait longer than
 * that, and none goes.
 */
bool impairtrace_take(const struct impairtrace *t, struct impairtrace_at *at,
    int64_t now_ns, size_t len, int64_t longest_ns, int64_t *sent_ns);

#endif
