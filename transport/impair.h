/*
 * impair.h - what a bad network does to the packets of one direction.
 *
 * Shape    impair_next() is asked once for each packet, in the order in which they come,
 *          and says whether it is lost and why, or when it arrives, and its copy.
 *          What chance decides depends on the seed and the number of the packet
 *          alone; rate, queue and outages on the time as well.
 * Spec     Losses in bursts by the model of Gilbert and Elliott: a good and a bad state,
 *          each with its loss, and a chance to change at each packet.
 * Units    ns from any beginning, the same for all calls; bytes; bit/s; chances in 2^-32.
 * Memory   Nothing allocates.
 * Threads  The caller's business.
 */
#ifndef IMPAIR_H
#define IMPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/impairtrace.h"

#define IMPAIR_OUTAGES	8
#define IMPAIR_ALWAYS	(UINT64_C(1) << 32)

struct impair_outage {
	int64_t	 start_ns, len_ns;
	int64_t	 every_ns;		/* again and again; 0: once */
};

struct impair_spec {
	uint64_t worsen, mend;		/* chances to become bad, and good again */
	uint64_t loss_good, loss_bad;
	uint64_t duplicate, corrupt, reorder;
	int64_t	 reorder_ns;		/* so much later are those */
	int64_t	 delay_ns, jitter_ns;	/* delay - jitter to delay + jitter */
	bool	 overtake;		/* jitter may change the order */
	uint64_t rate;			/* 0: as it comes */
	char	 trace_path[256];	/* of a rate that varies; "": none */
	const struct impairtrace *trace;	/* what is there, or NULL; the caller's */
	int64_t	 queue_ns;		/* waits no longer for that */
	unsigned noutage;
	struct impair_outage outage[IMPAIR_OUTAGES];
};

enum impair_what {
	IMPAIR_PASS, IMPAIR_LOSS, IMPAIR_OUTAGE, IMPAIR_QUEUE, IMPAIR_WHATS
};

struct impair_verdict {
	enum impair_what what;
	int64_t	 due_ns;		/* when it arrives */
	int64_t	 copy_ns;		/* and once more; -1: no */
	int64_t	 flip;			/* bit of it that is wrong; -1: none */
};

struct impair {
	struct impair_spec spec;
	uint64_t seed, n;		/* n: of the next packet */
	bool	 bad;
	int64_t	 start_ns, free_ns;	/* free: when the line can take the next */
	struct impairtrace_at at;	/* the same, of a trace */
	int64_t	 last_ns;		/* due of the last one in order */
	uint64_t count[IMPAIR_WHATS], duplicated, corrupted, reordered;
};

/* Each direction of each link needs a seed of its own. */
void impair_init(struct impair *m, const struct impair_spec *spec, uint64_t seed,
    int64_t start_ns);

struct impair_verdict impair_next(struct impair *m, int64_t now_ns, size_t len);

const char *impair_word(enum impair_what what);

/*
 * Add "loss=5%,burst=3,delay=40ms,jitter=5ms,..." to a spec: mconnect-impair(1).  Returns
 * 0, or -EINVAL and gives the item that is wrong (borrows text, which is written to), and
 * what that is no use without, or NULL.
 */
int impair_parse(struct impair_spec *spec, char *text, const char **wrong,
    const char **lack);

#endif
