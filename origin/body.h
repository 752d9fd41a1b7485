/*
 * body.h - what comes with a PUT, against what was said of it.
 *
 * Spec     x-amz-content-sha256: a hash, UNSIGNED-PAYLOAD, or one of STREAMING-*,
 *          which is framed as aws-chunked; x-amz-decoded-content-length;
 *          x-amz-checksum-{crc32,crc32c,sha1,sha256}, as a field or a trailer.
 * Shape    Pieces go in, pieces of the object come out; a chunk that is signed is
 *          checked at its end.  No upload may be committed before body_end().
 * Threads  One at a time.
 * Errors   -EBADMSG: bad framing; -EACCES: a chunk's signature; -EILSEQ: another
 *          hash, checksum or length than was said; -EINVAL: fields; -ENOMEM.
 */
#ifndef BODY_H
#define BODY_H

#include "lib/net/h1.h"
#include "lib/net/sigv4.h"

struct body;

/*
 * auth and secret are of the request's signature, NULL when it was not checked.
 * Gives *out.
 */
int body_new(const struct h1_request *r, const struct sigv4_auth *auth,
    const char *secret, struct body **out);
void body_free(struct body **b);

/*
 * Bytes that the object will have, by what r says, without the frames of aws-chunked;
 * 0 when that is not said.
 */
uint64_t body_said_len(const struct h1_request *r);

/* Is it in aws-chunked? */
bool body_framed(const struct body *b);

/*
 * Take of *in.  1: *piece is the object's, and may be empty; *whole: what came
 * so far was checked.  0: *in is used up.
 */
int body_next(struct body *b, struct h1_str *in, struct h1_str *piece, bool *whole);

/* All came.  sha256: of the object. */
int body_end(struct body *b, char sha256[static SIGV4_HEX]);

#endif
