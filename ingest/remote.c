#include <errno.h>
#include <libavformat/avio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/remote.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/net/fetch.h"
#include "lib/net/s3.h"

#define WINDOW		(4 << 20)	/* read ahead */
#define AHEAD		(1 << 20)	/* a place that is no farther is waited for */
#define HEAD		65536		/* of its beginning that is kept: who looks reads it again */
#define RETRIES		8		/* in a row: about 30 s */

struct remote {
	struct s3 *s3;			/* or */
	struct fetch *fetch;
	char	*url;			/* or the key */
	struct s3_job *s3_job;		/* or */
	struct fetch_job *job;		/* the one at hand, or NULL */
	int64_t	 pos;			/* of what is read next */
	int64_t	 size;			/* -1: not known yet */
	int64_t	 from;			/* of the job's first byte that is not dropped */
	char	 etag[128];
	char	 reason[256];
	uint64_t retries;
	int64_t	 head_len;
	uint8_t	 head[HEAD];
};

static void
on_wait(const char *reason)
{
	log_warn(0, "%s: trying again", reason);
}

struct remote *
remote_new_s3(const char *url, int *err, char reason[static 160])
{
	struct remote *r = calloc(1, sizeof(*r));
	struct s3_address *a = calloc(1, sizeof(*a));

	*err = -ENOMEM;
	snprintf(reason, 160, "out of memory");
	if (r != NULL && a != NULL && (*err = s3_address_parse(a, url, reason)) == 0) {
		r->size = -1;
		if (*a->key == '\0') {
			snprintf(reason, 160, "it has no key");
			*err = -EINVAL;
		} else if ((r->url = strdup(a->key)) == NULL || (r->s3 = s3_new(a,
		    &(struct s3_config){ .waits = on_wait })) == NULL) {
			*err = -ENOMEM;
		}
	}
	if (a != NULL)
		s3_address_clear(a);
	free(a);
	if (*err == 0)
		return r;
	remote_free(r);
	return NULL;
}

struct remote *
remote_new_http(const char *url)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->url = strdup(url)) == NULL ||
	    (r->fetch = fetch_new(NULL)) == NULL) {
		remote_free(r);
		return NULL;
	}
	r->size = -1;
	return r;
}

static void
end_job(struct remote *r)
{
	if (r->job != NULL)
		r->retries += r->job->failures;
	if (r->s3 != NULL)
		s3_end(r->s3_job);
	else
		fetch_end(r->job);
	r->s3_job = NULL;
	r->job = NULL;
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	end_job(r);
	s3_free(r->s3);
	if (r->fetch != NULL)
		fetch_free(r->fetch);
	free(r->url);
	free(r);
}

static int
begin(struct remote *r)
{
	r->from = r->pos;
	if (r->s3 != NULL) {
		r->s3_job = s3_start(r->s3, &(struct s3_request){
			.key = r->url, .window = WINDOW, .offset = r->pos,
			.len = r->pos > 0 ? -1 : 0,
		});
		r->job = r->s3_job != NULL ? r->s3_job->http : NULL;
		return r->s3_job != NULL ? 0 : -ENOMEM;
	}
	r->job = fetch_start(r->fetch, &(struct fetch_request){
		.url = r->url, .window = WINDOW, .offset = r->pos, .retries = RETRIES,
		.len = r->pos > 0 ? -1 : 0,
	});
	return r->job != NULL ? 0 : -ENOMEM;
}

static bool
is_done(const struct remote *r, int *error)
{
	if (r->s3_job != NULL) {
		*error = r->s3_job->error;
		return r->s3_job->done;
	}
	*error = r->job != NULL ? r->job->error : -EIO;
	return r->job == NULL || r->job->done;
}

/* The head of an answer: is it still the same object, and how long is it? */
static int
look_at_head(struct remote *r)
{
	const struct fetch_job *job = r->job;

	if (!job->started)
		return 0;
	if (*r->etag == '\0')
		snprintf(r->etag, sizeof(r->etag), "%s", job->etag);
	else if (strncmp(r->etag, job->etag, sizeof(r->etag) - 1) != 0) {
		snprintf(r->reason, sizeof(r->reason), "it has changed meanwhile");
		return -ESTALE;
	}
	if (r->size < 0 && job->content_length >= 0 && r->from == 0)
		r->size = job->content_length;
	return 0;
}

static int
failed(struct remote *r, int error)
{
	if (r->s3_job != NULL)
		snprintf(r->reason, sizeof(r->reason), "%s", r->s3_job->reason);
	else if (r->job != NULL)
		snprintf(r->reason, sizeof(r->reason), "%s", r->job->reason);
	return error;
}

/* More of the job: 1 there is some, 0 at its end, -EAGAIN at the deadline. */
static int
wait_for_more(struct remote *r, int64_t deadline_ns)
{
	int error, n;

	for (;;) {
		if (r->s3_job != NULL)
			r->job = r->s3_job->http;
		if (r->job != NULL && (n = look_at_head(r)) < 0)
			return n;
		if (r->job != NULL && r->job->len > 0 && r->job->status / 100 == 2)
			return 1;
		if (is_done(r, &error))
			return error < 0 ? failed(r, error) : 0;
		if (clk_mono_ns() >= deadline_ns)
			return -EAGAIN;
		n = r->s3 != NULL ? s3_run(r->s3, deadline_ns) : fetch_run(r->fetch,
		    deadline_ns);
		if (n < 0)
			return n;
	}
}

static void
keep_head(struct remote *r, const uint8_t *buf, int n)
{
	if (r->pos != r->head_len || r->head_len == HEAD)
		return;
	if (n > HEAD - r->head_len)
		n = (int)(HEAD - r->head_len);
	memcpy(r->head + r->head_len, buf, (size_t)n);
	r->head_len += n;
}

int
remote_read(struct remote *r, uint8_t *buf, int size, int64_t deadline_ns)
{
	int n;

	if (r->size >= 0 && r->pos >= r->size)
		return 0;
	if (r->pos < r->head_len) {
		n = size < r->head_len - r->pos ? size : (int)(r->head_len - r->pos);
		memcpy(buf, r->head + r->pos, (size_t)n);
		r->pos += n;
		return n;
	}
	if (r->job != NULL && (r->pos < r->from || r->pos > r->from + AHEAD))
		end_job(r);
	if (r->job == NULL && r->s3_job == NULL && (n = begin(r)) < 0)
		return n;
	while ((n = wait_for_more(r, deadline_ns)) > 0) {
		size_t skip = (size_t)(r->pos - r->from), len = r->job->len;

		if (skip < len) {
			n = (size_t)size < len - skip ? size : (int)(len - skip);
			memcpy(buf, r->job->data + skip, (size_t)n);
			keep_head(r, buf, n);
			fetch_drop(r->job, skip + (size_t)n);
			r->pos += n;
			r->from = r->pos;
			return n;
		}
		fetch_drop(r->job, len);
		r->from += (int64_t)len;
	}
	return n;
}

int64_t
remote_seek(struct remote *r, int64_t offset, int whence)
{
	if (whence == AVSEEK_SIZE)
		return r->size;
	if (whence == SEEK_CUR)
		offset += r->pos;
	else if (whence == SEEK_END && r->size < 0)
		return -1;
	else if (whence == SEEK_END)
		offset += r->size;
	if (offset < 0)
		return -1;
	return r->pos = offset;
}

const char *
remote_why(const struct remote *r)
{
	return r->reason;
}

uint64_t
remote_retries(const struct remote *r)
{
	return r->retries + (r->job != NULL ? r->job->failures : 0);
}
