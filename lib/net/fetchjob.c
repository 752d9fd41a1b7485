#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "lib/net/fetchjob.h"
#include "lib/net/trust.h"

#define HEADERS_MAX	8
#define ERROR_MAX	65536	/* of what a server says of an error */

/* ---- answers */

/* The last value of a header of the answer, or NULL. */
static const char *
header(struct fetch_private *p, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(p->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ?
	    h->value : NULL;
}

static void
replace(char **to, const char *value)
{
	char *copy = value == NULL ? NULL : strdup(value);

	free(*to);
	*to = copy;
}

/*
 * Read the head of the answer to this attempt, and decide what its body is:
 * wanted or not, from the beginning or from where the last attempt broke.
 */
static void
check_head(struct fetch_private *p)
{
	struct fetch_job *job = &p->job;
	const char *etag = header(p, "ETag"), *value, *url = NULL;
	int64_t from = 0;
	curl_off_t length = -1;
	long status = 0;

	if (p->checked)
		return;
	p->checked = true;
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(p->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	curl_easy_getinfo(p->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (status == 0 && url != NULL && strncasecmp(url, "file:", 5) == 0) {
		status = 200;		/* and curl has obeyed the range */
		p->skip = 0;
		from = job->received;
	}
	job->status = (int)status;
	job->date_s = 0;
	if ((value = header(p, "Date")) != NULL)
		job->date_s = curl_getdate(value, NULL);
	p->wanted = status >= 200 && status < 300;
	if (!p->wanted)
		return;
	if (job->received > 0 && ((etag != NULL && p->etag != NULL &&
	    strcmp(etag, p->etag) != 0) || (status == 200 && from == 0 &&
	    length != job->content_length))) {
		/* Another object by now.  What is all here can be had anew. */
		if (p->window > 0 || status == 206)
			p->failure = -ESTALE;
		if (p->window == 0) {
			job->len = 0;
			job->received = 0;
		}
		if (p->failure != 0)
			return;
	}
	if (status == 206) {
		value = header(p, "Content-Range");
		if (value != NULL && strncasecmp(value, "bytes ", 6) == 0) {
			from = strtoll(value + 6, NULL, 10) - p->offset;
			if (from != job->received) {
				p->failure = -EPROTO;
				return;
			}
			if (length >= 0)
				length += from;
		}
		job->ranges = true;
	} else if (status == 200 && from == 0) {
		/* All of it, from its beginning: what is known is skipped. */
		p->skip = job->received + (p->range_len != 0 && url != NULL &&
		    strncasecmp(url, "file:", 5) != 0 ? p->offset : 0);
		value = header(p, "Accept-Ranges");
		job->ranges = value != NULL && strcasecmp(value, "bytes") == 0;
	}
	job->content_length = p->compressed && header(p, "Content-Encoding") != NULL ?
	    -1 : length;
	replace(&p->etag, etag);
	replace(&p->url, url);
	replace(&p->content_type, header(p, "Content-Type"));
	replace(&p->last_modified, header(p, "Last-Modified"));
	job->etag = p->etag == NULL ? "" : p->etag;
	job->url = p->url == NULL ? p->request_url : p->url;
	job->content_type = p->content_type == NULL ? "" : p->content_type;
	job->last_modified = p->last_modified == NULL ? "" : p->last_modified;
	job->started = true;
	p->f->changed = true;
}

static bool
make_room(struct fetch_private *p, size_t more)
{
	struct fetch_job *job = &p->job;
	size_t size = p->size == 0 ? 65536 : p->size;
	uint8_t *data;

	while (size - job->len < more)
		size *= 2;
	if (size == p->size)
		return true;
	if ((data = realloc(job->data, size)) == NULL)
		return false;
	job->data = data;
	p->size = size;
	return true;
}

static size_t
on_data(char *data, size_t one, size_t n, void *user)
{
	struct fetch_private *p = user;
	struct fetch_job *job = &p->job;
	size_t len = n * one;

	check_head(p);
	if (p->failure != 0)
		return 0;
	if (!p->wanted) {
		/* Only when nothing of the object itself is held. */
		if (p->keep_error && job->received == 0 &&
		    job->len + len <= ERROR_MAX && make_room(p, len)) {
			memcpy(job->data + job->len, data, len);
			job->len += len;
		}
		return len;
	}
	if (p->window > 0 && job->len >= p->window) {
		p->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (p->skip > 0) {
		size_t drop = (int64_t)len < p->skip ? len : (size_t)p->skip;

		p->skip -= (int64_t)drop;
		data += drop;
		len -= drop;
	}
	/* A server that does not do ranges sends more than was asked for. */
	if (p->range_len > 0 && (int64_t)len > p->range_len - job->received)
		len = (size_t)(p->range_len - job->received);
	if (p->limit > 0 && (uint64_t)job->received + len > p->limit)
		p->failure = -EFBIG;
	else if (!make_room(p, len))
		p->failure = -ENOMEM;
	if (p->failure != 0)
		return 0;
	if (len > 0) {
		if (job->first_ns == 0)
			job->first_ns = clk_mono_ns();
		memcpy(job->data + job->len, data, len);
		job->len += len;
		job->received += (int64_t)len;
		if (job->received > p->furthest) {
			p->furthest = job->received;
			job->tries = 0;
		}
		p->f->changed = true;
	}
	if (p->range_len > 0 && job->received == p->range_len && job->status == 200) {
		p->failure = 1;		/* enough: not an error */
		return 0;
	}
	return n * one;
}

/* ---- attempts */

static size_t
on_read(char *buf, size_t one, size_t n, void *user)
{
	struct fetch_private *p = user;
	ssize_t r = p->body_read(p->body_arg, p->job.sent, buf, one * n);

	if (r < 0) {
		p->failure = (int)r;
		return CURL_READFUNC_ABORT;
	}
	p->job.sent += r;
	return (size_t)r;
}

static int
on_seek(void *user, curl_off_t offset, int origin)
{
	struct fetch_private *p = user;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	p->job.sent = offset;
	return CURL_SEEKFUNC_OK;
}

struct fetch_fields {
	struct curl_slist *list;
	bool failed;
};

void
fetch_field(struct fetch_fields *fields, const char *line)
{
	struct curl_slist *more = curl_slist_append(fields->list, line);

	if (more != NULL)
		fields->list = more;
	else
		fields->failed = true;
}

/* The fields of this attempt: the ones that stay, and the caller's. */
static int
make_fields(struct fetch_private *p)
{
	struct fetch_fields f = { .list = NULL };
	int r = 0;

	for (struct curl_slist *l = p->headers; l != NULL; l = l->next)
		fetch_field(&f, l->data);
	if (p->fields != NULL)
		r = p->fields(p->arg, &f);
	curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, f.list);
	curl_slist_free_all(p->sent);
	p->sent = f.list;
	return r == 0 && f.failed ? -ENOMEM : r;
}

static void
set_options(struct fetch_private *p)
{
	const struct fetch_config *c = &p->f->config;
	const char *protocols = p->allow_file ? "http,https,file" : "http,https";
	CURL *e = p->easy;

	curl_easy_setopt(e, CURLOPT_URL, p->request_url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, p);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	/* What a signature or a token was made for is one place. */
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, p->fields == NULL ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)c->redirects);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(c->connect_ns / (CLK_SECOND / 1000)));
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME,
	    (long)((c->stall_ns + CLK_SECOND - 1) / CLK_SECOND));
	curl_easy_setopt(e, CURLOPT_USERAGENT, p->f->user_agent);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
	if (p->compressed)
		curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	trust_set(e);
	/* A signature covers the path as it is. */
	if (p->fields != NULL)
		curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	if (p->body_read != NULL) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)p->body_len);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, p);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, p);
		curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
	} else if (p->body != NULL) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)p->body_len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, p->body);
	}
	if (p->method != NULL && strcmp(p->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (p->method != NULL)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, p->method);
}

static void
finish(struct fetch_private *p, int error)
{
	p->job.done = true;
	p->job.waiting = false;
	p->job.error = error;
	p->job.end_ns = clk_mono_ns();
	p->f->changed = true;
}

void
fetch_job_begin(struct fetch_private *p)
{
	struct fetch_job *job = &p->job;
	int64_t from = p->offset + job->received;
	char range[48];
	int r;

	/* Only a body that is as it was sent can be gone on with. */
	if (p->compressed) {
		job->len = 0;
		job->received = from = 0;
	}
	p->checked = p->wanted = p->paused = false;
	p->skip = 0;
	p->failure = 0;
	job->waiting = false;
	if (p->range_len > 0)
		snprintf(range, sizeof(range), "%" PRId64 "-%" PRId64, from,
		    p->offset + p->range_len - 1);
	else
		snprintf(range, sizeof(range), "%" PRId64 "-", from);
	job->sent = 0;
	if (p->keep_error && job->received == 0)
		job->len = 0;
	if ((r = make_fields(p)) < 0) {
		snprintf(job->reason, sizeof(job->reason), "%s", strerror(-r));
		finish(p, r);
		return;
	}
	curl_easy_setopt(p->easy, CURLOPT_RANGE,
	    p->range_len != 0 || job->received > 0 ? range : NULL);
	if (curl_multi_add_handle(p->f->multi, p->easy) == CURLM_OK)
		p->added = true;
	else
		finish(p, -ENOMEM);
}

/* At most max, doubled for each failure, and up to a half less by chance. */
static int64_t
retry_delay(const struct fetch_private *p)
{
	const struct fetch_config *c = &p->f->config;
	int64_t ns = c->retry_first_ns;
	curl_off_t after = 0;
	uint32_t chance = 0;

	for (unsigned i = 1; i < p->job.tries && ns < c->retry_max_ns; i++)
		ns *= 2;
	if (ns > c->retry_max_ns)
		ns = c->retry_max_ns;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = (uint32_t)clk_mono_ns();
	ns -= rescale_down(ns / 2, chance, UINT32_MAX);
	curl_easy_getinfo(p->easy, CURLINFO_RETRY_AFTER, &after);
	if (after > c->retry_max_ns / CLK_SECOND)
		return c->retry_max_ns;
	return ns > after * CLK_SECOND ? ns : after * CLK_SECOND;
}

/* What a result means: an error, and whether it may pass. */
static int
judge(const struct fetch_private *p, CURLcode result, bool *transient)
{
	int status = p->job.status;

	*transient = false;
	switch (result) {
	case CURLE_OK:
		break;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EINVAL;
	case CURLE_TOO_MANY_REDIRECTS:
		return -ELOOP;
	case CURLE_FILE_COULDNT_READ_FILE:
		return -ENOENT;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_BAD_CONTENT_ENCODING:
		return -EPROTO;
	case CURLE_COULDNT_RESOLVE_HOST:
		*transient = true;
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		*transient = true;
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		*transient = true;
		return -ETIMEDOUT;
	default:
		*transient = true;
		return -ECONNRESET;
	}
	if ((status >= 200 && status < 300) || status == 304)
		return 0;
	*transient = status == 408 || status == 425 || status == 429 ||
	    (status >= 500 && status != 501 && status != 505) ||
	    (status == 404 && p->retry_missing);
	if (status == 404 || status == 410)
		return -ENOENT;
	if (status == 401 || status == 403)
		return -EACCES;
	if (status == 416 && p->job.received > 0 && p->furthest > 0)
		return p->job.content_length < 0 ? 0 : -ESTALE;
	return -EPROTO;
}

void
fetch_job_ended(struct fetch_private *p, CURLcode result)
{
	struct fetch_job *job = &p->job;
	bool transient = false;
	int error;

	check_head(p);
	curl_multi_remove_handle(p->f->multi, p->easy);
	p->added = false;
	if (p->failure < 0) {
		error = p->failure;
		transient = error == -ESTALE && p->window == 0;
	} else {
		error = p->failure > 0 ? 0 : judge(p, result, &transient);
	}
	job->transient = transient;
	if (error == 0) {
		finish(p, 0);
		return;
	}
	job->failures++;
	job->tries++;
	if (p->failure < 0)
		snprintf(job->reason, sizeof(job->reason), "%s", strerror(-error));
	else if (result != CURLE_OK)
		snprintf(job->reason, sizeof(job->reason), "%s",
		    curl_easy_strerror(result));
	else
		snprintf(job->reason, sizeof(job->reason), "status %d", job->status);
	if (p->endless && job->received > 0 && job->content_length < 0)
		transient = false;
	if (!transient || job->tries > p->retries) {
		finish(p, error);
		return;
	}
	p->next_ns = clk_mono_ns() + retry_delay(p);
	job->waiting = true;
	p->f->changed = true;
}

void
fetch_job_expire(struct fetch_private *p)
{
	if (p->added)
		curl_multi_remove_handle(p->f->multi, p->easy);
	p->added = false;
	p->job.transient = true;
	if (*p->job.reason == '\0')
		snprintf(p->job.reason, sizeof(p->job.reason), "%s", strerror(ETIMEDOUT));
	finish(p, -ETIMEDOUT);
}

/* ---- jobs */

static char *
copy(const char *s, bool *failed)
{
	char *c = s == NULL ? NULL : strdup(s);

	*failed |= s != NULL && c == NULL;
	return c;
}

static void
add_header(struct fetch_private *p, const char *name, const char *value, bool *failed)
{
	struct curl_slist *more;
	char *line;

	if (asprintf(&line, "%s%s", name, value) < 0) {
		*failed = true;
		return;
	}
	if ((more = curl_slist_append(p->headers, line)) != NULL)
		p->headers = more;
	else
		*failed = true;
	free(line);
}

struct fetch_job *
fetch_start(struct fetch *f, const struct fetch_request *r)
{
	struct fetch_private *p = calloc(1, sizeof(*p));
	bool failed = false;

	if (p == NULL)
		return NULL;
	p->f = f;
	p->next = f->first;
	f->first = p;
	p->job.private = p;
	p->request_url = copy(r->url, &failed);
	p->method = copy(r->method, &failed);
	p->body = r->body;
	p->body_len = r->body_len;
	p->body_read = r->body_read;
	p->fields = r->fields;
	p->arg = r->arg;
	p->body_arg = r->body_arg;
	p->keep_error = r->keep_error;
	p->offset = r->len != 0 ? r->offset : 0;
	p->range_len = r->len;
	p->limit = r->limit;
	p->window = r->window;
	p->retries = r->retries;
	p->compressed = r->compressed && r->len == 0;
	p->allow_file = r->allow_file;
	p->retry_missing = r->retry_missing;
	p->endless = r->endless;
	for (unsigned i = 0; i < HEADERS_MAX && r->header[i] != NULL; i++)
		add_header(p, "", r->header[i], &failed);
	if (r->etag != NULL && *r->etag != '\0')
		add_header(p, "If-None-Match: ", r->etag, &failed);
	if (r->last_modified != NULL && *r->last_modified != '\0')
		add_header(p, "If-Modified-Since: ", r->last_modified, &failed);
	if (r->body != NULL || r->body_read != NULL)	/* not what curl says of a form */
		add_header(p, "Expect:", "", &failed);
	p->job.url = p->request_url;
	p->job.content_type = p->job.etag = p->job.last_modified = "";
	p->job.content_length = -1;
	p->job.start_ns = clk_mono_ns();
	p->deadline_ns = r->timeout_ns > 0 ? p->job.start_ns + r->timeout_ns : INT64_MAX;
	if (failed || !make_room(p, 1) || (p->easy = curl_easy_init()) == NULL) {
		fetch_end(&p->job);
		return NULL;
	}
	set_options(p);
	fetch_job_begin(p);
	return &p->job;
}

void
fetch_end(struct fetch_job *job)
{
	struct fetch_private *p, **at;

	if (job == NULL)
		return;
	p = job->private;
	for (at = &p->f->first; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	if (p->added)
		curl_multi_remove_handle(p->f->multi, p->easy);
	if (p->easy != NULL)
		curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->headers);
	curl_slist_free_all(p->sent);
	free(p->request_url);
	free(p->method);
	free(p->etag);
	free(p->url);
	free(p->content_type);
	free(p->last_modified);
	free(job->data);
	free(p);
}

const char *
fetch_header(const struct fetch_job *job, const char *name)
{
	return header(job->private, name);
}

void
fetch_drop(struct fetch_job *job, size_t n)
{
	job->len -= n;
	memmove(job->data, job->data + n, job->len);
}
