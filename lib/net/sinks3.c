/*
 * The transport of sink.c to S3: one PutObject for each object, which appears when
 * it is whole.  sink.c has the order, the retries and the bounds.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/net/s3.h"
#include "lib/net/sinkq.h"

#define CONNECTIONS	4
#define CONNECTIONS_MAX	16
#define GET_NS		(3 * CLK_SECOND)
#define GET_MAX		(256 << 20)
#define WAIT_NS		(CLK_SECOND / 5)	/* then sink.c looks for a stop */

struct slot {
	struct s3_job *job;		/* NULL: free for use */
	struct sink_item *item;
};

struct bucket {
	struct s3 *s3;
	char	 prefix[S3_KEY_MAX + 1];	/* ends in /, or "" */
	unsigned n;
	struct slot slot[CONNECTIONS_MAX];
};

static void
bucket_close(void *t)
{
	struct bucket *b = t;

	for (unsigned i = 0; i < b->n; i++)
		s3_end(b->slot[i].job);
	s3_free(b->s3);
	free(b);
}

static void *
bucket_open(const char *url, const struct sink_config *c, int *err)
{
	struct s3_config config = { .user_agent = log_prog(), .no_retries = true };
	struct bucket *b = calloc(1, sizeof(*b));
	struct s3_address *a = malloc(sizeof(*a));
	char reason[160];
	size_t len;

	*err = -ENOMEM;
	if (b == NULL || a == NULL || (*err = s3_address_parse(a, url, reason)) < 0)
		goto fail;
	len = strlen(a->key);
	*err = -ENAMETOOLONG;
	if (len + 1 + SINK_NAME_MAX > S3_KEY_MAX)
		goto fail;
	snprintf(b->prefix, sizeof(b->prefix), "%s%s", a->key,
	    len == 0 || a->key[len - 1] == '/' ? "" : "/");
	b->n = c->connections == 0 ? CONNECTIONS :
	    c->connections < CONNECTIONS_MAX ? c->connections : CONNECTIONS_MAX;
	*err = -ENOMEM;
	if ((b->s3 = s3_new(a, &config)) == NULL)
		goto fail;
	/* A stop is for sink.c to see: what it holds goes out first. */
	s3_outlive_stop(b->s3, true);
	s3_address_clear(a);
	free(a);
	return b;
fail:
	if (a != NULL)
		s3_address_clear(a);
	free(a);
	free(b);
	return NULL;
}

static int
key_of(const struct bucket *b, const char *name, char key[static S3_KEY_MAX + 1])
{
	int n = snprintf(key, S3_KEY_MAX + 1, "%s%s", b->prefix, name);

	return n < 0 || n > S3_KEY_MAX ? -ENAMETOOLONG : 0;
}

/* No server stands before the objects that would know how long each is good. */
static const char *
cache_control(enum sink_level level)
{
	switch (level) {
	case SINK_MEDIA:
		return "max-age=31536000, immutable";
	case SINK_HEADER:
		return "max-age=60";	/* another run may write it again */
	case SINK_STATE:
		return "no-store";
	default:
		return "max-age=1";
	}
}

static ssize_t
read_pieces(void *arg, int64_t offset, void *buf, size_t n)
{
	const struct sink_object *o = arg;
	size_t done = 0;

	for (unsigned i = 0; i < o->niov && done < n; i++) {
		size_t len = o->iov[i].iov_len, skip;

		if (offset >= (int64_t)len) {
			offset -= (int64_t)len;
			continue;
		}
		skip = (size_t)offset;
		offset = 0;
		len -= skip;
		if (len > n - done)
			len = n - done;
		memcpy((char *)buf + done, (const char *)o->iov[i].iov_base + skip, len);
		done += len;
	}
	return (ssize_t)done;
}

static int
bucket_start(void *t, struct sink_item *i, char reason[static 256])
{
	struct bucket *b = t;
	struct s3_meta meta = { .content_type = i->o.content_type,
	    .cache_control = cache_control(i->o.level) };
	struct s3_source src = { .read = read_pieces, .arg = &i->o,
	    .size = (int64_t)i->len };
	struct s3_request gone = { .method = "DELETE" };
	struct slot *slot = NULL;
	char key[S3_KEY_MAX + 1];
	int r;

	for (unsigned n = 0; n < b->n && slot == NULL; n++)
		if (b->slot[n].job == NULL)
			slot = &b->slot[n];
	if (slot == NULL)
		return -EAGAIN;
	if ((r = key_of(b, i->o.name, key)) == 0) {
		gone.key = key;
		slot->job = i->remove ? s3_start(b->s3, &gone) :
		    s3_start_put(b->s3, key, &meta, &src);
		r = slot->job == NULL ? -ENOMEM : 1;
	}
	if (r < 0)
		snprintf(reason, 256, "%s", strerror(-r));
	slot->item = i;
	return r;
}

static void
bucket_cancel(void *t, struct sink_item *i)
{
	struct bucket *b = t;

	for (unsigned n = 0; n < b->n; n++)
		if (b->slot[n].job != NULL && b->slot[n].item == i) {
			s3_end(b->slot[n].job);
			b->slot[n].job = NULL;
		}
}

static struct sink_item *
bucket_ended(void *t, int *err, char reason[static 256])
{
	struct bucket *b = t;

	s3_run(b->s3, 0);
	for (unsigned n = 0; n < b->n; n++) {
		struct slot *slot = &b->slot[n];

		if (slot->job == NULL || !slot->job->done)
			continue;
		*err = slot->job->error;
		if (*err != 0 && slot->job->status >= 300)
			*err = slot->job->status;
		if (*err != 0)
			snprintf(reason, 256, "%s", slot->job->reason);
		s3_end(slot->job);
		slot->job = NULL;
		return slot->item;
	}
	return NULL;
}

static int
bucket_wait(void *t, int fd, int64_t timeout_ns)
{
	struct bucket *b = t;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int r;

	s3_watch(b->s3, fd);
	r = s3_run(b->s3, clk_mono_ns() + (timeout_ns < WAIT_NS ? timeout_ns : WAIT_NS));
	s3_watch(b->s3, -1);
	if (r < 0 || fd < 0)
		return r < 0 ? r : 0;
	return poll(&pfd, 1, 0) > 0;
}

static int
bucket_get(void *t, const char *name, char **data, size_t *len, char reason[static 256])
{
	struct bucket *b = t;
	char key[S3_KEY_MAX + 1];
	struct s3_request q = { .key = key, .limit = GET_MAX, .timeout_ns = GET_NS };
	struct s3_job *job;
	int r = key_of(b, name, key);

	if (r < 0)
		return r;
	job = s3_start(b->s3, &q);
	r = job == NULL ? -ENOMEM : s3_wait(b->s3, job);
	if (r == 0 && (*data = malloc(job->http->len + 1)) == NULL)
		r = -ENOMEM;
	if (r == 0) {
		memcpy(*data, job->http->data, job->http->len);
		(*data)[job->http->len] = '\0';
		*len = job->http->len;
	} else {
		snprintf(reason, 256, "%s", job == NULL ? strerror(ENOMEM) : job->reason);
	}
	/* A bucket that is missing is none that was left empty by an earlier run. */
	if (r == -ENXIO)
		r = -EACCES;
	s3_end(job);
	return r;
}

const struct sink_transport sink_s3 = {
	.open = bucket_open, .close = bucket_close, .start = bucket_start,
	.cancel = bucket_cancel, .wait = bucket_wait, .ended = bucket_ended,
	.get = bucket_get,
};
