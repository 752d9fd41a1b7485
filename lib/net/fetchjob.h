/*
 * fetchjob.h - one request of fetch.h, from its start to its end: private to fetch.
 *
 * fetchjob.c knows attempts and answers, fetch.c the loop that they share.
 *
 * Spec     As in fetch.h.
 * Memory   As in fetch.h.
 */
#ifndef FETCHJOB_H
#define FETCHJOB_H

#include <poll.h>

#include <curl/curl.h>

#include "lib/net/fetch.h"

struct fetch {
	CURLM	*multi;
	struct fetch_config config;
	char	*user_agent;
	int64_t	 timer_ns;		/* when curl wants to be called, or -1 */
	bool	 changed;		/* some job has, since fetch_run() returned */
	bool	 outlive_stop;
	int	 watch;			/* a descriptor of the caller, or -1 */
	unsigned npfd, spfd;
	struct pollfd *pfd, *ready;	/* as large as each other: spfd */
	struct fetch_private *first;
};

struct fetch_private {
	struct fetch_job job;		/* what the caller sees */
	struct fetch	*f;
	struct fetch_private *next;
	CURL	*easy;
	bool	 added;			/* easy is in the multi */
	bool	 paused;
	struct curl_slist *headers;	/* the same for all attempts, */
	struct curl_slist *sent;	/* and with those of this one */
	char	*request_url, *method, *etag, *url, *content_type, *last_modified;
	const void *body;
	int64_t	 body_len;
	ssize_t	(*body_read)(void *arg, int64_t offset, void *buf, size_t n);
	int	(*fields)(void *arg, struct fetch_fields *fields);
	void	*arg, *body_arg;
	int64_t	 offset, range_len;
	size_t	 limit, window, size;	/* size of job.data */
	unsigned retries;
	bool	 compressed, allow_file, retry_missing, endless, keep_error;
	bool	 checked;		/* the head of this attempt has been read */
	bool	 wanted;		/* its body is what was asked for */
	int64_t	 skip;			/* bytes of it that are here already */
	int64_t	 furthest;		/* most bytes that any attempt got to */
	int64_t	 deadline_ns, next_ns;
	int	 failure;		/* found by us while curl was at work */
};

/* Begin an attempt: the first, or one that was due at next_ns. */
void fetch_job_begin(struct fetch_private *p);

/* curl is through with an attempt: done, or to be tried again at next_ns. */
void fetch_job_ended(struct fetch_private *p, CURLcode result);

/* Its time is over. */
void fetch_job_expire(struct fetch_private *p);

#endif
