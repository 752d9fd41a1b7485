/*
 * s3put.c - an object in parts, several at a time; see s3.h.
 *
 * A source that can be read from anywhere is read by the requests themselves.
 * One that comes once, in order, is held part by part: as many as are under way.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/base/clk.h"
#include "lib/base/hex.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/net/s3priv.h"

#define ETAG_MAX	128
#define PARALLEL_MAX	32
#define TIDY_NS		(5 * CLK_SECOND)

struct part {
	struct upload *u;
	struct s3_job *job;		/* NULL: free for use */
	unsigned number;		/* from 1 */
	int64_t	 offset;
	size_t	 len;
	char	*buf;			/* of a source that comes once */
};

struct upload {
	struct s3 *s;
	const char *key;
	const struct s3_upload *want;
	char	 id[1024];		/* escaped */
	size_t	 part_len;
	int64_t	 taken, sent;		/* of the source; of parts that are there */
	unsigned nparts;		/* that were begun */
	bool	 end;			/* of the source */
	unsigned parallel;
	struct part part[PARALLEL_MAX];
	char	(*etag)[ETAG_MAX];	/* of each part, from 0 */
	unsigned setag;
};

static int
fail(struct upload *u, int err, const char *what)
{
	snprintf(s3_reason_buffer(u->s), 256, "%s", what != NULL ? what : strerror(-err));
	return err;
}

/* ---- a part */

static ssize_t
read_part(void *arg, int64_t offset, void *buf, size_t n)
{
	struct part *p = arg;
	const struct s3_source *src = &p->u->want->source;

	if (offset >= (int64_t)p->len)
		return 0;
	if (n > p->len - (size_t)offset)
		n = p->len - (size_t)offset;
	if (p->buf == NULL)
		return src->read(src->arg, p->offset + offset, buf, n);
	memcpy(buf, p->buf + offset, n);
	return (ssize_t)n;
}

/* Until the source can be read, let the parts go on. */
static int
await(struct upload *u)
{
	const struct s3_source *src = &u->want->source;
	struct pollfd pfd = { .fd = src->fd, .events = POLLIN };
	int r = 0;

	if (!src->watch)
		return 0;
	s3_watch(u->s, src->fd);
	while (r >= 0 && poll(&pfd, 1, 0) == 0) {
		bool busy = false;

		for (unsigned i = 0; i < u->parallel; i++)
			busy |= u->part[i].job != NULL && !u->part[i].job->done;
		if (busy)
			r = s3_run(u->s, -1);
		else if ((r = io_wait(&pfd, 1, -1)) == -EINTR && !io_stopping())
			r = 0;
	}
	s3_watch(u->s, -1);
	return r < 0 ? r : 0;
}

/* Take the next piece of the source: its length is p->len then, 0 at the end. */
static int
take(struct upload *u, struct part *p)
{
	const struct s3_source *src = &u->want->source;

	p->offset = u->taken;
	p->len = 0;
	if (src->size >= 0) {
		int64_t left = src->size - u->taken;

		p->len = left < (int64_t)u->part_len ? (size_t)left : u->part_len;
		u->end = u->taken + (int64_t)p->len == src->size;
		u->taken += (int64_t)p->len;
		return 0;
	}
	if (p->buf == NULL && (p->buf = malloc(u->part_len)) == NULL)
		return fail(u, -ENOMEM, NULL);
	while (p->len < u->part_len) {
		ssize_t n = await(u);

		if (n == 0)
			n = src->read(src->arg, u->taken, p->buf + p->len,
			    u->part_len - p->len);

		if (n < 0)
			return fail(u, (int)n, NULL);
		if (n == 0) {
			u->end = true;
			break;
		}
		p->len += (size_t)n;
		u->taken += n;
	}
	return 0;
}

static int
begin_part(struct upload *u, struct part *p)
{
	char query[sizeof(u->id) + 64];
	struct s3_request q = {
		.method = "PUT", .key = u->key, .query = query, .body_read = read_part,
		.body_arg = p, .body_len = (int64_t)p->len,
	};

	if (u->nparts == S3_PARTS)
		return fail(u, -EFBIG, "more than 10000 parts: larger ones are needed");
	if (u->nparts == u->setag) {
		unsigned size = u->setag == 0 ? 64 : u->setag * 2;
		char (*more)[ETAG_MAX] = reallocarray(u->etag, size, sizeof(*more));

		if (more == NULL)
			return fail(u, -ENOMEM, NULL);
		u->etag = more;
		u->setag = size;
	}
	p->number = ++u->nparts;
	snprintf(query, sizeof(query), "partNumber=%u&uploadId=%s", p->number, u->id);
	p->job = s3_start(u->s, &q);
	return p->job == NULL ? fail(u, -ENOMEM, NULL) : 0;
}

static int
end_part(struct upload *u, struct part *p)
{
	int r = p->job->error;
	const char *etag = r == 0 ? fetch_header(p->job->http, "ETag") : NULL;

	if (r < 0)
		fail(u, r, p->job->reason);
	else if (etag == NULL || strlen(etag) >= ETAG_MAX || strpbrk(etag, "<>&") != NULL)
		r = fail(u, -EPROTO, "a part has no ETag");
	else
		memcpy(u->etag[p->number - 1], etag, strlen(etag) + 1);
	u->sent += (int64_t)p->len;
	s3_end(p->job);
	p->job = NULL;
	if (r == 0 && u->want->progress != NULL)
		u->want->progress(u->want->progress_arg, u->sent);
	return r;
}

/* Send all parts; the first may have been taken already. */
static int
send_parts(struct upload *u, bool first_taken)
{
	for (;;) {
		bool busy = false;
		int r;

		for (unsigned i = 0; i < u->parallel; i++) {
			struct part *p = &u->part[i];

			if (p->job != NULL && p->job->done && (r = end_part(u, p)) < 0)
				return r;
			if (p->job == NULL && (!u->end || first_taken)) {
				if (!first_taken && (r = take(u, p)) < 0)
					return r;
				first_taken = false;
				if (p->len > 0 && (r = begin_part(u, p)) < 0)
					return r;
			}
			busy |= p->job != NULL;
		}
		if (!busy)
			return 0;
		if ((r = s3_run(u->s, -1)) < 0)
			return fail(u, r, NULL);
	}
}

/* ---- the whole */

static int
begin(struct upload *u)
{
	struct s3_lines text;
	struct s3_request q = { .method = "POST", .key = u->key, .query = "uploads=",
	    .body = "", .may_be_error = true };
	struct s3_meta m = u->want->meta;
	struct s3_job *job;
	char id[sizeof(u->id)];
	int r;

	m.create = false;		/* is asked for at the end */
	if ((r = s3_meta_lines(u->s, &m, &text, &q)) < 0)
		return fail(u, r, NULL);
	job = s3_start(u->s, &q);
	r = job == NULL ? -ENOMEM : s3_wait(u->s, job);
	if (r < 0)
		fail(u, r, job == NULL ? NULL : job->reason);
	else if (s3_xml_text(job->http->data, job->http->len, "UploadId", id,
	    sizeof(id)) < 0 || s3_escape(id, false, u->id, sizeof(u->id)) < 0)
		r = fail(u, -EPROTO, "the answer names no upload");
	s3_end(job);
	return r;
}

/*
 * The tag that the whole will have: of the sums of its parts, where their tags are
 * such sums, as they are when the store does not encrypt with keys of its own.
 */
static bool
whole_tag(const struct upload *u, char out[static ETAG_MAX])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md != NULL && EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1;
	uint8_t d[16];

	for (unsigned i = 0; i < u->nparts && good; i++) {
		const char *hex = u->etag[i] + (u->etag[i][0] == '"');

		for (unsigned k = 0; k < sizeof(d) && good; k++) {
			int hi = hex_digit(hex[2 * k]);
			int lo = hi < 0 ? -1 : hex_digit(hex[2 * k + 1]);

			good = lo >= 0;
			d[k] = (uint8_t)(hi * 16 + lo);
		}
		if (good)
			EVP_DigestUpdate(md, d, sizeof(d));
	}
	if (good) {
		EVP_DigestFinal_ex(md, d, NULL);
		hex_put(out, d, sizeof(d));
		snprintf(out + 2 * sizeof(d), 16, "-%u", u->nparts);
	}
	EVP_MD_CTX_free(md);
	return good;
}

/* Was it completed by a request whose answer got lost? */
static bool
is_there(struct upload *u)
{
	char tag[ETAG_MAX];
	struct s3_item i;
	bool same;

	if (!whole_tag(u, tag) || s3_head(u->s, u->key, &i) < 0)
		return false;
	same = i.size == u->taken && strcmp(i.etag, tag) == 0;
	s3_item_clear(&i);
	return same;
}

static int
complete(struct upload *u)
{
	char query[sizeof(u->id) + 16], *body;
	struct text t = { .len = 0 };
	struct s3_request q = {
		.method = "POST", .key = u->key, .query = query, .may_be_error = true,
		.header = { "Content-Type: application/xml",
		    u->want->meta.create ? "If-None-Match: *" : NULL },
	};
	struct s3_job *job;
	int r;

	snprintf(query, sizeof(query), "uploadId=%s", u->id);
	text_add(&t, "<CompleteMultipartUpload "
	    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (unsigned i = 0; i < u->nparts; i++)
		text_add(&t, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>", i + 1,
		    u->etag[i]);
	text_add(&t, "</CompleteMultipartUpload>");
	q.body_len = (int64_t)t.len;
	if ((body = text_take(&t)) == NULL)
		return fail(u, -ENOMEM, NULL);
	q.body = body;
	job = s3_start(u->s, &q);
	r = job == NULL ? -ENOMEM : s3_wait(u->s, job);
	if (r < 0)
		fail(u, r, job == NULL ? NULL : job->reason);
	/* curl too may have sent it twice, on a connection that was closed. */
	if (r == -ENOENT && is_there(u))
		r = 0;
	s3_end(job);
	free(body);
	return r;
}

/* What was sent would stay, unseen and paid for. */
static void
give_up(struct upload *u)
{
	char query[sizeof(u->id) + 16], reason[256];
	struct s3_request q = { .method = "DELETE", .key = u->key, .query = query,
	    .timeout_ns = TIDY_NS };

	snprintf(query, sizeof(query), "uploadId=%s", u->id);
	memcpy(reason, s3_reason_buffer(u->s), sizeof(reason));
	s3_outlive_stop(u->s, true);
	s3_finish(u->s, s3_start(u->s, &q));
	s3_outlive_stop(u->s, false);
	memcpy(s3_reason_buffer(u->s), reason, sizeof(reason));
}

static int
exists(struct upload *u)
{
	struct s3_item i;
	int r = s3_head(u->s, u->key, &i);

	if (r == 0)
		s3_item_clear(&i);
	return r;
}

static int
put_whole(struct upload *u, bool taken)
{
	struct part *p = &u->part[0];
	struct s3_source src = u->want->source;
	int r;

	if (taken)
		src = (struct s3_source){ .read = read_part, .arg = p,
		    .size = (int64_t)p->len };
	r = s3_finish(u->s, s3_start_put(u->s, u->key, &u->want->meta, &src));
	if (r == 0 && u->want->progress != NULL)
		u->want->progress(u->want->progress_arg, src.size);
	return r;
}

/* Of a size that is known: so large that there are not too many. */
static size_t
part_length(const struct s3_upload *w)
{
	size_t len = w->part != 0 ? w->part : S3_PART;
	int64_t least = w->source.size / S3_PARTS + 1;

	if (len < S3_PART_MIN)
		len = S3_PART_MIN;
	return least > (int64_t)len ? (size_t)least : len;
}

int
s3_put(struct s3 *s, const char *key, const struct s3_upload *w)
{
	struct upload u = { .s = s, .key = key, .want = w };
	bool once = w->source.size < 0;
	int r = 0;

	u.part_len = part_length(w);
	u.parallel = w->parallel == 0 ? S3_PARALLEL :
	    w->parallel < PARALLEL_MAX ? w->parallel : PARALLEL_MAX;
	for (unsigned i = 0; i < PARALLEL_MAX; i++)
		u.part[i].u = &u;
	if (!s3_address(s)->s3 || (!once && w->source.size <= (int64_t)u.part_len)) {
		r = put_whole(&u, false);
		goto out;
	}
	if (once && (r = take(&u, &u.part[0])) == 0 && u.end) {
		r = put_whole(&u, true);
		goto out;
	}
	/* Not every S3 looks at the condition when parts are completed. */
	if (r == 0 && w->meta.create && (r = exists(&u)) == 0)
		r = fail(&u, -EEXIST, NULL);
	else if (r == -ENOENT)
		r = 0;
	if (r == 0 && (r = begin(&u)) == 0) {
		r = send_parts(&u, once);
		if (r == 0)
			r = complete(&u);
		for (unsigned i = 0; i < u.parallel; i++)
			s3_end(u.part[i].job);
		if (r < 0)
			give_up(&u);
	}
out:
	for (unsigned i = 0; i < PARALLEL_MAX; i++)
		free(u.part[i].buf);
	free(u.etag);
	return r;
}
