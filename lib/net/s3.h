/*
 * s3.h - a client of object stores: S3, and MediaStore's way over http.
 *
 * A struct s3 is one bucket (or one server) with its keys and connections.  A
 * request is a job of fetch.h that is signed anew for each attempt: s3_start(),
 * s3_run(), s3_end().  Beside what fetch.h tries again, so is what a store
 * means to be: RequestTimeout, OperationAborted, and an error that came with
 * status 200.  When the store's clock or region are not ours, the request goes
 * out once more by its own.  The functions after these wait for their end.
 *
 * Spec     Amazon S3 API 2006-03-01, MediaStore Data 2017-09-01, sigv4.h.
 * Shape    A body is hashed into the signature; only over TLS, which protects it
 *          as well, one above 1 MiB is UNSIGNED-PAYLOAD.  Without keys nothing is
 *          signed.
 * Units    Bytes, ns; seconds since 1970.
 * Memory   s3_new() and s3_start() give; s3_free() and s3_end() take back.
 * Threads  One s3, with its jobs, belongs to one thread.
 * Errors   As a job's of fetch.h, and -EEXIST for 412 and 409 on a conditional
 *          put; -ENXIO no such bucket; -EINTR once a stop was asked for.  A reason
 *          is kept.
 */
#ifndef S3_H
#define S3_H

#include "lib/net/fetch.h"
#include "lib/net/s3addr.h"
#include "lib/net/s3list.h"

#define S3_PART		(8 << 20)	/* bytes of a part, if not said otherwise */
#define S3_PART_MIN	(5 << 20)	/* but for the last one */
#define S3_PARTS	10000
#define S3_PARALLEL	4
#define S3_DELETE_MAX	1000		/* keys of one request */

struct s3;

struct s3_config {			/* 0: the default in brackets */
	const char *token;		/* bearer token, in place of keys; copied */
	const char *user_agent;		/* [mlive] */
	unsigned retries;		/* [8: half a minute]; see no_retries */
	bool	 no_retries;		/* the caller has his own */
	/* The first time that an attempt has failed and is made again, and why. */
	void	 (*waits)(const char *reason);
};

struct s3_request {
	const char *method;		/* NULL: GET */
	const char *key;		/* decoded; NULL: the bucket itself */
	const char *query;		/* escaped, without ?, or NULL */
	const void *body;		/* borrowed until the job ends */
	int64_t	    body_len;		/* -1: not known; not with S3 */
	ssize_t	  (*body_read)(void *arg, int64_t offset, void *buf, size_t n);
	void	   *body_arg;
	const char *header[8];		/* "Name: value" to be signed too, up to a NULL */
	int64_t	    offset, len;	/* range: as in fetch.h */
	size_t	    window, limit;
	int64_t	    timeout_ns;
	bool	    once;		/* a body that cannot be read again */
	bool	    may_be_error;	/* 200 may have an error in its body */
};

struct s3_job {
	bool	 done;
	int	 error;			/* when done */
	int	 status;		/* of HTTP, or 0 */
	unsigned repeats;		/* attempts after the first */
	struct s3_error said;		/* by the store, of the error */
	char	 reason[256];
	struct fetch_job *http;		/* head and body of the answer */
	void	*user, *own;		/* the caller's; free(3) own at the end */
	struct s3_private *private;
};

/* Takes a copy of the address. */
struct s3 *s3_new(const struct s3_address *a, const struct s3_config *c);
void s3_free(struct s3 *s);		/* after all of its jobs */
const struct s3_address *s3_address(const struct s3 *s);

struct s3_job *s3_start(struct s3 *s, const struct s3_request *r);	/* or NULL */
void s3_end(struct s3_job *job);	/* also before it is done; NULL is fine */

/* As fetch_run(), fetch_watch(), fetch_wait(), fetch_outlive_stop(). */
int s3_run(struct s3 *s, int64_t until_ns);
void s3_watch(struct s3 *s, int fd);
int s3_wait(struct s3 *s, struct s3_job *job);
void s3_outlive_stop(struct s3 *s, bool on);

/* Why the last of the functions below failed. */
const char *s3_reason(const struct s3 *s);

/* ---- objects */

struct s3_meta {			/* NULL: not said, or that of the address */
	const char *content_type, *cache_control, *storage_class;
	const char *own[2];		/* "x-amz-meta-NAME: VALUE" */
	bool	 create;		/* fails with -EEXIST when there is one */
	bool	 streaming;		/* MediaStore: to be read while it comes */
};

/*
 * A body: size bytes that can be read from anywhere, or -1: once, in order.  With
 * watch it is only read when fd says that there is something: parts that are under
 * way go on meanwhile.
 */
struct s3_source {
	ssize_t	(*read)(void *arg, int64_t offset, void *buf, size_t n);
	void	*arg;
	int64_t	 size;
	bool	 watch;
	int	 fd;
};

struct s3_upload {
	struct s3_meta meta;
	struct s3_source source;
	size_t	 part;			/* [S3_PART, more when there would be too many] */
	unsigned parallel;		/* [S3_PARALLEL] */
	void	(*progress)(void *arg, int64_t sent);	/* or NULL */
	void	*progress_arg;
};

/* Starts a put of one request, for which size is known with S3. */
struct s3_job *s3_start_put(struct s3 *s, const char *key, const struct s3_meta *m,
    const struct s3_source *src);

/*
 * Put an object: at once, or when it is larger than a part (or of unknown size)
 * part by part.  Each part is tried again by itself; what cannot be completed is
 * aborted, so that nothing of it stays.
 */
int s3_put(struct s3 *s, const char *key, const struct s3_upload *u);

int s3_head(struct s3 *s, const char *key, struct s3_item *item);	/* gives item */
void s3_item_clear(struct s3_item *item);
int s3_delete(struct s3 *s, const char *key);
int s3_copy(struct s3 *s, const char *from_bucket, const char *from, const char *to);

/* A page of a list.  S3: keys with this prefix, and with deep those in folders. */
int s3_list(struct s3 *s, const char *prefix, bool deep, const char *token,
    struct s3_list *list);

/* S3: delete up to S3_DELETE_MAX keys; s3_deleted() once it is done. */
struct s3_job *s3_start_delete(struct s3 *s, char *const key[], unsigned n);
int s3_deleted(struct s3_job *job, unsigned *failed);

/* S3: abort the uploads in parts to keys with this prefix that are not finished. */
int s3_abort_uploads(struct s3 *s, const char *prefix, unsigned *aborted);

/* An address that anyone may use for a time, with the path of the key. */
int s3_presign(struct s3 *s, const char *method, const char *key, unsigned expires_s,
    char *out, size_t size);

#endif
