/*
 * s3.c - signed requests, and when they go out again; see s3.h.
 */
#include "lib/net/s3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/base/clk.h"
#include "lib/base/hex.h"
#include "lib/base/io.h"
#include "lib/net/s3priv.h"
#include "lib/net/sigv4.h"

#define RETRIES		8
#define UNSIGNED_ABOVE	(1 << 20)	/* over TLS */
#define SKEW_S		120		/* of the clocks: then it may be the reason */
#define HEADERS		8
#define HASH_BLOCK	65536
#define FIRST_NS	(CLK_SECOND / 4)
#define URL_SIZE	(3 * S3_KEY_MAX + S3_HOST_MAX + 4096)

struct s3 {
	struct s3_address a;
	struct fetch *fetch;
	struct s3_private *first;
	char	*token;
	unsigned retries;
	void	 (*waits)(const char *reason);	/* NULL, also after it was called */
	int64_t	 skew_s;		/* the store's clock minus ours */
	bool	 outlive_stop;
	char	 reason[256];
};

struct s3_private {
	struct s3_job job;
	struct s3 *s;
	struct s3_private *next;
	struct s3_request r;		/* its strings are ours */
	char	*key, *header[HEADERS];
	char	 payload[SIGV4_HEX];
	char	 path[URL_SIZE];
	char	 url[URL_SIZE];
	bool	 clock_tried, region_tried;
	int64_t	 signed_s, next_ns;	/* next_ns: 0 or when it goes out again */
};

/* ---- signing */

static struct h1_str
str(const char *text)
{
	return (struct h1_str){ text, strlen(text) };
}

/* Split "Name: value". */
static struct h1_field
field(const char *line)
{
	const char *colon = strchr(line, ':');
	struct h1_field f = { .name = { line, strlen(line) }, .value = str("") };

	if (colon != NULL) {
		f.name.len = (size_t)(colon - line);
		f.value = str(colon + 1 + strspn(colon + 1, " "));
	}
	return f;
}

static struct sigv4_key
keys(const struct s3 *s)
{
	const struct s3_keys *k = &s->a.keys;

	return (struct sigv4_key){ k->id, k->secret, *k->token == '\0' ? NULL : k->token };
}

static struct sigv4_scope
scope(const struct s3 *s, int64_t now_s)
{
	struct sigv4_scope c = { .date = "" };

	sigv4_date(now_s, c.date);
	snprintf(c.region, sizeof(c.region), "%s", s->a.region);
	snprintf(c.service, sizeof(c.service), "%s", s->a.s3 ? "s3" : "mediastore");
	return c;
}

/* The fields of one attempt: fetch.h asks for them. */
static int
make_fields(void *arg, struct fetch_fields *to)
{
	struct s3_private *p = arg;
	const struct s3 *s = p->s;
	struct h1_field f[HEADERS + 4];
	struct sigv4_request r = {
		.method = str(p->r.method), .path = str(p->path),
		.query = str(p->r.query), .field = f, .payload = str(p->payload),
	};
	struct sigv4_key k = keys(s);
	struct sigv4_scope c;
	char host[S3_HOST_MAX + 256], line[sizeof(s->a.keys.token) + 64], text[1024];
	char authorization[1100];
	int n;

	for (unsigned i = 0; i < HEADERS && p->header[i] != NULL; i++) {
		fetch_field(to, p->header[i]);
		f[r.nfield++] = field(p->header[i]);
	}
	if (s->token != NULL || *k.id == '\0') {
		if (s->token == NULL)
			return 0;
		snprintf(line, sizeof(line), "Authorization: Bearer %s", s->token);
		fetch_field(to, line);
		return 0;
	}
	p->signed_s = clk_utc_ns() / CLK_SECOND + s->skew_s;
	c = scope(s, p->signed_s);
	if ((n = s3_address_host(&s->a, host, sizeof(host))) < 0)
		return n;
	f[r.nfield++] = (struct h1_field){ str("host"), str(host) };
	f[r.nfield++] = (struct h1_field){ str("x-amz-date"), str(c.date) };
	f[r.nfield++] = (struct h1_field){ str("x-amz-content-sha256"), str(p->payload) };
	if (k.token != NULL)
		f[r.nfield++] = (struct h1_field){ str("x-amz-security-token"),
		    str(k.token) };
	if ((n = sigv4_sign(&k, &c, &r, text, sizeof(text))) < 0)
		return n;
	snprintf(line, sizeof(line), "x-amz-date: %s", c.date);
	fetch_field(to, line);
	snprintf(line, sizeof(line), "x-amz-content-sha256: %s", p->payload);
	fetch_field(to, line);
	if (k.token != NULL) {
		snprintf(line, sizeof(line), "x-amz-security-token: %s", k.token);
		fetch_field(to, line);
	}
	snprintf(authorization, sizeof(authorization), "Authorization: %s", text);
	fetch_field(to, authorization);
	return 0;
}

/* A body that is read twice: now for its hash, then to be sent. */
static int
hash_source(const struct s3_request *r, char hex[static SIGV4_HEX])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *buf = malloc(HASH_BLOCK), d[32];
	int64_t at = 0;
	ssize_t n = -ENOMEM;

	if (md != NULL && buf != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1)
		while ((n = r->body_read(r->body_arg, at, buf, HASH_BLOCK)) > 0) {
			EVP_DigestUpdate(md, buf, (size_t)n);
			at += n;
		}
	if (n == 0 && at != r->body_len)
		n = -ESTALE;		/* it is being written */
	if (n == 0) {
		EVP_DigestFinal_ex(md, d, NULL);
		hex_put(hex, d, sizeof(d));
	}
	EVP_MD_CTX_free(md);
	free(buf);
	return (int)n;
}

/* What is signed of the body. */
static int
hash_body(struct s3_private *p)
{
	const struct s3_request *r = &p->r;
	const struct s3 *s = p->s;

	if (*s->a.keys.id == '\0' || s->token != NULL)
		return 0;
	if (r->body_len < 0 || (s->a.tls && r->body_len > UNSIGNED_ABOVE)) {
		memcpy(p->payload, SIGV4_UNSIGNED, sizeof(SIGV4_UNSIGNED));
		return 0;
	}
	if (r->body_read == NULL) {
		sigv4_sha256(r->body == NULL ? "" : r->body, (size_t)r->body_len,
		    p->payload);
		return 0;
	}
	return hash_source(r, p->payload);
}

static int
make_url(struct s3_private *p)
{
	char host[S3_HOST_MAX + 256];
	int r = s3_address_host(&p->s->a, host, sizeof(host)), n;

	if (r == 0)
		r = s3_address_path(&p->s->a, p->key, p->path, sizeof(p->path));
	if (r < 0)
		return r;
	n = snprintf(p->url, sizeof(p->url), "http%s://%s%s%s%s", p->s->a.tls ? "s" : "",
	    host, p->path, *p->r.query == '\0' ? "" : "?", p->r.query);
	return n < 0 || (size_t)n >= sizeof(p->url) ? -ENAMETOOLONG : 0;
}

/* ---- a job */

static int
send_out(struct s3_private *p)
{
	const struct s3_request *q = &p->r;
	struct fetch_request r = {
		.url = p->url, .method = q->method, .body = q->body,
		.body_len = q->body_len, .body_read = q->body_read,
		.body_arg = q->body_arg, .fields = make_fields, .arg = p,
		.offset = q->offset, .len = q->len,
		.window = q->window, .limit = q->limit, .keep_error = true,
		.retries = q->once ? 0 : p->s->retries, .timeout_ns = q->timeout_ns,
	};
	int err = make_url(p);

	if (err < 0)
		return err;
	fetch_end(p->job.http);
	p->next_ns = 0;
	p->job.http = fetch_start(p->s->fetch, &r);
	return p->job.http == NULL ? -ENOMEM : 0;
}

static char *
copy(const char *s, bool *failed)
{
	char *c = strdup(s);

	*failed |= c == NULL;
	return c;
}

struct s3_job *
s3_start(struct s3 *s, const struct s3_request *r)
{
	struct s3_private *p = calloc(1, sizeof(*p));
	bool failed = false;

	if (p == NULL)
		return NULL;
	p->s = s;
	p->next = s->first;
	s->first = p;
	p->job.private = p;
	p->r = *r;
	p->r.method = copy(r->method == NULL ? "GET" : r->method, &failed);
	p->r.query = copy(r->query == NULL ? "" : r->query, &failed);
	p->key = copy(r->key == NULL ? "" : r->key, &failed);
	for (unsigned i = 0; i < HEADERS && r->header[i] != NULL; i++)
		p->header[i] = copy(r->header[i], &failed);
	if (failed) {
		s3_end(&p->job);
		return NULL;
	}
	p->job.error = hash_body(p);
	if (p->job.error == 0)
		p->job.error = send_out(p);
	if (p->job.error < 0) {
		p->job.done = true;
		snprintf(p->job.reason, sizeof(p->job.reason), "%s",
		    strerror(-p->job.error));
	}
	return &p->job;
}

void
s3_end(struct s3_job *job)
{
	struct s3_private *p, **at;

	if (job == NULL)
		return;
	p = job->private;
	for (at = &p->s->first; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	fetch_end(job->http);
	free((char *)p->r.method);
	free((char *)p->r.query);
	free(p->key);
	for (unsigned i = 0; i < HEADERS; i++)
		free(p->header[i]);
	free(job->own);
	free(p);
}

/* ---- what came back */

static void
give_reason(struct s3_job *job)
{
	const struct s3_error *e = &job->said;

	if (*e->code != '\0' || *e->message != '\0')
		snprintf(job->reason, sizeof(job->reason), "status %d: %s%s%s", job->status,
		    e->code, *e->code != '\0' && *e->message != '\0' ? ": " : "", e->message);
	else
		snprintf(job->reason, sizeof(job->reason), "%s", job->http->reason);
}

/* An error that a store means to be tried again, whatever its status. */
static bool
passes(const char *code)
{
	static const char *const name[] = {
		"InternalError", "OperationAborted", "RequestTimeout",
		"ServiceUnavailable", "SlowDown", "ThrottlingException",
	};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (strcmp(code, name[i]) == 0)
			return true;
	return false;
}

/* Should it go out again, at once (1) or after a while (2)? */
static int
again(struct s3_private *p)
{
	struct s3_job *job = &p->job;
	const char *code = job->said.code, *region;
	int64_t late = job->http->date_s - p->signed_s;

	bool tired = job->repeats >= p->s->retries;

	if (p->r.once)
		return 0;
	if (job->http->received > 0)
		return p->r.may_be_error && !tired && passes(code) ? 2 : 0;
	if ((job->status == 403 || job->status == 400) && p->signed_s != 0 &&
	    job->http->date_s > 0 && !p->clock_tried && (late > SKEW_S || late < -SKEW_S)) {
		p->clock_tried = true;
		p->s->skew_s += late;
		return 1;
	}
	region = fetch_header(job->http, "x-amz-bucket-region");
	if (region == NULL && *job->said.region != '\0')
		region = job->said.region;
	if ((job->status == 301 || job->status == 307 || job->status == 400 ||
	    job->status == 403) && region != NULL && !p->region_tried && p->s->a.s3 &&
	    strcmp(region, p->s->a.region) != 0) {
		p->region_tried = true;
		return s3_address_region(&p->s->a, region) == 0;
	}
	return !tired && passes(code) ? 2 : 0;
}

/* The answer to an attempt is all here. */
static void
look(struct s3_private *p)
{
	struct s3_job *job = &p->job;
	int how = 0;

	job->status = job->http->status;
	job->error = job->http->error;
	memset(&job->said, 0, sizeof(job->said));
	if (job->error != 0 || p->r.may_be_error) {
		int is = s3_error_parse(&job->said, job->http->data, job->http->len);
		const char *type = fetch_header(job->http, "x-amzn-ErrorType");

		if (*job->said.code == '\0' && type != NULL && job->error != 0)
			snprintf(job->said.code, sizeof(job->said.code), "%.*s",
			    (int)strcspn(type, ":"), type);
		if (job->error == 0 && is > 0)
			job->error = -EPROTO;
	}
	if (job->error != 0 && job->status != 0)
		how = again(p);
	if (how == 0) {
		if (job->status == 412 || (job->status == 409 && *job->said.code != '\0'))
			job->error = -EEXIST;
		if (job->error == -ENOENT && strcmp(job->said.code, "NoSuchBucket") == 0)
			job->error = -ENXIO;
		/* It may have been an attempt of ours whose answer got lost. */
		if ((job->error == -ENOENT || job->error == -ENXIO) &&
		    strcmp(p->r.method, "DELETE") == 0 &&
		    job->repeats + job->http->failures > 1)
			job->error = 0;
		if (job->error != 0)
			give_reason(job);
		job->done = true;
		return;
	}
	job->repeats++;
	p->next_ns = clk_mono_ns();
	if (how == 2)
		p->next_ns += FIRST_NS << (job->repeats < 6 ? job->repeats : 6);
}

int
s3_run(struct s3 *s, int64_t until_ns)
{
	bool changed = false;
	int64_t next = until_ns;
	int r;

	for (struct s3_private *p = s->first; p != NULL; p = p->next) {
		if (p->job.done)
			continue;
		if (p->next_ns == 0 && p->job.http->waiting && s->waits != NULL) {
			s->waits(p->job.http->reason);
			s->waits = NULL;
		}
		if (p->next_ns != 0 && clk_mono_ns() >= p->next_ns &&
		    (p->job.error = send_out(p)) < 0) {
			snprintf(p->job.reason, sizeof(p->job.reason), "%s",
			    strerror(-p->job.error));
			p->job.done = changed = true;
		} else if (p->next_ns == 0 && p->job.http->done) {
			look(p);
			changed |= p->job.done;
		}
		if (!p->job.done && p->next_ns != 0 && (next < 0 || p->next_ns < next))
			next = p->next_ns;
	}
	if (changed)
		return 1;
	if (io_stopping() && !s->outlive_stop)
		return -EINTR;
	r = fetch_run(s->fetch, next);
	/* When all wait for their next attempt, there is nothing to wait on. */
	if (r == 0 && next != until_ns)
		r = clk_sleep_until(next);
	return r;
}

int
s3_wait(struct s3 *s, struct s3_job *job)
{
	while (!job->done) {
		int r = s3_run(s, -1);

		if (r < 0)
			return r;
	}
	return job->error;
}

void
s3_watch(struct s3 *s, int fd)
{
	fetch_watch(s->fetch, fd);
}

void
s3_outlive_stop(struct s3 *s, bool on)
{
	s->outlive_stop = on;
	fetch_outlive_stop(s->fetch, on);
}

/* ---- the store */

struct s3 *
s3_new(const struct s3_address *a, const struct s3_config *c)
{
	struct fetch_config f = { .user_agent = c->user_agent };
	struct s3 *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->a = *a;
	s->waits = c->waits;
	s->retries = c->no_retries ? 0 : c->retries != 0 ? c->retries : RETRIES;
	s->fetch = fetch_new(&f);
	s->token = c->token == NULL ? NULL : strdup(c->token);
	if (s->fetch == NULL || (c->token != NULL && s->token == NULL)) {
		s3_free(s);
		return NULL;
	}
	return s;
}

void
s3_free(struct s3 *s)
{
	if (s == NULL)
		return;
	while (s->first != NULL)
		s3_end(&s->first->job);
	fetch_free(s->fetch);
	s3_address_clear(&s->a);
	if (s->token != NULL)
		explicit_bzero(s->token, strlen(s->token));
	free(s->token);
	free(s);
}

const struct s3_address *
s3_address(const struct s3 *s)
{
	return &s->a;
}

char *
s3_reason_buffer(struct s3 *s)
{
	return s->reason;
}

const char *
s3_reason(const struct s3 *s)
{
	return s->reason;
}

int
s3_presign(struct s3 *s, const char *method, const char *key, unsigned expires_s,
    char *out, size_t size)
{
	char host[S3_HOST_MAX + 256], path[3 * S3_KEY_MAX + 512], query[8192];
	struct h1_field f;
	struct sigv4_request r = {
		.method = str(method), .query = str(""), .field = &f, .nfield = 1,
		.payload = str(SIGV4_UNSIGNED),
	};
	struct sigv4_key k = keys(s);
	struct sigv4_scope c = scope(s, clk_utc_ns() / CLK_SECOND + s->skew_s);
	int n, err;

	if (*k.id == '\0')
		return -ENOKEY;
	if ((err = s3_address_host(&s->a, host, sizeof(host))) < 0 ||
	    (err = s3_address_path(&s->a, key, path, sizeof(path))) < 0)
		return err;
	f = (struct h1_field){ str("host"), str(host) };
	r.path = str(path);
	if ((err = sigv4_presign(&k, &c, expires_s, &r, query, sizeof(query))) < 0)
		return err;
	n = snprintf(out, size, "http%s://%s%s?%s", s->a.tls ? "s" : "", host, path, query);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}
