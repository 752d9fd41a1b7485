/* Which track decides where segments begin. */
#include <stdlib.h>

#include "lib/base/clk.h"
#include "package/cutter.h"

#define HOLE		(CLK_90K / 2)	/* it ends that much before the others: gone */
#define GUIDE_LOST	(5 * CLK_90K)
#define LEAD		(3 * CLK_90K)	/* that much sound before the picture is kept */

struct track *
guide_choose(const struct cutter *c)
{
	struct track *best = NULL;
	int64_t size, best_size = -1;

	for (unsigned i = 0; i < c->ntrack; i++) {
		struct track *t = c->track[i];
		const struct config *f = track_config(t, t->version);

		if (f == NULL || t->n == 0)
			continue;
		size = t->kind == KIND_VIDEO ? (int64_t)f->video.width * f->video.height : 0;
		if (size > best_size) {
			best = t;
			best_size = size;
		}
	}
	return best;
}

struct track *
guide_leader(const struct cutter *c)
{
	struct sample *s = &c->guide->sample[track_first_sync(c->guide, 0)];
	struct track *best = c->guide;
	int64_t from = s->pts - LEAD;

	for (unsigned i = 0; i < c->ntrack; i++) {
		struct track *t = c->track[i];

		if (track_ready(t) && t->kind == KIND_AUDIO && t->sample[0].base == s->base &&
		    t->sample[0].pts <= from) {
			best = t;
			from = t->sample[0].pts - 1;
		}
	}
	return best;
}

/* Up to where a track has come, t; INT64_MIN when nobody knows. */
static int64_t
reach(const struct cutter *c, const struct track *t)
{
	int64_t at;

	if (t->last_dts == PES_NO_TIME || !cutter_time(c, t->base, t->last_dts, &at))
		return INT64_MIN;
	return at;
}

static void
change_guide(struct cutter *c, struct track *t, size_t seen)
{
	c->guide = t;
	c->seen = seen;
	c->hole = true;
}

/* The first sample that is not before a time; sync: and a random access point. */
static size_t
find_after(const struct cutter *c, const struct track *t, int64_t from, bool sync)
{
	int64_t at;
	size_t i = 0;

	while (i < t->n && ((sync && !t->sample[i].sync) || !cutter_time(c,
	    t->sample[i].base, t->sample[i].pts, &at) || at < from))
		i++;
	return i;
}

/* Pictures where there was only sound: from now on they decide. */
static void
adopt(struct cutter *c)
{
	for (unsigned i = 0; i < c->ntrack && c->home->kind != KIND_VIDEO; i++)
		if (c->track[i]->kind == KIND_VIDEO && track_ready(c->track[i])) {
			c->home = c->track[i];
			c->grid = grid_make(track_rate(c->home, c->home->version), c->segment_ns);
			c->longest = grid_time(&c->grid, c->grid.pictures);
			c->strict = false;
			c->left_home = c->slot = c->promised = INT64_MIN;
		}
}

bool
guide_go_home(struct cutter *c)
{
	const struct sample *s = &c->guide->sample[c->seen];
	int64_t now, at, from = c->left_home;
	size_t i;

	if (c->n > 0 && c->cut[c->n - 1].t >= from)
		from = c->cut[c->n - 1].t + 1;
	if (c->guide == c->home || !cutter_time(c, s->base, s->pts, &now))
		return false;
	i = find_after(c, c->home, from, true);
	if (i == c->home->n || !cutter_time(c, c->home->sample[i].base,
	    c->home->sample[i].pts, &at) || at > now)
		return false;
	change_guide(c, c->home, i);
	return true;
}

void
guide_keep(struct cutter *c, bool eof)
{
	int64_t now = INT64_MIN, at, last = c->n > 0 ? c->cut[c->n - 1].t : INT64_MAX;
	struct track *best = NULL;

	adopt(c);
	if (c->ntrack < 2)
		return;
	for (unsigned i = 0; i < c->ntrack; i++)
		if ((at = reach(c, c->track[i])) > now)
			now = at;
	if (now == INT64_MIN)
		return;
	at = reach(c, c->guide);
	eof = eof && now - c->longest > last;	/* else it belongs to the last segment */
	if (at == INT64_MIN || at > now - (eof ? HOLE : GUIDE_LOST))
		return;			/* INT64_MIN: a new base */
	for (unsigned i = 0; i < c->ntrack; i++)
		if (c->track[i]->n > 0 && reach(c, c->track[i]) > now - CLK_90K &&
		    (best == NULL || (best->kind != KIND_VIDEO &&
		    c->track[i]->kind == KIND_VIDEO)))
			best = c->track[i];
	if (best != NULL && best != c->guide) {
		/* A picture may be decoded before a hole and be shown after it. */
		c->left_home = c->shown_end < now ? c->shown_end : c->guide_end;
		change_guide(c, best, find_after(c, best, c->left_home, false));
	}
}
