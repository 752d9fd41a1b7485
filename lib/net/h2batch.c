/*
 * The frames that are sent together: their heads and what is short as bytes in the
 * loop's buffer, what is long where it is kept.  What does not go at once is copied.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/h2priv.h"

#define BATCH_MIN	32768u
#define LONG		2048u

bool
h2_batch_room(const struct h2 *h, size_t len)
{
	const struct h2_batch *b = h->batch;

	return b->len == 0 || (b->len + len <= h->batch_max && b->n + 2 <= H2_PIECES);
}

void
h2_batch_put(struct h2 *h, const void *p, size_t len)
{
	struct h2_batch *b = h->batch;
	char *to = h->conn->loop->batch + b->used;

	memcpy(to, p, len);
	h2_batch_took(h, len);
}

char *
h2_batch_place(const struct h2 *h)
{
	return h->conn->loop->batch + h->batch->used;
}

void
h2_batch_took(struct h2 *h, size_t len)
{
	struct h2_batch *b = h->batch;
	char *at = h2_batch_place(h);

	if (b->n > 0 && b->object[b->n - 1] == NULL) {
		b->iov[b->n - 1].iov_len += len;
	} else {
		b->object[b->n] = NULL;
		b->file[b->n] = false;
		b->iov[b->n++] = (struct iovec){ at, len };
	}
	b->used += len;
	b->len += len;
}

bool
h2_batch_refer(struct h2 *h, struct object *o, const uint8_t *mem, uint64_t pos,
    size_t len)
{
	struct h2_batch *b = h->batch;

	/* TLS has to read it, and wants few large pieces. */
	if (h->conn->ssl != NULL || len < LONG || o == NULL)
		return false;
	b->object[b->n] = object_ref(o);
	b->file[b->n] = mem == NULL;
	b->files |= mem == NULL;
	b->pos[b->n] = pos;
	b->iov[b->n++] = (struct iovec){ (void *)(uintptr_t)mem, len };
	b->len += len;
	return true;
}

static bool
read_all(struct object *o, char *to, size_t len, uint64_t pos)
{
	while (len > 0) {
		ssize_t n = pread(o->fd, to, len, (off_t)pos);

		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
		pos += (uint64_t)n;
	}
	return true;
}

/* All but the first sent bytes. */
static int
keep_left(struct h2 *h, size_t sent)
{
	struct h2_batch *b = h->batch;
	char *to;

	h->left_len = b->len - sent;
	h->left_pos = 0;
	h->left = to = malloc(h->left_len);
	if (to == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < b->n; i++) {
		size_t len = b->iov[i].iov_len, skip = sent < len ? sent : len;

		sent -= skip;
		len -= skip;
		if (!b->file[i])
			memcpy(to, (char *)b->iov[i].iov_base + skip, len);
		else if (!read_all(b->object[i], to, len, b->pos[i] + skip))
			return -EIO;
		to += len;
	}
	return 0;
}

/* All pieces up to the first of a file, then that, and so on; returns as sendv(). */
static ssize_t
send_pieces(struct h2 *h)
{
	struct httpd_conn *c = h->conn;
	struct h2_batch *b = h->batch;
	size_t sent = 0;
	unsigned i = 0, j;

	while (i < b->n) {
		size_t want = 0;
		ssize_t n;

		for (j = i; j < b->n && !b->file[j]; j++)
			want += b->iov[j].iov_len;
		if (j > i) {
			n = c->io->sendv(c, b->iov + i, (int)(j - i), j < b->n);
		} else {
			want = b->iov[j].iov_len;
			n = c->io->sendfile(c, b->object[j]->fd, b->pos[j], want);
			if (n == 0)
				n = -EIO;
			j++;
		}
		if (n < 0)
			return sent > 0 ? (ssize_t)sent : n;
		sent += (size_t)n;
		if ((size_t)n < want)
			break;
		i = j;
	}
	return (ssize_t)sent;
}

static int
send_it(struct h2 *h)
{
	struct h2_batch *b = h->batch;
	int on = 1, off = 0;
	ssize_t n;

	/* Or each piece of a file would make a packet. */
	if (b->files)
		setsockopt(h->conn->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	n = send_pieces(h);
	if (b->files)
		setsockopt(h->conn->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	if (n < 0 && n != -EAGAIN)
		return (int)n;
	if (n < 0)
		n = 0;
	h2_moved(h, (size_t)n);
	if ((size_t)n == b->len) {
		if (b->len > h->batch_max / 2 && h->batch_max < CONN_BATCH)
			h->batch_max *= 2;
		return 1;
	}
	h->batch_max = BATCH_MIN;
	return keep_left(h, (size_t)n);
}

int
h2_batch_send(struct h2 *h)
{
	struct h2_batch *b = h->batch;
	int r = send_it(h);

	for (unsigned i = 0; i < b->n; i++)
		object_unref(&b->object[i]);
	return r;
}

int
h2_batch_send_left(struct h2 *h)
{
	struct iovec iov;
	ssize_t n;

	if (h->left == NULL)
		return 1;
	iov = (struct iovec){ h->left + h->left_pos, h->left_len - h->left_pos };
	n = h->conn->io->sendv(h->conn, &iov, 1, false);
	if (n < 0 && n != -EAGAIN)
		return (int)n;
	if (n > 0) {
		h->left_pos += (size_t)n;
		h2_moved(h, (size_t)n);
	}
	if (h->left_pos < h->left_len)
		return 0;
	free(h->left);
	h->left = NULL;
	return 1;
}

/*
 * What is in a batch, or in the system's queue before it is sent, cannot be
 * overtaken: both are kept short while the peer takes less than we have.
 */
void
h2_batch_limit(struct h2 *h)
{
	int unsent = 2 * BATCH_MIN;

	h->batch_max = BATCH_MIN;
	setsockopt(h->conn->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}
