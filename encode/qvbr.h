/*
 * qvbr.h - quality-defined variable bit rate: the outer loop around an encoder's
 * constant rate factor.
 *
 * A segment is coded at the CRF of the level that was asked for, and gets at most
 * what the cap is in its time.  When the bits of its pictures say that it will not do
 * with that, the CRF is raised to what it will do with, and lowered again when they
 * say so.  The encoder's own VBV is told no more than what is left of the segment, so
 * it stops what comes too suddenly for that.
 *
 * What a cap that binds lasts for does not depend on the level that was asked for.  It is
 * searched for before the first picture is coded (trial.h), from the same place for all
 * levels.  So all levels above it are coded alike, and a higher one is never worse.
 *
 * Nothing is carried from one segment to the next: what is decided depends on the pictures
 * of the segment alone.  So encoders of the same pictures that began at different times
 * agree from the first segment on that both have whole (shorter ones: worker.c).
 *
 * Units    CRF in thousandths, rates in bit/s, amounts in bits.
 * Memory   Nothing allocates.
 * Threads  One struct belongs to one thread.
 */
#ifndef ENCODE_QVBR_H
#define ENCODE_QVBR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/rational.h"

#define QVBR_WINDOW	9	/* pictures */
#define QVBR_SEARCH	32000	/* CRF to be tried first */

struct qvbr_spec {
	int64_t	 cap;
	int64_t	 vbv_ns;	/* the decoder's buffer, at the cap */
	struct rational fps;
	int	 crf;		/* of the level asked for */
	int64_t	 gop;		/* pictures between IDR pictures; 0: the segment */
	bool	 late;		/* the encoder takes what it is told much later: its VBV
				 * stays as at the beginning of the segment */
};

struct qvbr_tried {
	int64_t	 crf, bits;		/* bits 0: none */
};

struct qvbr {
	/* What the encoder has to be told now: */
	int	 crf;
	int64_t	 max_rate, buffer;
	/* private: */
	struct qvbr_spec spec;
	int64_t	 segment, pictures, coded;
	int64_t	 budget, used;
	int64_t	 real, real_size;	/* of the decoder's buffer, at least */
	int64_t	 idr_at_reference;	/* what the last IDR picture would be at a certain CRF */
	int64_t	 window[QVBR_WINDOW];	/* the same of the last other pictures */
	unsigned nwindow, next;
	int64_t	 typical;		/* of others, but those that came again */
	int64_t	 halves;		/* CRF for half the bits */
	struct qvbr_tried many, few;	/* more bits than planned, and fewer */
};

/*
 * pictures: to the end of the segment; if it is not whole it
 * may have a tenth of the decoder's buffer in addition, for its IDR picture.
 */
void qvbr_begin(struct qvbr *q, const struct qvbr_spec *spec, int64_t segment,
    int64_t pictures, bool whole);

/*
 * Before the first unit, by the bits that the first picture and each other come to, as a
 * trial with some CRF has them.  Does it fit, with that of the level?
 */
bool qvbr_fits(const struct qvbr *q, int64_t idr, int64_t other);

/*
 * With which CRF does it?  Of trials one after the other, the first with QVBR_SEARCH.
 * Returns the CRF to be tried next, and begins with it unless that is better than what
 * was asked for.
 */
int qvbr_search(struct qvbr *q, int crf, int64_t idr, int64_t other);

/*
 * Even the lowest quality is too much for another picture, when so many of the segment
 * have been given to an encoder that is told late: it should get one again that it has.
 */
bool qvbr_spent(const struct qvbr *q, int64_t given);

/* The segment is longer than was said, by so many. */
void qvbr_longer(struct qvbr *q, int64_t pictures);

/* An access unit, in coding order, and the CRF that it was coded with at last. */
void qvbr_coded(struct qvbr *q, size_t len, int crf, bool idr);

#endif
