/* Low latency when nothing comes: what is open is closed, and gaps follow. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "package/low.h"

/* An interrupted segment is listed with all of its time; the rest of it is a gap. */
static void
list_rest(const struct pack *p, struct segment *s, unsigned track)
{
	struct part *part = &s->part[track];
	const struct init *init = ptrack_init(&p->pres.track[track], part->init);
	int64_t end = init == NULL ? 0 : rescale_near(s->expect, init->timescale, CLK_90K);

	if (part->present && end - part->t > part->duration)
		part->listed = end - part->t;
}

/* Close what is open, with what there is. */
static int
close_all(struct pack *p)
{
	struct cutter *c = &p->cutter;

	for (unsigned i = 0; i < c->ntrack; i++) {
		struct track *t = c->track[i];
		const struct cut *cut = cutter_cut(c, t->current);
		struct pack_segment *m = pack_making(p, t->current);
		size_t good;
		int r;

		if (p->index[i] == UINT32_MAX || cut == NULL || m == NULL || t->low == NULL ||
		    t->low->cut != t->current || !t->low->begun || t->low->closed)
			continue;
		low_settled(p, t, cut, NULL, false, &good);
		if (good > 0 && (r = low_put(p, t, p->index[i], m, cut, NULL, good,
		    true)) < 0)
			return r;
		if ((r = low_close(p, t, p->index[i], m)) < 0)
			return r;
		list_rest(p, m->segment, p->index[i]);
	}
	return 0;
}

/* The interrupted segments whose time has passed, as far as they came. */
static int
end_interrupted(struct pack *p, int64_t now)
{
	while (p->nmaking > 0 && p->making[0].segment->expect <= now) {
		int64_t number = p->making[0].segment->number;
		int r;

		p->making[0].done = UINT64_MAX;
		if ((r = pack_publish_done(p)) < 0)
			return r;
		if (number > p->skip_to)
			p->skip_to = number;
	}
	return 0;
}

int
low_idle(struct pack *p)
{
	struct pres *pr = &p->pres;
	struct cutter *c = &p->cutter;
	int64_t silent = clk_mono_ns() - p->arrival_ns, now, step, due;
	int r;

	if (!pr->low || !c->running || c->clock == CUT_NOT_LIVE || c->regular_file ||
	    pr->n == 0 || p->arrival_ns == 0 || silent < p->gap_after_ns)
		return 0;
	now = c->shown_end + rescale_down(silent, CLK_90K, CLK_SECOND);
	step = grid_time(&c->grid, c->grid.pictures);
	due = p->nmaking > 0 ? p->making[0].segment->expect :
	    pr->segment[pr->n - 1]->t + pr->segment[pr->n - 1]->duration + step;
	if (now < due)			/* it may still come */
		return 0;
	if (!pr->idle) {
		pr->idle = true;
		p->index_due = true;
		log_warn(0, "nothing comes: what is open is closed, gaps follow");
		if ((r = close_all(p)) < 0)
			return r;
	}
	if ((r = end_interrupted(p, now)) < 0)
		return r;
	while (p->nmaking == 0) {
		const struct segment *last = pr->segment[pr->n - 1];
		int64_t t = last->t + last->duration;

		if (t + step > now)
			break;
		if ((r = pack_gap(p, last->number + 1, t, step)) < 0)
			return r;
		p->skip_to = pr->segment[pr->n - 1]->number;
	}
	return pack_changed(p);
}

/* ---- numbers */

static int
compare_us(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x > y ? 1 : x < y ? -1 : 0;
}

void
low_stats(const struct pack *p, json_t *j)
{
	const struct sink_stats *st = sink_stats(p->sink);
	size_t n = st->appended < SINK_TIMES ? (size_t)st->appended : SINK_TIMES;
	uint32_t us[SINK_TIMES], target;
	json_int_t late = 0;

	if (!p->pres.low)
		return;
	memcpy(us, st->us, sizeof(us));
	qsort(us, n, sizeof(us[0]), compare_us);
	target = (uint32_t)rescale_near(p->pres.chunk, 1000000, CLK_90K);
	for (size_t i = 0; i < n; i++)
		late += us[i] > target;
	json_object_update_new(j, json_pack("{sI sI sI sI sI}", "parts",
	    (json_int_t)p->parts, "parts_late", late,
	    "part_us_p50", (json_int_t)(n > 0 ? us[n / 2] : 0),
	    "part_us_p99", (json_int_t)(n > 0 ? us[n * 99 / 100] : 0),
	    "part_us_max", (json_int_t)(n > 0 ? us[n - 1] : 0)));
}
