/* Names of tracks: v1, v2 ... a1, a2 ... */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "package/pack.h"

/* Larger first; then the rate by the PMT, then the PID. */
static int
compare_tracks(const struct track *a, const struct track *b)
{
	const struct config *x = track_config(a, a->version);
	const struct config *y = track_config(b, b->version);
	int64_t m, n;

	if (a->kind != b->kind)
		return a->kind == KIND_VIDEO ? -1 : 1;
	if (a->kind == KIND_VIDEO) {
		m = (int64_t)x->video.width * x->video.height;
		n = (int64_t)y->video.width * y->video.height;
		if (m != n)
			return m > n ? -1 : 1;
		if (a->max_bitrate != b->max_bitrate)
			return a->max_bitrate > b->max_bitrate ? -1 : 1;
	}
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* The next track without a name that could have one. */
static struct track *
next_unnamed(const struct pack *p, unsigned *at)
{
	struct track *best = NULL;

	for (unsigned i = 0; i < p->cutter.ntrack; i++) {
		struct track *t = p->cutter.track[i];
		bool sync = false;

		if (p->index[i] != UINT_MAX || t->version == 0)
			continue;
		for (size_t s = 0; s < t->n && !sync; s++)
			sync = t->sample[s].sync;
		if (sync && (best == NULL || compare_tracks(t, best) < 0)) {
			best = t;
			*at = i;
		}
	}
	return best;
}

/* An earlier run, or a stream that went and came, may have used a track of ours. */
static unsigned
find_ptrack(const struct pack *p, const struct track *t)
{
	for (unsigned n = 0; n < p->pres.ntrack; n++) {
		const struct ptrack *pt = &p->pres.track[n];
		bool taken = false;

		for (unsigned i = 0; i < p->cutter.ntrack; i++)
			taken = taken || p->index[i] == n;
		if (!taken && pt->kind == t->kind && pt->codec == t->codec &&
		    pt->pid == t->pid && strcmp(pt->language, t->language) == 0)
			return n;
	}
	return UINT_MAX;
}

static void
name_track(struct pack *p, unsigned at, struct track *t)
{
	unsigned n = find_ptrack(p, t), same = 1;
	struct ptrack *pt;

	if (n == UINT_MAX) {
		if (p->pres.ntrack == PRES_TRACKS)
			return;
		for (unsigned i = 0; i < p->pres.ntrack; i++)
			same += p->pres.track[i].kind == t->kind;
		n = p->pres.ntrack++;
		pt = &p->pres.track[n];
		*pt = (struct ptrack){ .kind = t->kind, .codec = t->codec, .pid = t->pid };
		snprintf(pt->name, sizeof(pt->name), "%c%u",
		    t->kind == KIND_VIDEO ? 'v' : 'a', same % 1000);
		memcpy(pt->language, t->language, sizeof(pt->language));
	}
	pt = &p->pres.track[n];
	pt->max_bitrate = t->max_bitrate;
	memcpy(t->name, pt->name, sizeof(t->name));
	p->index[at] = n;
	/* Sound joins the segment that is being made, pictures begin with the next. */
	t->current = t->kind == KIND_AUDIO && p->nmaking > 0 ? p->making[0].cut :
	    p->next_cut;
	t->started = false;
	log_info("track %s: pid=%u codec=%s%s%s", t->name, t->pid, codec_name(t->codec),
	    t->language[0] != '\0' ? " language=" : "", t->language);
}

int
pack_widen(struct segment **segment, unsigned npart)
{
	struct segment *s = *segment;

	if (s->npart >= npart)
		return 0;
	s = realloc(s, sizeof(*s) + npart * sizeof(s->part[0]));
	if (s == NULL)
		return -ENOMEM;
	memset(&s->part[s->npart], 0, (npart - s->npart) * sizeof(s->part[0]));
	s->npart = npart;
	*segment = s;
	return 0;
}

int
pack_name_tracks(struct pack *p)
{
	int r;
	const struct cut *cut;
	struct track *t;
	unsigned at = 0;

	while ((t = next_unnamed(p, &at)) != NULL) {
		name_track(p, at, t);
		if (p->index[at] == UINT_MAX)
			return 0;
		cut = cutter_cut(&p->cutter, t->current);
		if (p->named && t->kind == KIND_VIDEO && (cut == NULL || !cut->discontinuity))
			cutter_break(&p->cutter);	/* it comes in late */
	}
	p->named = true;
	for (size_t i = 0; i < p->nmaking; i++)
		if ((r = pack_widen(&p->making[i].segment, p->pres.ntrack)) < 0)
			return r;
	return 0;
}
