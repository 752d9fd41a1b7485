/*
 * cmafbox.h - the boxes of a CMAF track as they come from a socket, cut into
 * headers and chunks.
 *
 * Spec     ISO/IEC 14496-12 4.2 (boxes); 23000-19 7.3 (header, chunk); DASH-IF
 *          Live Media Ingest Protocol 1.2, interface 1 (mfra is the end).
 * Shape    Header: ftyp moov.  Chunk: [styp|prft|emsg|sidx]* moof mdat.  Boxes
 *          of other types are passed over, but between moof and mdat: the
 *          offsets of the moof count them.
 * Memory   One buffer, as much as has come of one header or chunk, at most max.
 * Threads  One struct belongs to one thread at a time.
 * Errors   -EBADMSG no such order, -EFBIG over the limit, -ENOMEM.  They stay.
 */
#ifndef CMAFBOX_H
#define CMAFBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMAFBOX_HEADER_MAX	(1u << 20)

enum { CMAFBOX_MORE, CMAFBOX_HEADER, CMAFBOX_CHUNK, CMAFBOX_END };

struct cmafbox {
	size_t	 max;			/* of one header or chunk */
	/* private: */
	uint8_t	*p;
	size_t	 len, size;
	uint8_t	 head[16];		/* of the box that comes */
	unsigned nhead;
	bool	 inside, keep;		/* its header is known; it is kept */
	uint64_t left;
	uint32_t type;
	bool	 ftyp, moof, given;
	int	 err;
};

void cmafbox_init(struct cmafbox *w, size_t max);
void cmafbox_free(struct cmafbox *w);

/*
 * Take bytes off *data.  Returns what is whole now, or CMAFBOX_MORE when all were
 * taken; the piece of a header or chunk is good until the next call.
 */
int cmafbox_next(struct cmafbox *w, const uint8_t **data, size_t *len,
    const uint8_t **piece, size_t *piece_len);

/* Is something begun that is not whole? */
bool cmafbox_partial(const struct cmafbox *w);

#endif
