/*
 * fec2022.h - packets that make up for lost RTP packets: the format, and the sums.
 *
 * Spec     SMPTE ST 2022-1 (Pro-MPEG Code of Practice 3 release 2), on RFC 2733: media
 *          packets are laid out in L columns and D rows; each row and each column has
 *          a packet that is the XOR of its own.
 * Limits   The standard: L 1 to 20 (with rows from 4), D 4 to 20, L * D up to 100.  What
 *          is sent keeps to that; what is received may say 1 to 255 of each.
 * Units    Lengths in bytes; timestamps in ticks of the media.
 * Memory   Nothing allocates; what is parsed borrows the datagram.
 * Threads  Pure functions.
 * Errors   -EBADMSG no such packet; -ENOTSUP another code than XOR, a mask, a longer
 *          header; -EINVAL beyond the standard; -ENOSPC.
 */
#ifndef FEC2022_H
#define FEC2022_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEC_HEADERS	28		/* of RTP and of its own */
#define FEC_TYPE	96		/* payload type; dynamic, but all use this one */
#define FEC_PORT_COLUMN	2		/* above the port of the media */
#define FEC_PORT_ROW	4
#define FEC_L_MAX	20
#define FEC_D_MIN	4
#define FEC_D_MAX	20
#define FEC_MATRIX_MAX	100

/*
 * What a packet says beside its data, in one word, so that sums of it are one XOR: P, X,
 * CC (6 bits), M, PT (8), length behind the header (16), timestamp (32).  Some senders
 * leave P, X, CC and M out of their sums: FEC_SUM_SURE is the rest.
 */
#define FEC_SUM_SURE	UINT64_C(0x007fffffffffffff)

/* p is an RTP packet, or at least has its header. */
uint64_t fec_sum(const uint8_t *p, size_t len);

struct fec_packet {
	bool	 row;
	uint16_t base;			/* sequence number of the first media packet */
	uint8_t	 offset;		/* to the next: 1 in a row, L in a column */
	uint8_t	 count;			/* of them: L in a row, D in a column */
	uint64_t sum;			/* fec_sum() of all */
	const uint8_t *data;		/* XOR of all behind their headers */
	size_t	 len;			/* of the longest */
	uint16_t seq;			/* of its own stream */
	uint32_t timestamp;		/* of when it was sent */
	uint32_t ssrc;
	uint8_t	 type;			/* payload type of its own */
};

int fec_parse(const uint8_t *p, size_t len, struct fec_packet *f);

/* The headers of f, before f->len bytes that are there.  Returns FEC_HEADERS. */
int fec_put(uint8_t p[static FEC_HEADERS], const struct fec_packet *f);

/* 0, or -EINVAL: no matrix of the standard. */
int fec_check_matrix(unsigned l, unsigned d, bool rows);

/* dst ^= src */
void fec_xor(uint8_t *restrict dst, const uint8_t *restrict src, size_t len);

#endif
