#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/base/url.h"
#include "origin/live.h"
#include "origin/liveranges.h"
#include "origin/serve.h"

#define LOOK_NS		(CLK_SECOND / 20)	/* at files, and at the clock */
#define SPOT_KEEP_NS	(600 * CLK_SECOND)	/* one that nobody used */
#define ASKED_FIELDS	7

struct spot {
	struct link link, held;
	struct live_ranges *ranges;	/* of a playlist */
	int64_t	 used_ns;
	int64_t	 hint_ns;		/* it is promised until then; 0: it is not; of a
					 * folder: something in it is */
	int64_t	 part_ns;		/* of a folder: the next promise comes so soon */
	bool	 hint_whole;		/* and of use only as a whole */
	char	*hints[HLSLOW_HINTS];	/* paths that a playlist here promises */
	char	 path[];
};

struct held {
	struct link link;		/* in its spot, or in a batch */
	struct live *live;
	struct spot *spot;		/* NULL: its wait is over */
	struct httpd_conn *conn;	/* held */
	struct hlslow_ask ask;		/* of a playlist: segment >= 0 */
	int64_t	 since_ns, until_ns;	/* of an object: its promise lasts as well */
	int	 status;		/* 0: answer with object */
	struct object *object;
	struct asked asked;
	struct h1_str value[ASKED_FIELDS];
	char	*path;
	char	 text[];		/* path, then the values */
};

/* Those of one loop whose wait is over. */
struct batch {
	struct httpd_msg msg;
	struct link list;
};

/* ---- spots, under the lock */

static struct link *
bucket_of(struct live *v, const char *path)
{
	uint64_t h = hash_add(HASH_START, path, strlen(path));

	return &v->bucket[(h ^ h >> 32) % LIVE_BUCKETS];
}

static struct spot *
find_spot(struct live *v, const char *path, bool make)
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

static void
free_spot(struct live *v, struct spot *s)
{
	link_remove(&s->link);
	live_ranges_free(s->ranges);
	for (int i = 0; i < HLSLOW_HINTS; i++)
		free(s->hints[i]);
	free(s);
	atomic_fetch_sub(&v->nspot, 1);
}

/* ---- answers, each on the loop of its connection */

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

static void
on_batch(struct httpd_loop *l, struct httpd_msg *m)
{
	struct batch *b = LINK_OF(m, struct batch, msg);

	(void)l;
	while (!link_empty(&b->list)) {
		struct held *h = LINK_OF(b->list.next, struct held, link);

		link_remove(&h->link);
		if (httpd_release(h->conn))
			answer(h);
		object_unref(&h->object);
		free(h);
	}
	free(b);
}

/* Its wait is over; with the lock.  batch is one for each loop. */
static void
end_wait(struct held *h, int status, struct object *o, struct batch **batch)
{
	struct batch **b = &batch[h->conn->loop->index];

	if (*b == NULL) {
		*b = calloc(1, sizeof(**b));
		if (*b == NULL)
			return;		/* it goes on waiting */
		(*b)->msg.run = on_batch;
		link_init(&(*b)->list);
	}
	h->status = status;
	h->object = o == NULL ? NULL : object_ref(o);
	h->spot = NULL;
	h->live->nheld--;
	link_remove(&h->link);
	link_append(&(*b)->list, &h->link);
}

static void
post_batches(struct batch **batch)
{
	for (int i = 0; i < HTTPD_LOOPS_MAX; i++) {
		if (batch[i] != NULL) {
			struct held *h = LINK_OF(batch[i]->list.next, struct held, link);

			httpd_post(h->conn->loop, &batch[i]->msg);
		}
	}
}

/* ---- what changes */

/* Is it what h waits for?  Sets *status. */
static bool
is_over(const struct held *h, struct object *o, int *status)
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
wake(struct spot *s, struct object *o, struct batch **batch)
{
	struct link *next;
	int status;

	for (struct link *l = s->held.next; l != &s->held; l = next) {
		struct held *h = LINK_OF(l, struct held, link);

		next = l->next;
		if (is_over(h, o, &status))
			end_wait(h, status, o, batch);
	}
}

/* The path of what a playlist names, or false when it is not below our root. */
static bool
resolve(const char *playlist, const struct hlslow_hint *hint,
    char out[static HTTP_PATH_MAX])
{
	static const char root[] = "http://localhost/";
	char base[HTTP_PATH_MAX + 32], uri[HTTP_PATH_MAX], full[2 * HTTP_PATH_MAX];
	size_t n;

	if (strpbrk(playlist, "%?#") != NULL || hint->uri_len >= sizeof(uri))
		return false;
	memcpy(uri, hint->uri, hint->uri_len);
	uri[hint->uri_len] = '\0';
	snprintf(base, sizeof(base), "%s%s", root, playlist);
	if (url_resolve(base, uri, full, sizeof(full)) < 0 ||
	    strncmp(full, root, sizeof(root) - 1) != 0)
		return false;
	n = strcspn(full, "?");
	return http_parse_path((struct h1_str){ full + sizeof(root) - 2,
	    n - (sizeof(root) - 2) }, out) == 0;
}

/* What stands for the folder of a path: no object has such a name. */
static void
folder_of(const char *path, char out[static HTTP_PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(out, HTTP_PATH_MAX, "%.*s/", slash != NULL ? (int)(slash - path) : 0, path);
}

/* The next promise in the folder of path is a part away, and half of one late. */
static void
promise_folder(struct live *v, const char *path, const struct live_note *n,
    int64_t now_ns)
{
	char folder[HTTP_PATH_MAX];
	struct spot *s;

	folder_of(path, folder);
	s = find_spot(v, folder, true);
	if (s == NULL)
		return;
	s->used_ns = now_ns;
	s->hint_ns = now_ns + hlslow_patience_ns(&n->low);
	s->part_ns = n->low.part_target_ns * 3 / 2;
	if (s->part_ns > CLK_SECOND)
		s->part_ns = CLK_SECOND;
}

/* A playlist promises other things than before. */
static void
take_hints(struct live *v, struct spot *s, const struct live_note *n, int64_t now_ns)
{
	int64_t until_ns = now_ns + hlslow_patience_ns(&n->low);
	char path[HTTP_PATH_MAX];
	struct spot *to;

	for (int i = 0; i < HLSLOW_HINTS; i++) {
		to = s->hints[i] == NULL ? NULL : find_spot(v, s->hints[i], false);
		if (to != NULL)
			to->hint_ns = 0;
		free(s->hints[i]);
		s->hints[i] = NULL;
	}
	for (unsigned i = 0; i < n->low.nhint; i++) {
		const struct hlslow_hint *hint = &n->low.hint[i];

		if (!resolve(s->path, hint, path) ||
		    (to = find_spot(v, path, true)) == NULL)
			continue;
		to->hint_ns = until_ns;
		to->hint_whole = hint->whole;
		to->used_ns = now_ns;
		promise_folder(v, path, n, now_ns);
		s->hints[i] = strdup(path);
	}
}

void
live_changed(struct live *v, const char *path, struct object *o)
{
	struct batch *batch[HTTPD_LOOPS_MAX] = { NULL };
	struct live_note *n = live_note_of(o);
	int64_t now_ns;
	struct spot *s;

	if (n == NULL && atomic_load(&v->nspot) == 0)
		return;
	now_ns = clk_mono_ns();
	pthread_mutex_lock(&v->lock);
	s = find_spot(v, path, n != NULL);
	if (s != NULL && n != NULL) {
		s->used_ns = now_ns;
		take_hints(v, s, n, now_ns);
		if (n->low.can_skip_ranges && s->ranges == NULL)
			s->ranges = calloc(1, sizeof(*s->ranges));
		if (s->ranges != NULL)
			live_ranges_update(s->ranges, n, now_ns);
	}
	if (s != NULL)
		wake(s, o, batch);
	pthread_mutex_unlock(&v->lock);
	post_batches(batch);
}

/* ---- requests */

static size_t
kept_size(const struct asked *a)
{
	const struct h1_str *const *field = (const struct h1_str *const *)a;
	size_t n = 0;

	for (int i = 0; i < ASKED_FIELDS; i++)
		n += field[i] != NULL ? field[i]->len : 0;
	return n;
}

/* The request is gone when the answer is made: keep what it needs. */
static void
keep_asked(struct held *h, const struct asked *a, char *to)
{
	const struct h1_str *const *from = (const struct h1_str *const *)a;
	const struct h1_str **field = (const struct h1_str **)&h->asked;

	_Static_assert(sizeof(*a) == ASKED_FIELDS * sizeof(*from), "fields");
	for (int i = 0; i < ASKED_FIELDS; i++) {
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

/*
 * Is something promised at path, and of use to a reader only as a whole?  Players of
 * DASH follow no promise, and ask for the next segment when they have seen the end of
 * one: where there are promises, the next is waited for.  Gives how long to wait without
 * a promise; -1: not at all.
 */
static int64_t
promised(struct live *v, const char *path, int64_t now_ns, bool *whole)
{
	char folder[HTTP_PATH_MAX];
	int64_t wait_ns = -1;
	struct spot *s;

	folder_of(path, folder);
	pthread_mutex_lock(&v->lock);
	s = find_spot(v, path, false);
	if (s != NULL && s->hint_ns > now_ns) {
		wait_ns = 0;
		*whole = s->hint_whole;
	} else if ((s = find_spot(v, folder, false)) != NULL && s->hint_ns > now_ns) {
		wait_ns = s->part_ns;
	}
	pthread_mutex_unlock(&v->lock);
	return wait_ns;
}

/* h, which only its own loop can free, waits at what is o by now. */
static void
look_again(struct live *v, struct held *h, struct object *o)
{
	struct batch *batch[HTTPD_LOOPS_MAX] = { NULL };
	int status;

	pthread_mutex_lock(&v->lock);
	if (h->spot != NULL && is_over(h, o, &status))
		end_wait(h, status, o, batch);
	pthread_mutex_unlock(&v->lock);
	post_batches(batch);
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
	h->spot = v->stop ? NULL : find_spot(v, path, true);
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
	wait_ns = promised(v, path, now_ns, &whole);
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
	struct batch *b = calloc(1, sizeof(*b));
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
		b->msg.run = on_batch;
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

/* ---- the thread: files that others write, and time */

/* End what has waited long enough; all: everything.  With the lock. */
static void
end_late(struct live *v, struct spot *s, int64_t now_ns, bool all,
    struct batch **batch)
{
	struct link *next;

	for (struct link *l = s->held.next; l != &s->held; l = next) {
		struct held *h = LINK_OF(l, struct held, link);
		bool promise = h->ask.segment < 0;

		next = l->next;
		if (!all && (h->until_ns > now_ns || (promise && s->hint_ns > now_ns)))
			continue;
		atomic_fetch_add(&v->late, !promise);
		end_wait(h, promise && !all ? 404 : 503, NULL, batch);
	}
}

#define PATHS	256

/* One look at everything; gives paths that someone waits at. */
static unsigned
sweep(struct live *v, bool all, char *path[static PATHS])
{
	struct batch *batch[HTTPD_LOOPS_MAX] = { NULL };
	int64_t now_ns = clk_mono_ns();
	unsigned n = 0;

	for (int b = 0; b < LIVE_BUCKETS; b++) {
		struct link *next;

		for (struct link *l = v->bucket[b].next; l != &v->bucket[b]; l = next) {
			struct spot *s = LINK_OF(l, struct spot, link);

			next = l->next;
			end_late(v, s, now_ns, all, batch);
			if (!link_empty(&s->held) && n < PATHS &&
			    (path[n] = strdup(s->path)) != NULL)
				n++;
			if (link_empty(&s->held) && s->hint_ns < now_ns &&
			    now_ns - s->used_ns > SPOT_KEEP_NS)
				free_spot(v, s);
		}
	}
	post_batches(batch);
	return n;
}

/* The store tells us by itself when a file is not what it was. */
static void
look_at_files(struct live *v, char **path, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct object *o;

		if (store_get(v->store, path[i], clk_mono_ns(), &o) == 0)
			object_unref(&o);
		free(path[i]);
	}
}

static void *
watch(void *arg)
{
	struct live *v = arg;
	char *path[PATHS];

	pthread_mutex_lock(&v->lock);
	while (!v->stop) {
		unsigned n = sweep(v, false, path);
		bool anyone = v->nheld > 0;
		int64_t at = clk_mono_ns() + (anyone ? LOOK_NS : SPOT_KEEP_NS);
		struct timespec until = { at / CLK_SECOND, at % CLK_SECOND };

		pthread_mutex_unlock(&v->lock);
		look_at_files(v, path, n);
		pthread_mutex_lock(&v->lock);
		if (!v->stop && (anyone || v->nheld == 0))
			pthread_cond_timedwait(&v->more, &v->lock, &until);
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

int
live_start(struct live *v, struct store *s)
{
	pthread_condattr_t attr;

	v->store = s;
	pthread_mutex_init(&v->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&v->more, &attr);
	pthread_condattr_destroy(&attr);
	for (int i = 0; i < LIVE_BUCKETS; i++)
		link_init(&v->bucket[i]);
	return -pthread_create(&v->thread, NULL, watch, v);
}

void
live_drain(struct live *v)
{
	char *path[PATHS];
	unsigned n;

	pthread_mutex_lock(&v->lock);
	v->stop = true;
	pthread_cond_signal(&v->more);
	n = sweep(v, true, path);
	pthread_mutex_unlock(&v->lock);
	while (n > 0)
		free(path[--n]);
	pthread_join(v->thread, NULL);
}

void
live_stop(struct live *v)
{
	for (int i = 0; i < LIVE_BUCKETS; i++) {
		while (!link_empty(&v->bucket[i]))
			free_spot(v, LINK_OF(v->bucket[i].next, struct spot, link));
	}
}
