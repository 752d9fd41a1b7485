/*
 * s3priv.h - what s3.c, s3op.c and s3put.c share: private to s3.
 */
#ifndef S3PRIV_H
#define S3PRIV_H

#include "lib/net/s3.h"

/* Where s3_reason() reads: 256 bytes. */
char *s3_reason_buffer(struct s3 *s);

/* Wait for the end, keep the reason, end it.  Returns its error. */
int s3_finish(struct s3 *s, struct s3_job *job);

/* The fields of m as lines in text, and in r.  Returns 0 or -ENAMETOOLONG. */
struct s3_lines {
	char	 line[8][512];
};
int s3_meta_lines(const struct s3 *s, const struct s3_meta *m, struct s3_lines *text,
    struct s3_request *r);

#endif
