/*
 * s3op.c - what is asked of a store in one request; see s3.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "lib/base/text.h"
#include "lib/net/s3priv.h"

#define LIST_LIMIT	(16 << 20)	/* bytes of an answer */

int
s3_finish(struct s3 *s, struct s3_job *job)
{
	int r;

	if (job == NULL) {
		snprintf(s3_reason_buffer(s), 256, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	r = s3_wait(s, job);
	snprintf(s3_reason_buffer(s), 256, "%s", r == -EINTR && !job->done ?
	    "stopped" : job->reason);
	s3_end(job);
	return r;
}

/* ---- one object */

int
s3_meta_lines(const struct s3 *s, const struct s3_meta *m, struct s3_lines *text,
    struct s3_request *r)
{
	bool s3 = s3_address(s)->s3;
	const char *acl = *s3_address(s)->acl != '\0' ? s3_address(s)->acl : NULL;
	const char *class = *s3_address(s)->storage_class != '\0' ?
	    s3_address(s)->storage_class : NULL;
	const struct {
		const char *name, *value;
	} row[] = {
		{ "Content-Type", m->content_type == NULL ? "application/octet-stream" :
		    m->content_type },
		{ "Cache-Control", m->cache_control },
		{ "x-amz-storage-class", m->storage_class != NULL ? m->storage_class : class },
		{ "x-amz-acl", s3 ? acl : NULL },
		{ "If-None-Match", m->create ? "*" : NULL },
		{ "x-amz-upload-availability", s3 ? NULL :
		    m->streaming ? "STREAMING" : NULL },
	};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int len;

		if (row[i].value == NULL)
			continue;
		if (strpbrk(row[i].value, "\r\n") != NULL)
			return -EINVAL;
		len = snprintf(text->line[n], sizeof(text->line[n]), "%s: %s",
		    row[i].name, row[i].value);
		if (len < 0 || (size_t)len >= sizeof(text->line[n]))
			return -ENAMETOOLONG;
		r->header[n] = text->line[n];
		n++;
	}
	for (size_t i = 0; i < sizeof(m->own) / sizeof(m->own[0]); i++) {
		if (m->own[i] == NULL)
			continue;
		if (strpbrk(m->own[i], "\r\n") != NULL)
			return -EINVAL;
		r->header[n++] = m->own[i];
	}
	return 0;
}

struct s3_job *
s3_start_put(struct s3 *s, const char *key, const struct s3_meta *m,
    const struct s3_source *src)
{
	struct s3_lines text;
	struct s3_request r = {
		.method = "PUT", .key = key, .body_read = src->read, .body_arg = src->arg,
		.body_len = src->size, .once = src->size < 0,
	};

	if (s3_meta_lines(s, m, &text, &r) < 0)
		return NULL;
	return s3_start(s, &r);
}

static char *
header_copy(const struct s3_job *job, const char *name)
{
	const char *v = fetch_header(job->http, name);

	return strdup(v == NULL ? "" : v);
}

void
s3_item_clear(struct s3_item *item)
{
	free(item->name);
	free(item->etag);
	free(item->type);
	free(item->storage_class);
	memset(item, 0, sizeof(*item));
}

int
s3_head(struct s3 *s, const char *key, struct s3_item *item)
{
	struct s3_request q = { .method = "HEAD", .key = key };
	struct s3_job *job = s3_start(s, &q);
	struct s3_item i = { .size = -1, .modified_s = -1 };
	size_t len;
	int r = job == NULL ? -ENOMEM : s3_wait(s, job);

	if (r == 0) {
		i.name = strdup(key);
		i.etag = header_copy(job, "ETag");
		i.type = header_copy(job, "Content-Type");
		i.storage_class = header_copy(job, "x-amz-storage-class");
		i.size = job->http->content_length;
		if (*job->http->last_modified != '\0')
			i.modified_s = curl_getdate(job->http->last_modified, NULL);
		if (i.name == NULL || i.etag == NULL || i.type == NULL ||
		    i.storage_class == NULL)
			r = -ENOMEM;
	}
	if (r == 0 && (len = strlen(i.etag)) >= 2 && *i.etag == '"') {
		memmove(i.etag, i.etag + 1, len - 2);
		i.etag[len - 2] = '\0';
	}
	if (r == 0)
		*item = i;
	else
		s3_item_clear(&i);
	if (job == NULL)
		return r;
	snprintf(s3_reason_buffer(s), 256, "%s", job->reason);
	s3_end(job);
	return r;
}

int
s3_delete(struct s3 *s, const char *key)
{
	struct s3_request q = { .method = "DELETE", .key = key };

	return s3_finish(s, s3_start(s, &q));
}

int
s3_copy(struct s3 *s, const char *from_bucket, const char *from, const char *to)
{
	char path[3 * S3_KEY_MAX + 1], line[3 * S3_KEY_MAX + 512];
	struct s3_request q = { .method = "PUT", .key = to, .header = { line },
	    .body = "", .may_be_error = true };
	int r = s3_escape(from, true, path, sizeof(path));

	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "x-amz-copy-source: /%s/%s", from_bucket, path);
	return s3_finish(s, s3_start(s, &q));
}

/* ---- lists */

int
s3_list(struct s3 *s, const char *prefix, bool deep, const char *token,
    struct s3_list *list)
{
	static const struct s3_list none;
	bool s3 = s3_address(s)->s3;
	char name[3 * S3_KEY_MAX + 1], next[4096];
	char query[sizeof(name) + sizeof(next) + 128];
	struct s3_request q = { .query = query, .limit = LIST_LIMIT };
	struct s3_job *job;
	int r;

	*list = none;
	if ((r = s3_escape(prefix, false, name, sizeof(name))) < 0 ||
	    (r = s3_escape(token == NULL ? "" : token, false, next, sizeof(next))) < 0)
		return r;
	/* In the order in which they are signed. */
	if (s3)
		snprintf(query, sizeof(query), "%s%s%s%sencoding-type=url&list-type=2&"
		    "max-keys=1000&prefix=%s", token == NULL ? "" : "continuation-token=",
		    next, token == NULL ? "" : "&", deep ? "" : "delimiter=%2F&", name);
	else
		snprintf(query, sizeof(query), "MaxResults=1000%s%s&Path=%s",
		    token == NULL ? "" : "&NextToken=", next, name);
	job = s3_start(s, &q);
	r = job == NULL ? -ENOMEM : s3_wait(s, job);
	if (r == 0) {
		r = s3 ? s3_list_parse_xml(list, job->http->data, job->http->len) :
		    s3_list_parse_json(list, job->http->data, job->http->len);
		/* A page that leads to itself would never end. */
		if (r == 0 && list->next != NULL && token != NULL &&
		    strcmp(list->next, token) == 0) {
			s3_list_clear(list);
			r = -ELOOP;
		}
		if (r < 0)
			snprintf(job->reason, sizeof(job->reason), "%s", r == -EBADMSG ?
			    "the answer is not a list" : strerror(-r));
	}
	snprintf(s3_reason_buffer(s), 256, "%s", job == NULL ? strerror(ENOMEM) :
	    job->reason);
	s3_end(job);
	return r;
}

/* ---- many at once */

static void
add_escaped(struct text *t, const char *key)
{
	for (const char *p = key; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (strchr("<>&\"'", c) != NULL || c < ' ')
			text_add(t, "&#%u;", c);
		else
			text_add(t, "%c", c);
	}
}

struct s3_job *
s3_start_delete(struct s3 *s, char *const key[], unsigned n)
{
	struct text t = { .len = 0 };
	uint8_t md5[16];
	char line[64] = "Content-MD5: ", *body;
	struct s3_request q = {
		.method = "POST", .query = "delete=", .may_be_error = true,
		.header = { line, "Content-Type: application/xml" },
	};
	struct s3_job *job;

	text_add(&t, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	    "<Quiet>true</Quiet>");
	for (unsigned i = 0; i < n; i++) {
		text_add(&t, "<Object><Key>");
		add_escaped(&t, key[i]);
		text_add(&t, "</Key></Object>");
	}
	text_add(&t, "</Delete>");
	q.body_len = (int64_t)t.len;
	if ((body = text_take(&t)) == NULL)
		return NULL;
	q.body = body;
	EVP_Digest(body, (size_t)q.body_len, md5, NULL, EVP_md5(), NULL);
	EVP_EncodeBlock((uint8_t *)line + strlen(line), md5, sizeof(md5));
	job = s3_start(s, &q);
	if (job != NULL)
		job->own = body;
	else
		free(body);
	return job;
}

int
s3_deleted(struct s3_job *job, unsigned *failed)
{
	struct s3_error e;
	int r;

	*failed = 0;
	if (job->error != 0)
		return job->error;
	r = s3_delete_parse(job->http->data, job->http->len, failed, &e);
	if (r < 0)
		snprintf(job->reason, sizeof(job->reason), "the answer is none to a delete");
	else if (*failed > 0)
		snprintf(job->reason, sizeof(job->reason), "%u not deleted: %s: %s", *failed,
		    e.code, e.message);
	return r;
}

/* ---- uploads that are not finished */

static int
list_uploads(struct s3 *s, const char *prefix, struct s3_list *list)
{
	char name[3 * S3_KEY_MAX + 1], query[sizeof(name) + 64];
	struct s3_request q = { .query = query, .limit = LIST_LIMIT };
	struct s3_job *job;
	int r = s3_escape(prefix, false, name, sizeof(name));

	if (r < 0)
		return r;
	snprintf(query, sizeof(query), "encoding-type=url&max-uploads=1000&prefix=%s&"
	    "uploads=", name);
	job = s3_start(s, &q);
	r = job == NULL ? -ENOMEM : s3_wait(s, job);
	if (r == 0 && (r = s3_list_parse_uploads(list, job->http->data,
	    job->http->len)) < 0)
		snprintf(job->reason, sizeof(job->reason), "the answer is no list of uploads");
	snprintf(s3_reason_buffer(s), 256, "%s", job == NULL ? strerror(ENOMEM) :
	    job->reason);
	s3_end(job);
	return r;
}

static int
abort_upload(struct s3 *s, const struct s3_item *upload)
{
	char id[3 * 1024 + 1], query[sizeof(id) + 16];
	struct s3_request q = { .method = "DELETE", .key = upload->name, .query = query };
	int r = s3_escape(upload->etag, false, id, sizeof(id));

	if (r < 0)
		return r;
	snprintf(query, sizeof(query), "uploadId=%s", id);
	r = s3_finish(s, s3_start(s, &q));
	return r == -ENOENT ? 0 : r;	/* it has just come to its end */
}

int
s3_abort_uploads(struct s3 *s, const char *prefix, unsigned *aborted)
{
	struct s3_list l = { .n = 0 };
	bool more;
	int r;

	*aborted = 0;
	/* A page is aborted before the next is asked for, which is the first again. */
	do {
		r = list_uploads(s, prefix, &l);
		if (r < 0)
			return r;
		for (unsigned i = 0; i < l.n && r == 0; i++)
			if ((r = abort_upload(s, &l.item[i])) == 0)
				(*aborted)++;
		more = l.next != NULL && l.n > 0;
		s3_list_clear(&l);
	} while (r == 0 && more && *aborted < 100 * S3_LIST_MAX);
	return r;
}
