/*
 * awschunk.h - the framing of a body in Content-Encoding: aws-chunked.
 *
 * Spec     S3 "Signature calculations ... chunked upload", with and without
 *          signatures, with and without trailers.
 * Shape    HEX[;chunk-signature=HEX64]CRLF data CRLF, ..., the same with size 0,
 *          trailers name:value CRLF, an empty line.  Signatures are only read.
 * Units    Bytes.
 * Memory   Nothing allocates; data borrows the caller's buffer, lines are kept.
 * Threads  Pure functions.
 * Errors   -EBADMSG.
 */
#ifndef AWSCHUNK_H
#define AWSCHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/h1.h"

#define AWSCHUNK_LINE	512
#define AWSCHUNK_TRAILERS 16
#define AWSCHUNK_SIG	64

/* All zeros to begin. */
struct awschunk {
	uint64_t left;			/* of this chunk */
	uint8_t	 state;
	uint8_t	 trailers;
	unsigned len;			/* of line */
	char	 line[AWSCHUNK_LINE];
	char	 signature[AWSCHUNK_SIG + 1];	/* of this chunk, or empty */
};

enum {
	AWSCHUNK_MORE,		/* the buffer is used up */
	AWSCHUNK_DATA,
	AWSCHUNK_CHUNK,		/* a chunk is over, also the one of size 0 */
	AWSCHUNK_TRAILER,	/* text: the line, good until the next call */
	AWSCHUNK_END,
};

/* Take one step; *used is what was taken of buf, data included. */
int awschunk_next(struct awschunk *c, const char *buf, size_t len, size_t *used,
    struct h1_str *text);

#endif
