/* The thread behind those who wait: files that others write, and time. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "origin/livepriv.h"

#define LOOK_NS		(CLK_SECOND / 20)	/* at files, and at the clock */
#define SPOT_KEEP_NS	(600 * CLK_SECOND)	/* a playlist's, without a new version */
#define PATHS		256

/* End what has waited long enough; all: everything.  With the lock. */
static void
end_late(struct live *v, struct spot *s, int64_t now_ns, bool all,
    struct live_batch **batch)
{
	struct link *next;

	for (struct link *l = s->held.next; l != &s->held; l = next) {
		struct held *h = LINK_OF(l, struct held, link);
		bool promise = h->ask.segment < 0;

		next = l->next;
		if (!all && (h->until_ns > now_ns || (promise && s->hint_ns > now_ns)))
			continue;
		atomic_fetch_add(&v->late, !promise);
		live_end_wait(h, promise && !all ? 404 : 503, NULL, batch);
	}
}

/* Does it remember anything, or was it only made for someone to wait at? */
static bool
is_of_playlist(const struct spot *s)
{
	bool any = s->ranges != NULL;

	for (int i = 0; i < HLSLOW_HINTS; i++)
		any |= s->hints[i] != NULL;
	return any;
}

/* One look at everything; gives paths that someone waits at. */
static unsigned
sweep(struct live *v, bool all, char *path[static PATHS])
{
	struct live_batch *batch[HTTPD_LOOPS_MAX] = { NULL };
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
			/* Names that peers make up must not fill the table. */
			if (link_empty(&s->held) && s->hint_ns < now_ns &&
			    (!is_of_playlist(s) || now_ns - s->used_ns > SPOT_KEEP_NS))
				live_free_spot(v, s);
		}
	}
	live_post(batch);
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
			live_free_spot(v, LINK_OF(v->bucket[i].next, struct spot, link));
	}
}
