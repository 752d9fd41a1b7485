/*
 * fec2022enc.h - make the packets that make up for lost ones: a sender of SMPTE 2022-1.
 *
 * Shape    fec_enc_push() each media packet in the order in which it is sent, and send
 *          it; then fec_enc_pop() what is due behind it, until there is no more.  So
 *          they are spread as evenly as the media: a row is due behind its last packet,
 *          columns one at a time over the next matrix, L to L * D packets late.
 * Layouts  Aligned: all columns begin in the same row, so all of a matrix end in its
 *          last.  Staircase: each begins a row below the one before it (SNBase grows by
 *          L + 1), so that they also end, and can repair, one after another.
 * Memory   One allocation by fec_enc_new(); what is popped is borrowed until the next
 *          push.
 * Threads  One fec_enc belongs to one thread.
 * Errors   -EINVAL no matrix of the standard; -ENOMEM; -EBADMSG no RTP; -EMSGSIZE.
 */
#ifndef FEC2022ENC_H
#define FEC2022ENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fec_spec {
	unsigned l, d;
	bool	 rows;			/* beside the columns */
	bool	 staircase;
	uint32_t ssrc;			/* of the packets made; 0 with most senders */
	uint16_t seq_row, seq_column;	/* of the first of each */
	size_t	 size;			/* of the longest media packet */
};

struct fec_enc;

int fec_enc_new(struct fec_enc **e, const struct fec_spec *spec);
void fec_enc_free(struct fec_enc *e);

/*
 * A media packet.  After a gap in the sequence numbers a new matrix begins.  One that is
 * no RTP, or too long, is not protected, and breaks the matrix as if it were missing.
 */
int fec_enc_push(struct fec_enc *e, const uint8_t *p, size_t len);

/* The next packet that is due.  Returns its length; 0: none is, yet. */
size_t fec_enc_pop(struct fec_enc *e, const uint8_t **data, bool *row);

/* No more media: whatever is whole is due. */
void fec_enc_flush(struct fec_enc *e);

#endif
