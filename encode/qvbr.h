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
 * What a cap that binds lasts for does not depend on the level that was asked for.  So all
 * levels that are well above it are coded alike, if the blind segments are tried first
 * (trial.h), and a higher one is never worse.
 *
 * What is decided depends on the access units of the segment, and on what is carried from
 * the segment before while the cap binds: what it would have needed, and how steeply the
 * bits fell with the CRF.  Each QVBR_RESET-th segment begins without it.  So encoders of the
 * same pictures that began at different times agree from such a segment on, and where
 * the cap does not bind from the first whole one.
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

#define QVBR_RESET	16	/* segments */
#define QVBR_WINDOW	9	/* pictures */

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
	bool	 blind;			/* nothing is known of the segment before */
	/* private: */
	struct qvbr_spec spec;
	int64_t	 segment, pictures, coded;
	bool	 whole;
	int64_t	 budget, used;
	int64_t	 real, real_size;	/* of the decoder's buffer, at least */
	int64_t	 at_reference;		/* what used would be at a certain CRF */
	int64_t	 idr_at_reference;	/* of the last IDR picture */
	int64_t	 window[QVBR_WINDOW];	/* the same of the last other pictures */
	unsigned nwindow, next;
	int64_t	 before_idr;		/* of the segment before */
	int64_t	 typical;		/* of others, but those that came again */
	bool	 searches;		/* the level asked for is known to be too much */
	int64_t	 halves;		/* CRF for half the bits of all but IDR pictures */
	struct qvbr_tried many, few;	/* more bits than planned, and fewer */
};

/*
 * Zeroed before the first.  pictures: to the end of the segment; if it is not whole it
 * may have a tenth of the decoder's buffer in addition, for its IDR picture.
 */
void qvbr_begin(struct qvbr *q, const struct qvbr_spec *spec, int64_t segment,
    int64_t pictures, bool whole);

/*
 * Of a segment that is blind, before its first unit: the bits of its first picture, and of
 * each other on average, as a trial with this CRF and without B pictures has them; first
 * with that of the level.  Returns the CRF to be tried next; 0: none.
 */
int qvbr_expect(struct qvbr *q, int crf, int64_t idr, int64_t other);

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
