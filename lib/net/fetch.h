/*
 * fetch.h - HTTP requests, several at once, retried, in one thread.
 *
 * A struct fetch holds the connections (kept alive and shared).  Each request
 * is a job: fetch_start() begins it, fetch_run() moves all jobs on, and the
 * fields of the job say how far it is.  What fails for a reason that may pass
 * (no connection, time-out, 408, 425, 429, 5xx) is tried again after 1, 2, 4
 * ... times retry_first_ns, each with a random part of up to a half; a
 * Retry-After is obeyed within retry_max_ns.  A transfer that breaks in its
 * middle goes on from there when the server can do ranges; when the object has
 * changed meanwhile, it begins anew if it is not a stream.
 *
 * A job collects its body in data[0..len).  With a small window it is a stream:
 * what has been used is dropped by fetch_drop(), and the server is held back
 * while the window is full.
 *
 * A body to send is memory, or is read piece by piece as it goes.  Header fields
 * that depend on the time, as signatures do, are made anew for each attempt.
 *
 * Spec     RFC 9110 (ranges 14, conditions 13, Retry-After 10.2.3).
 * Shape    http, https; also file:// when the request allows it.  Certificates
 *          are checked as trust.h says.
 * Units    Times in ns, sizes in bytes.
 * Memory   fetch_new() and fetch_start() give; fetch_free() and fetch_end()
 *          take back.  A job's strings and data are borrowed until fetch_end();
 *          data moves with every fetch_run().
 * Threads  One fetch, with its jobs, belongs to one thread.
 * Errors   Negative errno values: -EINTR once a stop has been asked for (io.h).
 */
#ifndef FETCH_H
#define FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fetch;

struct fetch_config {			/* 0: the default in brackets */
	int64_t	 connect_ns;		/* limit to connect [5 s] */
	int64_t	 stall_ns;		/* no byte for so long: broken [10 s] */
	int64_t	 retry_first_ns;	/* [250 ms] */
	int64_t	 retry_max_ns;		/* of one wait [8 s] */
	unsigned redirects;		/* [8] */
	const char *user_agent;		/* borrowed; [mlive] */
};

/* Adds a header field, "Name: value", to what an attempt sends. */
struct fetch_fields;
void fetch_field(struct fetch_fields *fields, const char *line);

struct fetch_request {
	const char *url;		/* copied, as all strings are */
	const char *method;		/* NULL: GET; or "HEAD", "PUT", "DELETE" */
	const void *body;		/* of a PUT: borrowed until the job ends */
	int64_t	    body_len;		/* -1, with body_read: not known, so chunked */
	/* In place of body: up to n bytes from offset; 0 at the end, or -errno. */
	ssize_t	  (*body_read)(void *body_arg, int64_t offset, void *buf, size_t n);
	void	   *body_arg;
	/* Before each attempt, whose path then goes as it is, dots and all, and which
	 * is not redirected; 0 or a negative errno, which ends the job. */
	int	  (*fields)(void *arg, struct fetch_fields *fields);
	void	   *arg;
	const char *header[8];		/* "Name: value", up to a NULL */
	int64_t	    offset, len;	/* byte range; len 0: all, -1: to the end */
	const char *etag;		/* If-None-Match; NULL: none */
	const char *last_modified;	/* If-Modified-Since */
	size_t	    limit;		/* a longer body fails with -EFBIG; 0: none */
	size_t	    window;		/* held back above this; 0: not a stream */
	unsigned    retries;		/* after the first attempt */
	int64_t	    timeout_ns;		/* of the whole job with its retries; 0: none */
	bool	    allow_file;		/* file:// may be read */
	bool	    compressed;		/* ask for gzip; data is what was packed */
	bool	    retry_missing;	/* 404 may pass too */
	bool	    endless;		/* without a length it is not gone on with */
	bool	    keep_error;		/* data of a job that failed: what was said of it */
};

struct fetch_job {
	bool	 started;		/* the head of the answer has come */
	bool	 done;			/* nothing more will come */
	int	 error;			/* when done: 0, or negative errno; see below */
	bool	 transient;		/* of the error: the same may work later */
	char	 reason[160];		/* of the error or the retry, for a message */
	int	 status;		/* HTTP status, 0 if none came */
	unsigned tries;			/* attempts that failed since the last progress */
	uint64_t failures;		/* all of them */
	bool	 waiting;		/* for the time of the next attempt */

	uint8_t	*data;			/* never NULL */
	size_t	 len;
	int64_t	 received;		/* all of the body, dropped or not */
	int64_t	 content_length;	/* -1 if not said */
	const char *url;		/* after redirects */
	const char *content_type;	/* "", as the next ones, if not said */
	const char *etag, *last_modified;
	bool	 ranges;		/* the server takes byte ranges */
	int64_t	 sent;			/* of the body of a PUT, in this attempt */
	int64_t	 date_s;		/* the server's clock, since 1970; 0: not said */
	int64_t	 start_ns, first_ns, end_ns;	/* CLOCK_MONOTONIC */

	void	*user;			/* the caller's */
	struct fetch_private *private;
};

/*
 * error of a job: 0 for any 2xx and for 304; -ENOENT for 404 and 410; -EACCES
 * for 401 and 403; -EPROTO for another status; -EFBIG; -ETIMEDOUT; -ECONNRESET
 * for a broken transfer; -ECONNREFUSED, -EHOSTUNREACH; -ELOOP too many
 * redirects; -ESTALE the object changed while it was read; -EINVAL a bad URL.
 */

struct fetch *fetch_new(const struct fetch_config *config);	/* NULL: defaults */
void fetch_free(struct fetch *f);	/* after all of its jobs */

/* Returns a job, which may be done already (-EINVAL), or NULL: no memory. */
struct fetch_job *fetch_start(struct fetch *f, const struct fetch_request *r);
void fetch_end(struct fetch_job *job);	/* also before it is done; NULL is fine */

/*
 * Let the jobs go on until some job has changed (new data, head, retry, end)
 * or CLOCK_MONOTONIC reaches until_ns (negative: for ever; past: only look).
 * Returns 1, 0 when the time is over or no job is left, or -EINTR.
 */
int fetch_run(struct fetch *f, int64_t until_ns);

/* From now on fetch_run() returns 1 too when fd can be read; -1: no more. */
void fetch_watch(struct fetch *f, int fd);

/* Whether to go on after a stop, as what flushes or tidies up has to.  [false] */
void fetch_outlive_stop(struct fetch *f, bool on);

/* A field of the answer, or NULL: until the next attempt or fetch_end(). */
const char *fetch_header(const struct fetch_job *job, const char *name);

/* Run until this one is done.  Returns its error, or -EINTR. */
int fetch_wait(struct fetch *f, struct fetch_job *job);

/* Drop n bytes from the front of data. */
void fetch_drop(struct fetch_job *job, size_t n);

#endif
