/*
 * ccfifo.h - captions of the source's pictures into those of a rung.
 *
 * At the source's own frame rate they pass as they are, picture by picture;
 * otherwise, and where pictures were dropped, they are packed anew from queues:
 * 608 by field at its own rate, DTVCC into the rest of the 9600 bit/s.  A repeated
 * picture gets none that its first has had.
 *
 * Spec     CTA-708 4.4 (cc_data, 600 triplets a second), CTA-608, A/53 part 4
 *          6.2.3 ('GA94'), ITU-T T.35.
 * Memory   Caller's; nothing allocates.  A full queue drops and counts.
 * Threads  Belongs to the thread that hands out pictures.
 */
#ifndef ENCODE_CCFIFO_H
#define ENCODE_CCFIFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/rational.h"

#define CC_TRIPLETS	31		/* in a picture, by the field's 5 bits */
#define CC_PAYLOAD_MAX	(10 + CC_TRIPLETS * 3 + 1)
#define CC_QUEUE	1024		/* triplets of each kind */

struct cc_queue {
	unsigned head, n;
	uint8_t	 t[CC_QUEUE][3];
};

struct ccfifo {
	bool	 same_rate;
	struct rational rate;		/* of the rung */
	int64_t	 pictures;		/* made, for the share of 608 */
	int64_t	 idle;			/* pictures since captions came; -1: never */
	unsigned fresh;			/* triplets of one picture, as they came */
	uint8_t	 last[CC_TRIPLETS][3];
	struct cc_queue field[2], dtvcc;
	uint64_t dropped;
};

void ccfifo_init(struct ccfifo *f, struct rational rate, bool same_rate);

/* The triplets of a picture of the source. */
void ccfifo_put(struct ccfifo *f, const uint8_t *triplets, size_t len);

/*
 * The T.35 message for the next picture of the rung into p.  Returns its length,
 * or 0 if there is nothing to say.
 */
size_t ccfifo_take(struct ccfifo *f, uint8_t p[static CC_PAYLOAD_MAX]);

#endif
