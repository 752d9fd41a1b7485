/* The segments of a track that is ingested, and their list; see cmafseg.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "origin/cmafclean.h"
#include "origin/cmafpub.h"
#include "origin/cmafseg.h"
#include "origin/cmaftime.h"

#define SHORTEST_NS	(CLK_SECOND / 2)
#define WITHOUT_GRID_NS	(2 * CLK_SECOND)
#define JUMP_NS		(10 * CLK_SECOND)	/* ahead of time: another clock */

/* ---- readers of the segment that grows: they are woken by one loop only */

struct wake {
	struct httpd_msg msg;
	struct object *object;
};

static void
on_wake(struct httpd_loop *l, struct httpd_msg *m)
{
	struct wake *w = (struct wake *)m;

	httpd_grew(l, w->object, false);
	object_unref(&w->object);
	free(w);
}

static void
grew(struct cmaf_track *t, struct httpd_loop *l, struct object *o)
{
	struct wake *w;

	if (l == NULL)
		return;			/* nobody is left */
	if (l == t->loop) {
		httpd_grew(l, o, false);
	} else if ((w = calloc(1, sizeof(*w))) != NULL) {
		w->msg.run = on_wake;
		w->object = object_ref(o);
		httpd_post(t->loop, &w->msg);
	}
}

/* ---- the list */

static struct cmaf_segment *
newest(const struct cmaf_track *t)
{
	return t->n > 0 ? &t->seg[t->n - 1] : NULL;
}

static void
drop_first(struct cmaf_track *t)
{
	struct cmaf_segment *g = &t->seg[0];
	struct cmaf *m = t->channel->cmaf;
	char path[HTTP_PATH_MAX], name[48];

	cmafpub_segment_name(g->version, g->t, name);
	if (!g->gap && cmafpub_path(t->channel, path, "%s/%s", t->name, name))
		store_delete(m->store, path, &(struct store_if){ 0 }, false);
	t->breaks += g->discontinuity;
	if (t->sequence >= 0)
		t->sequence++;
	free(g->part);
	memmove(t->seg, t->seg + 1, --t->n * sizeof(*t->seg));
	if (t->first > 0)
		t->first--;
}

/* What is older than the window leaves the playlist, and later the store. */
static void
trim(struct cmaf_track *t)
{
	int64_t window_ns = t->channel->cmaf->window_ns;
	uint64_t sum = 0;
	unsigned i = t->n;

	while (i > t->first) {
		sum += t->seg[i - 1].duration;
		if (cmafpub_ns(t, sum) > window_ns && i < t->n)
			break;
		i--;
	}
	t->first = i;
	while (t->first > 0) {
		sum = 0;
		for (unsigned k = 1; k < t->n; k++)
			sum += t->seg[k].duration;
		if (cmafpub_ns(t, sum) < window_ns + CMAF_LATE_NS)
			break;
		drop_first(t);
	}
	for (unsigned k = 0; k + 4 < t->n; k++) {
		free(t->seg[k].part);
		t->seg[k].part = NULL;
		t->seg[k].npart = 0;
	}
}

static struct cmaf_segment *
add(struct cmaf_track *t)
{
	struct cmaf_segment *g;
	unsigned size = t->nsize == 0 ? 32 : t->nsize * 2;

	if (t->n == CMAF_SEGMENTS)
		drop_first(t);
	if (t->n == t->nsize) {
		g = realloc(t->seg, size * sizeof(*g));
		if (g == NULL)
			return NULL;
		t->seg = g;
		t->nsize = size;
	}
	g = &t->seg[t->n++];
	*g = (struct cmaf_segment){ .version = t->version, .period = t->period };
	return g;
}

static void
drop_all(struct cmaf_track *t)
{
	while (t->n > 0)
		drop_first(t);
	t->first = 0;
}

/* ---- chunks */

int
cmafseg_header(struct cmaf_track *t, struct httpd_loop *l, uint8_t *bytes,
    size_t len, const struct cmaf_header *h)
{
	bool other = t->head != NULL && (h->timescale != t->header.timescale ||
	    h->kind != t->header.kind);

	cmafseg_end(t, l);
	if (other)
		drop_all(t);
	free(t->head);
	t->head = bytes;
	t->head_len = len;
	t->header = *h;
	t->fresh = true;
	t->told_peak = 0;		/* so that it is said anew */
	return 0;
}

bool
cmafseg_begins(const struct cmaf_track *t, const struct cmaf_chunk *c)
{
	const struct cmaf_segment *g = newest(t);
	uint64_t so_far;

	if (!c->sync)
		return false;
	if (t->upload == NULL || g == NULL || t->fresh || c->begins)
		return true;
	if (c->t < g->t || c->t > t->next + c->sample_duration / 2)
		return true;
	so_far = c->t - g->t;
	if (t->header.kind == CMAF_VIDEO)
		return cmafpub_ns(t, so_far) >= SHORTEST_NS;
	if (t->channel->grid_den != 0)
		return c->t + c->sample_duration / 2 >= cmaftime_grid_end(t, g->t);
	return cmafpub_ns(t, so_far) >= WITHOUT_GRID_NS;
}

bool
cmafseg_same(const struct cmaf_track *t, const struct cmaf_chunk *c)
{
	const struct cmaf_segment *g = newest(t);

	for (unsigned i = 0; g != NULL && i < g->npart; i++)
		if (g->part[i].t == c->t)
			return g->part[i].hash == c->hash;
	return g == NULL || c->t < g->t;	/* long ago */
}

uint64_t
cmafseg_old(const struct cmaf_track *t)
{
	return t->n == 0 ? 0 : t->seg[t->n > 3 ? t->n - 3 : 0].t;
}

static int
open_segment(struct cmaf_track *t, struct cmaf_segment *g, struct httpd_loop *l)
{
	struct cmaf *m = t->channel->cmaf;
	char path[HTTP_PATH_MAX], name[48];
	int err;

	cmafpub_segment_name(g->version, g->t, name);
	if (!cmafpub_path(t->channel, path, "%s/%s", t->name, name))
		return -ENAMETOOLONG;
	err = store_put(m->store, path, &(struct put_wish){ 0 }, &t->upload);
	if (err == 0)
		err = httpd_can_grow(m->httpd, t->upload->object);
	if (err < 0) {
		if (t->upload != NULL)
			store_put_free(&t->upload);
		return err;
	}
	store_put_show(t->upload);
	t->loop = l;
	return 0;
}

static int
begin(struct cmaf_track *t, struct httpd_loop *l, const struct cmaf_chunk *c)
{
	uint64_t slack = c->sample_duration / 2;
	bool ahead = t->n > 0 && c->t > t->next + slack;
	/* Back, or further than time has gone on: an encoder counts anew. */
	bool anew = (t->n > 0 && c->t + slack < t->next) || (ahead &&
	    cmafpub_ns(t, c->t - t->next) - t->idle_ns > JUMP_NS);
	bool gap = ahead && !anew, breaks = false;
	struct cmaf_segment *g;
	unsigned lost = 0;
	int err;

	cmafseg_end(t, l);
	if ((err = t->refused) < 0) {
		t->refused = 0;
		return err;
	}
	if (t->fresh || anew) {
		breaks = t->n > 0;
		if (anew && !t->channel->epoch)
			t->counted = true;
		cmaftime_enter_period(t, c);
		if ((err = cmaftime_next_version(t)) < 0)
			return err;
	} else {
		cmaftime_follow_period(t, c->t);
	}
	if (t->n > 0 && !anew)
		lost = cmaftime_missing(t, c->t, gap);
	t->gaps += gap;
	if (gap && cmafpub_ns(t, c->t - t->next) > t->channel->cmaf->window_ns) {
		if (t->sequence >= 0)
			t->sequence += lost;
		drop_all(t);
		breaks = true;
		lost = 0;
	}
	for (unsigned i = 0; i < lost; i++) {
		if ((g = add(t)) == NULL)
			return -ENOMEM;
		g->t = t->next + (c->t - t->next) / lost * i;
		g->duration = (c->t - t->next) / lost;
		g->gap = g->whole = true;
	}
	if ((g = add(t)) == NULL)
		return -ENOMEM;
	g->t = t->next = c->t;
	g->discontinuity = breaks;
	err = open_segment(t, g, l);
	if (err < 0)
		t->n--;
	return err;
}

static void
note_part(struct cmaf_track *t, const struct cmaf_chunk *c, size_t len)
{
	struct cmaf_segment *g = newest(t);
	struct cmaf_part *p = NULL;

	if (g->npart < CMAF_PARTS)
		p = realloc(g->part, (g->npart + 1) * sizeof(*p));
	if (p != NULL) {
		g->part = p;
		p[g->npart++] = (struct cmaf_part){ c->t, c->duration, c->hash, g->bytes,
		    (uint32_t)len, c->sync };
	}
	if (g->npart > 1)
		t->chunked = true;
	if (c->duration > t->part_longest)
		t->part_longest = c->duration;
	g->duration += c->duration;
	g->bytes += len;
}

/* By what came before, the next chunk begins a segment. */
static bool
is_full(const struct cmaf_track *t, const struct cmaf_chunk *c)
{
	const struct cmaf_segment *g = newest(t);

	return !t->counted && t->channel->grid_den != 0 && t->sequence >= 0 &&
	    (t->header.kind != CMAF_VIDEO || t->n > 3) &&
	    t->next + c->sample_duration / 2 >= cmaftime_grid_end(t, g->t);
}

static void
publish(struct cmaf_track *t, bool all)
{
	int err = cmafpub_media(t);

	if (err == 0 && all)
		err = cmafpub_channel(t->channel);
	if (err < 0)
		log_warn(-err, "cannot write what '%s' consists of", t->channel->path);
}

int
cmafseg_chunk(struct cmaf_track *t, struct cmaf_sender *s,
    const struct cmaf_chunk *c, const uint8_t *p, size_t len)
{
	int err = 0;

	if (t->upload == NULL || c->t + c->sample_duration / 2 < t->next ||
	    cmafseg_begins(t, c)) {
		err = begin(t, s->loop, c);
		if (err < 0)
			return err;
		s->segments++;
	}
	t->owner = s;
	err = t->upload->len + len > s->max_object ? -EFBIG :
	    store_put_data(t->upload, p, len, false);
	if (err < 0) {			/* readers must not take it for whole */
		struct object *o = object_ref(t->upload->object);

		store_put_free(&t->upload);
		wire_end(o, OBJECT_FAILED);
		grew(t, s->loop, o);
		object_unref(&o);
		free(t->seg[--t->n].part);
		t->owner = NULL;
		return err;
	}
	note_part(t, c, len);
	t->next = c->t + c->duration;
	grew(t, s->loop, t->upload->object);
	if (is_full(t, c))
		cmafseg_end(t, s->loop);
	else if (t->chunked)
		publish(t, newest(t)->npart == 1);
	return 0;
}

void
cmafseg_end(struct cmaf_track *t, struct httpd_loop *l)
{
	struct cmaf_segment *g = newest(t);
	struct object *o;
	uint64_t ns, rate;
	bool created;
	int err;

	if (t->upload == NULL)
		return;
	o = object_ref(t->upload->object);
	err = store_put_commit(t->upload, &created);
	wire_end(o, err < 0 ? OBJECT_FAILED : OBJECT_WHOLE);
	grew(t, l, o);
	object_unref(&o);
	store_put_free(&t->upload);
	t->owner = NULL;
	if (err < 0) {
		log_warn(-err, "cannot keep a segment of '%s/%s'", t->channel->path, t->name);
		free(g->part);
		t->n--;
		t->refused = err;
		return;
	}
	g->whole = true;
	if (g->duration > t->longest)
		t->longest = g->duration;
	ns = (uint64_t)cmafpub_ns(t, g->duration);
	rate = ns == 0 ? 0 : (uint64_t)((__int128)g->bytes * 8 * 1000000000 / ns);
	if (rate > t->peak)
		t->peak = rate;
	cmaftime_set_grid(t);
	cmaftime_set_sequence(t);
	trim(t);
	publish(t, true);
	cmafclean_track(t);
}

void
cmafseg_finish(struct cmaf_track *t, struct httpd_loop *l)
{
	cmafseg_end(t, l);
	if (t->n == 0 || t->ended)
		return;
	t->ended = true;
	if (t->sequence < 0)		/* too short to tell, and it will not grow */
		t->sequence = 0;
	publish(t, true);
}
