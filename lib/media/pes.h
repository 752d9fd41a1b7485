/*
 * pes.h - the header of a PES packet.
 *
 * Spec     ISO/IEC 13818-1 2.4.3.6, 2.4.3.7; stream_id table 2-22.
 * Units    90 kHz ticks modulo 2^33 as on the wire, or PES_NO_TIME.
 * Memory   Nothing allocates.
 * Errors   1 done, 0 more bytes needed, -EBADMSG no PES packet here.
 */
#ifndef PES_H
#define PES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PES_NO_TIME	INT64_MIN
#define PES_WRAP	(INT64_C(1) << 33)	/* pts and dts are modulo this */
#define PES_HEADER_MAX	19			/* what pes_put() writes at most */

enum {				/* stream_id */
	PES_PRIVATE_1 = 0xbd, PES_AUDIO = 0xc0, PES_VIDEO = 0xe0,
};

struct pes_header {
	uint8_t	stream_id;
	bool	data_alignment;
	int64_t	pts, dts;	/* dts equals pts when it is not sent */
	size_t	header_len;	/* up to the first byte of the payload */
	size_t	payload_len;	/* 0: until the next packet starts */
};

int pes_parse(const uint8_t *p, size_t len, struct pes_header *h);

/*
 * Write a header for payload_len bytes (0 or too long for the field: until the
 * next).  dts may be PES_NO_TIME or equal to pts.  Returns its length.
 */
size_t pes_put(uint8_t p[static PES_HEADER_MAX], uint8_t stream_id, int64_t pts,
    int64_t dts, size_t payload_len);

#endif
