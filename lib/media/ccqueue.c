#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/ccqueue.h"

static bool
is_after(const struct ccunit *u, int64_t pts, uint32_t base)
{
	return u->base != base ? u->base > base : u->pts > pts;
}

int
ccqueue_put(struct ccqueue *q, int64_t pts, uint32_t base, const uint8_t *cc_data,
    unsigned cc_count)
{
	size_t at;

	if (q->n == CCQUEUE_MAX)
		ccqueue_drop(q, CCQUEUE_MAX / 4);
	if (q->n == q->cap) {
		size_t cap = q->cap * 2 + 64;
		struct ccunit *p = realloc(q->unit, cap * sizeof(*p));

		if (p == NULL)
			return -ENOMEM;
		q->unit = p;
		q->cap = cap;
	}
	for (at = q->n; at > 0 && is_after(&q->unit[at - 1], pts, base); at--)
		;
	memmove(q->unit + at + 1, q->unit + at, (q->n - at) * sizeof(*q->unit));
	q->n++;
	q->unit[at].pts = pts;
	q->unit[at].base = base;
	q->unit[at].cc_count = cc_count < VIDEO_TRIPLETS ? cc_count : VIDEO_TRIPLETS;
	memcpy(q->unit[at].cc_data, cc_data, (size_t)q->unit[at].cc_count * 3);
	return 0;
}

void
ccqueue_drop(struct ccqueue *q, size_t n)
{
	if (n == 0)
		return;
	q->n -= n;
	memmove(q->unit, q->unit + n, q->n * sizeof(*q->unit));
}

void
ccqueue_free(struct ccqueue *q)
{
	free(q->unit);
	*q = (struct ccqueue){ .n = 0 };
}
