/* Who waits, and where: spots, and what ends a wait when an object changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "origin/livepriv.h"

/* ---- spots */

static struct link *
bucket_of(struct live *v, const char *path)
{
	uint64_t h = hash_add(HASH_START, path, strlen(path));

	return &v->bucket[(h ^ h >> 32) % LIVE_BUCKETS];
}

struct spot *
live_find_spot(struct live *v, const char *path, bool make)
{
	struct link *bucket = bucket_of(v, path);
	size_t len = strlen(path) + 1;
	struct spot *s;

	for (struct link *l = bucket->next; l != bucket; l = l->next) {
		s = LINK_OF(l, struct spot, link);
		if (strcmp(s->path, path) == 0)
			return s;
	}
	s = make ? calloc(1, sizeof(*s) + len) : NULL;
	if (s == NULL)
		return NULL;
	memcpy(s->path, path, len);
	link_init(&s->held);
	link_append(bucket, &s->link);
	atomic_fetch_add(&v->nspot, 1);
	s->used_ns = clk_mono_ns();
	return s;
}

void
live_free_spot(struct live *v, struct spot *s)
{
	link_remove(&s->link);
	live_ranges_free(s->ranges);
	for (int i = 0; i < HLSLOW_HINTS; i++)
		free(s->hints[i]);
	free(s);
	atomic_fetch_sub(&v->nspot, 1);
}

/* ---- those whose wait is over, on the loop of their connections */

void
live_on_batch(struct httpd_loop *l, struct httpd_msg *m)
{
	struct live_batch *b = LINK_OF(m, struct live_batch, msg);

	(void)l;
	while (!link_empty(&b->list)) {
		struct held *h = LINK_OF(b->list.next, struct held, link);

		link_remove(&h->link);
		live_answer(h);
	}
	free(b);
}

void
live_end_wait(struct held *h, int status, struct object *o,
    struct live_batch **batch)
{
	struct live_batch **b = &batch[h->conn->loop->index];

	if (*b == NULL) {
		*b = calloc(1, sizeof(**b));
		if (*b == NULL)
			return;		/* it goes on waiting */
		(*b)->msg.run = live_on_batch;
		link_init(&(*b)->list);
	}
	h->status = status;
	h->object = o == NULL ? NULL : object_ref(o);
	h->spot = NULL;
	h->live->nheld--;
	link_remove(&h->link);
	link_append(&(*b)->list, &h->link);
}

void
live_post(struct live_batch **batch)
{
	for (int i = 0; i < HTTPD_LOOPS_MAX; i++) {
		if (batch[i] != NULL) {
			struct held *h = LINK_OF(batch[i]->list.next, struct held, link);

			httpd_post(h->conn->loop, &batch[i]->msg);
		}
	}
}

/* ---- what changes */

bool
live_is_over(const struct held *h, struct object *o, int *status)
{
	struct live_note *n;

	*status = 0;
	if (h->ask.segment < 0)			/* an object that was promised */
		return o != NULL && (object_state(o) == OBJECT_WHOLE ||
		    (object_state(o) == OBJECT_GROWING && !h->spot->hint_whole));
	if (o == NULL || (object_state(o) == OBJECT_WHOLE && live_note_of(o) == NULL))
		return true;			/* gone, or no longer of the kind */
	if (object_state(o) != OBJECT_WHOLE)
		return false;
	n = live_note_of(o);
	switch (hlslow_state(&n->low, &h->ask)) {
	case HLSLOW_WAIT:
		return false;
	case HLSLOW_REFUSE:
		*status = 400;
		break;
	case HLSLOW_READY:
		break;
	}
	return true;
}

static void
wake(struct spot *s, struct object *o, struct live_batch **batch)
{
	struct link *next;
	int status;

	for (struct link *l = s->held.next; l != &s->held; l = next) {
		struct held *h = LINK_OF(l, struct held, link);

		next = l->next;
		if (live_is_over(h, o, &status))
			live_end_wait(h, status, o, batch);
	}
}

void
live_changed(struct live *v, const char *path, struct object *o)
{
	struct live_batch *batch[HTTPD_LOOPS_MAX] = { NULL };
	struct live_note *n = live_note_of(o);
	int64_t now_ns;
	struct spot *s;

	if (n == NULL && atomic_load(&v->nspot) == 0)
		return;
	now_ns = clk_mono_ns();
	pthread_mutex_lock(&v->lock);
	s = live_find_spot(v, path, n != NULL);
	if (s != NULL && n != NULL) {
		s->used_ns = now_ns;
		live_take_hints(v, s, n, now_ns);
		if (n->low.can_skip_ranges && s->ranges == NULL)
			s->ranges = calloc(1, sizeof(*s->ranges));
		if (s->ranges != NULL)
			live_ranges_update(s->ranges, n, now_ns);
	}
	if (s != NULL)
		wake(s, o, batch);
	pthread_mutex_unlock(&v->lock);
	live_post(batch);
}
