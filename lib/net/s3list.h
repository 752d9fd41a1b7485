/*
 * s3list.h - what a store says in the bodies of its answers: lists and errors.
 *
 * Spec     Amazon S3 API 2006-03-01: ListBucketResult of ListObjectsV2, Error,
 *          ListMultipartUploadsResult, InitiateMultipartUploadResult, DeleteResult, and the 200 with an Error
 *          in it of CompleteMultipartUpload and CopyObject.  MediaStore Data
 *          2017-09-01: ListItems, and errors in JSON.
 * Shape    A document with a DTD is refused, so entities cannot grow.
 * Memory   s3_list_clear() gives an answer's memory back.
 * Threads  Pure functions.
 * Errors   -EBADMSG, -ENOMEM; -E2BIG more items than an answer may have.
 */
#ifndef S3LIST_H
#define S3LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define S3_LIST_MAX	10000		/* items of one answer; the services: 1000 */

struct s3_item {
	char	*name;			/* whole key; of MediaStore, in its folder */
	bool	 folder;		/* its name ends in / with S3 only */
	int64_t	 size;			/* bytes, -1 not said; as the next ones */
	int64_t	 modified_s;		/* since 1970 */
	char	*etag, *type, *storage_class;	/* "" if not said */
};

struct s3_list {
	unsigned n, size;
	struct s3_item *item;
	char	*next;			/* the token of the next page, or NULL */
};

struct s3_error {
	char	 code[64];
	char	 message[160];
	char	 region[64];		/* where the bucket is, if said */
};

int s3_list_parse_xml(struct s3_list *l, const void *xml, size_t len);
/* Of uploads that are not finished: etag is their id; next only says that more are. */
int s3_list_parse_uploads(struct s3_list *l, const void *xml, size_t len);
int s3_list_parse_json(struct s3_list *l, const void *json, size_t len);
void s3_list_clear(struct s3_list *l);

/* XML or JSON.  1 an error is described, 0 it is something else. */
int s3_error_parse(struct s3_error *e, const void *body, size_t len);

/* The text of the first element of this name below the root; 0 or -EBADMSG. */
int s3_xml_text(const void *xml, size_t len, const char *name, char *out, size_t size);

/* How many keys DeleteObjects did not delete, and of the first one why. */
int s3_delete_parse(const void *xml, size_t len, unsigned *failed, struct s3_error *e);

#endif
