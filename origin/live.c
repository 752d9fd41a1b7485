/* Requests that may have to wait: directives, and what was promised; see live.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "origin/livepriv.h"

static size_t
kept_size(const struct asked *a)
{
	const struct h1_str *const *field = (const struct h1_str *const *)a;
	size_t n = 0;

	for (int i = 0; i < LIVE_FIELDS; i++)
		n += field[i] != NULL ? field[i]->len : 0;
	return n;
}

/* The request is gone when the answer is made: keep what it needs. */
static void
keep_asked(struct held *h, const struct asked *a, char *to)
{
	const struct h1_str *const *from = (const struct h1_str *const *)a;
	const struct h1_str **field = (const struct h1_str **)&h->asked;

	_Static_assert(sizeof(*a) == LIVE_FIELDS * sizeof(void *), "fields");
	for (int i = 0; i < LIVE_FIELDS; i++) {
		if (from[i] == NULL)
			continue;
		memcpy(to, from[i]->p, from[i]->len);
		h->value[i] = (struct h1_str){ to, from[i]->len };
		field[i] = &h->value[i];
		to += from[i]->len;
	}
}

static struct held *
new_held(struct live *v, struct httpd_conn *c, const char *path,
    const struct asked *a)
{
	size_t len = strlen(path) + 1;
	struct held *h = calloc(1, sizeof(*h) + len + kept_size(a));

	if (h == NULL)
		return NULL;
	link_init(&h->link);
	h->live = v;
	h->conn = c;
	h->path = h->text;
	memcpy(h->path, path, len);
	keep_asked(h, a, h->text + len);
	return h;
}

/* h, which only its own loop can free, waits at what is o by now. */
static void
look_again(struct live *v, struct held *h, struct object *o)
{
	struct live_batch *batch[HTTPD_LOOPS_MAX] = { NULL };
	int status;

	pthread_mutex_lock(&v->lock);
	if (h->spot != NULL && live_is_over(h, o, &status))
		live_end_wait(h, status, o, batch);
	pthread_mutex_unlock(&v->lock);
	live_post(batch);
}

/* Let c wait; false when it cannot. */
static bool
hold(struct httpd_conn *c, const char *path, const struct hlslow_ask *ask,
    const struct asked *a, int64_t until_ns)
{
	struct serve *s = serve_of(c);
	struct live *v = &s->live;
	struct exchange *x = serve_exchange(c);
	struct held *h = x == NULL ? NULL : new_held(v, c, path, a);
	struct object *o = NULL;

	if (h == NULL)
		return false;
	h->ask = *ask;
	h->since_ns = c->loop->now_ns;
	h->until_ns = until_ns;
	pthread_mutex_lock(&v->lock);
	h->spot = v->stop ? NULL : live_find_spot(v, path, true);
	if (h->spot == NULL) {
		pthread_mutex_unlock(&v->lock);
		free(h);
		return false;
	}
	h->spot->used_ns = h->since_ns;
	link_append(&h->spot->held, &h->link);
	if (v->nheld++ == 0)
		pthread_cond_signal(&v->more);
	x->held = h;
	httpd_hold(c);
	pthread_mutex_unlock(&v->lock);
	atomic_fetch_add(&v->held, 1);
	/* It may have come between the look at it and now. */
	if (store_get(&s->store, path, c->loop->now_ns, &o) == 0)
		look_again(v, h, o);
	object_unref(&o);
	return true;
}

static void
refuse(struct httpd_conn *c, struct live *v, const char *why)
{
	atomic_fetch_add(&v->refused, 1);
	httpd_reply_text(c, 400, "Cache-Control: public, max-age=1\r\n", why);
}

/* A playlist that is there, and directives. */
static bool
get_playlist(struct httpd_conn *c, const struct h1_request *r, const char *path,
    struct object *o, const struct asked *a)
{
	struct serve *s = serve_of(c);
	struct live_note *n = live_note_of(o);
	struct hlslow_ask ask;
	struct object *form;
	int found = hlslow_ask(&ask, r->query.p, r->query.len), err;

	if (found == 0 || (found < 0 && !n->low.can_block))
		return false;
	if (found < 0) {
		object_unref(&o);
		refuse(c, &s->live, "no good _HLS_msn or _HLS_part");
		return true;
	}
	switch (hlslow_state(&n->low, &ask)) {
	case HLSLOW_REFUSE:
		object_unref(&o);
		refuse(c, &s->live, "the playlist is not near there");
		return true;
	case HLSLOW_WAIT:
		if (!hold(c, path, &ask, a, c->loop->now_ns +
		    hlslow_patience_ns(&n->low)))
			httpd_reply_text(c, 503, "Retry-After: 1\r\n", NULL);
		object_unref(&o);
		return true;
	case HLSLOW_READY:
		break;
	}
	err = live_note_form(&s->store, path, o, &ask, &form);
	object_unref(&o);
	if (err < 0)
		serve_error(c, err);
	else
		serve_object(c, form, a);
	return true;
}

bool
live_get(struct httpd_conn *c, const struct h1_request *r, const char *path,
    struct object *o, const struct asked *a)
{
	static const struct hlslow_ask object = { -1, -1, 0 };
	struct live *v = &serve_of(c)->live;
	int64_t now_ns = c->loop->now_ns, wait_ns;
	bool whole = false;

	if (o != NULL && object_state(o) == OBJECT_WHOLE)
		return r->query.len > 0 && live_note_of(o) != NULL &&
		    get_playlist(c, r, path, o, a);
	if (atomic_load(&v->nspot) == 0)
		return false;
	wait_ns = live_promised(v, path, now_ns, &whole);
	if (wait_ns < 0 || (o != NULL && !whole) ||
	    !hold(c, path, &object, a, now_ns + wait_ns))
		return false;
	object_unref(&o);
	return true;
}

void
live_cancel(struct held *h)
{
	struct live *v = h->live;
	struct live_batch *b = calloc(1, sizeof(*b));
	bool waits;

	/* A batch has it already, or it will be found dead at its time. */
	pthread_mutex_lock(&v->lock);
	waits = h->spot != NULL && b != NULL;
	if (waits) {
		h->spot = NULL;
		v->nheld--;
		link_remove(&h->link);
		link_init(&b->list);
		link_append(&b->list, &h->link);
		b->msg.run = live_on_batch;
	}
	pthread_mutex_unlock(&v->lock);
	if (waits)
		httpd_post(h->conn->loop, &b->msg);
	else
		free(b);
}

unsigned
live_waiting(struct live *v)
{
	unsigned n;

	pthread_mutex_lock(&v->lock);
	n = v->nheld;
	pthread_mutex_unlock(&v->lock);
	return n;
}

/* ---- answers */

static void
answer(struct held *h)
{
	struct httpd_conn *c = h->conn;
	struct serve *s = serve_of(c);
	struct exchange *x = c->user;
	struct object *o = h->object, *form = NULL;
	int err = 0;

	x->held = NULL;
	if (h->status == 503) {
		httpd_reply_text(c, 503, "Cache-Control: public, max-age=1\r\n"
		    "Retry-After: 1\r\n", "the playlist has not come so far in time");
		return;
	}
	if (h->status == 400) {
		httpd_reply_text(c, 400, "Cache-Control: public, max-age=1\r\n",
		    "the playlist is not near there");
		return;
	}
	if (o == NULL) {
		serve_error(c, -ENOENT);
		return;
	}
	if (live_note_of(o) != NULL) {
		err = live_note_form(&s->store, h->path, o, &h->ask, &form);
		if (err < 0) {
			serve_error(c, err);
			return;
		}
	} else {
		form = object_ref(o);
	}
	serve_object(c, form, &h->asked);
}

void
live_answer(struct held *h)
{
	if (httpd_release(h->conn))
		answer(h);
	object_unref(&h->object);
	free(h);
}
