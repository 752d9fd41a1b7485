/* The timeline of a track that is ingested; see cmaftime.h. */
#include <errno.h>
#include <string.h>

#include "lib/base/clk.h"
#include "origin/cmafpub.h"
#include "origin/cmaftime.h"

#define EPOCH_NS	(3600 * CLK_SECOND)	/* nearer to UTC is meant as UTC */
#define NEAR_NS		(10 * CLK_SECOND)	/* the same timeline, by arrival */
#define VERSIONS	10000

/* ---- the grid, and numbers */

static uint64_t
grid_ticks(const struct cmaf_track *t)
{
	const struct cmaf_channel *ch = t->channel;

	return ch->grid_den == 0 ? 0 : (uint64_t)rescale_near((int64_t)ch->grid_num,
	    t->header.timescale, (int64_t)ch->grid_den);
}

/* The number of the segment that begins nearest to v; *off: how far from there. */
static int64_t
grid_number(const struct cmaf_track *t, uint64_t v, uint64_t *off)
{
	const struct cmaf_channel *ch = t->channel;
	__int128 unit = (__int128)ch->grid_num * t->header.timescale;
	__int128 at = (__int128)v * ch->grid_den, n = (at + unit / 2) / unit;
	__int128 d = at - n * unit;

	*off = (uint64_t)((d < 0 ? -d : d) / ch->grid_den);
	return (int64_t)n;
}

uint64_t
cmaftime_grid_end(const struct cmaf_track *t, uint64_t v)
{
	const struct cmaf_channel *ch = t->channel;
	uint64_t off;
	int64_t n = grid_number(t, v, &off) + 1;

	return (uint64_t)((__int128)n * ch->grid_num * t->header.timescale / ch->grid_den);
}

static bool
has_video(const struct cmaf_channel *ch)
{
	for (unsigned i = 0; i < ch->ntrack; i++)
		if (ch->track[i]->head != NULL && ch->track[i]->header.kind == CMAF_VIDEO)
			return true;
	return false;
}

/* The first video segment sets the grid; without video, what is near a tenth of a
 * second is meant as such: frames of audio do not fit in. */
void
cmaftime_set_grid(struct cmaf_track *t)
{
	struct cmaf_channel *ch = t->channel;
	uint64_t d = t->seg[t->n - 1].duration, ts = t->header.timescale, tenths, near;

	if (ch->grid_den != 0 || d == 0)
		return;
	if (t->header.kind == CMAF_VIDEO) {
		ch->grid_num = d;
		ch->grid_den = ts;
	} else if (!has_video(ch) && t->n >= 2) {
		tenths = (d * 10 + ts / 2) / ts;
		near = tenths * ts / 10;
		if (tenths > 0 && (near > d ? near - d : d - near) * 30 < ts) {
			ch->grid_num = tenths;
			ch->grid_den = 10;
		} else {
			ch->grid_num = d;
			ch->grid_den = ts;
		}
	}
}

/* The number of the first, once the grid is known; all others follow. */
void
cmaftime_set_sequence(struct cmaf_track *t)
{
	const struct cmaf_channel *ch = t->channel;
	uint64_t off = 0;
	int64_t n;

	if (t->sequence >= 0 || (ch->grid_den == 0 && t->n < 4))
		return;
	n = ch->grid_den == 0 ? 0 : grid_number(t, t->seg[0].t, &off);
	if (ch->grid_den == 0 || off > grid_ticks(t) / 4 || t->counted)
		t->counted = true;
	if (ch->epoch || (t->version == 1 && !t->counted))
		t->sequence = n;
	else			/* and more than whatever was there before */
		t->sequence = t->version == 1 ? 0 : clk_utc_ns() / CLK_SECOND;
}

unsigned
cmaftime_missing(struct cmaf_track *t, uint64_t v, bool gap)
{
	uint64_t off, lost = gap ? v - t->next : 0, usual = grid_ticks(t);
	int64_t k;

	if (usual == 0)
		usual = t->seg[t->n - 1].duration;
	if (!t->counted && t->sequence >= 0) {
		k = grid_number(t, v, &off) - (t->sequence + t->n);
		if (k >= 0 && off <= grid_ticks(t) / 4 && (k == 0 || gap))
			return (unsigned)(k > CMAF_SEGMENTS ? CMAF_SEGMENTS : k);
		t->counted = true;
	}
	if (usual == 0 || lost / usual > CMAF_SEGMENTS)
		return gap ? CMAF_SEGMENTS : 0;
	return (unsigned)((lost + usual / 2) / usual);
}

/* ---- versions and Periods */

static bool
is_stored(struct cmaf *m, const char *path, const struct cmaf_track *t, bool *same)
{
	struct object *o;

	if (store_get(m->store, path, clk_mono_ns(), &o) < 0)
		return false;
	*same = o->mem != NULL && object_len(o) == t->head_len &&
	    memcmp(o->mem, t->head, t->head_len) == 0;
	object_unref(&o);
	return true;
}

/*
 * The next version of header and timeline.  What an earlier run has left has the
 * names that it used: they may be in caches, so only a timeline that cannot
 * come twice goes on with them.
 */
int
cmaftime_next_version(struct cmaf_track *t)
{
	struct cmaf_channel *ch = t->channel;
	bool first = t->version == 0, same = false;
	char path[HTTP_PATH_MAX], name[32];

	do {
		t->version++;
		cmafpub_init_name(t->version, name);
		if (!cmafpub_path(ch, path, "%s/%s", t->name, name))
			return -ENAMETOOLONG;
	} while (first && t->version < VERSIONS && is_stored(ch->cmaf, path, t, &same) &&
	    !(same && ch->epoch));
	t->fresh = false;
	return cmafpub_write(ch->cmaf, path, t->head, t->head_len);
}

static bool
near(int64_t a, int64_t b)
{
	return a - b < NEAR_NS && b - a < NEAR_NS;
}

void
cmaftime_enter_period(struct cmaf_track *t, const struct cmaf_chunk *c)
{
	struct cmaf_channel *ch = t->channel;
	struct cmaf_period *p = ch->nperiod > 0 ? &ch->period[ch->nperiod - 1] : NULL;
	int64_t offset = clk_utc_ns() - cmafpub_ns(t, c->t + c->duration), start;
	unsigned number = p == NULL ? 1 : p->number + 1;

	if (p == NULL)
		ch->epoch = offset < EPOCH_NS && offset > -EPOCH_NS;
	if (ch->epoch && offset < EPOCH_NS && offset > -EPOCH_NS)
		offset = 0;
	if (p != NULL && near(p->offset_ns, offset)) {
		offset = p->offset_ns;
		if (t->version == 0 || p->number > t->period) {
			t->period = p->number;
			t->offset_ns = offset;
			return;
		}
	}
	start = offset + cmafpub_ns(t, c->t);
	if (p != NULL && start <= p->start_ns)
		start = p->start_ns + 1;
	if (ch->nperiod == CMAF_PERIODS)
		memmove(ch->period, ch->period + 1, --ch->nperiod * sizeof(*p));
	ch->period[ch->nperiod++] = (struct cmaf_period){ number, start, offset };
	t->period = number;
	t->offset_ns = offset;
}

void
cmaftime_follow_period(struct cmaf_track *t, uint64_t v)
{
	const struct cmaf_channel *ch = t->channel;
	const struct cmaf_period *p = &ch->period[ch->nperiod - 1];

	if (p->number > t->period && p->offset_ns == t->offset_ns &&
	    p->start_ns <= t->offset_ns + cmafpub_ns(t, v) + CLK_SECOND / 10)
		t->period = p->number;
}
