/* What a reader sees of low latency: playlists with each part, and segments that pass. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/text.h"
#include "package/pack.h"

/* A low-latency playlist carries how far it has come, for when it is delivered. */
int
pack_put_media(struct pack *p, unsigned track, struct text *t)
{
	struct sink_object o = {
		.content_type = TYPE_HLS, .level = SINK_PLAYLIST, .niov = 1,
	};
	int64_t sequence = 0;
	unsigned chunk = 0;

	hls_put_media(&p->pres, track, t, p->pres.ts);
	if (p->pres.low && hls_last_listed(&p->pres, track, &sequence, &chunk))
		o.tag = (uint64_t)sequence << 16 | (chunk + 1);
	o.iov[0].iov_len = t->len;
	o.iov[0].iov_base = o.own[0] = text_take(t);
	if (o.own[0] == NULL)
		return -ENOMEM;
	p->bytes_out += o.iov[0].iov_len;
	snprintf(o.name, sizeof(o.name), "%s/index.m3u8", p->pres.track[track].name);
	return sink_put(p->sink, &o);
}

void
pack_delivered(void *pack, const char *name, uint64_t tag)
{
	struct pack *p = pack;

	for (unsigned i = 0; i < p->pres.ntrack && tag != 0; i++) {
		struct ptrack *t = &p->pres.track[i];
		size_t len = strlen(t->name);

		if (strncmp(name, t->name, len) != 0 || name[len] != '/')
			continue;
		t->listed = true;
		t->listed_sequence = (int64_t)(tag >> 16);
		t->listed_chunk = (unsigned)(tag & 0xffff) - 1;
	}
}

/* A segment that nobody has: it passes. */
int
pack_gap(struct pack *p, int64_t number, int64_t t, int64_t duration)
{
	struct pres *pr = &p->pres;
	const struct segment *last = pr->segment[pr->n - 1];
	struct segment *s = calloc(1, sizeof(*s) + pr->ntrack * sizeof(s->part[0]));
	char name[SINK_NAME_MAX];

	if (s == NULL)
		return -ENOMEM;
	s->number = number;
	s->sequence = last->sequence + number - last->number;
	s->t = t;
	s->duration = duration;
	s->utc_ns = last->utc_ns == 0 ? 0 : last->utc_ns + rescale_near(t - last->t, CLK_SECOND,
	    CLK_90K);
	s->npart = pr->ntrack;
	for (unsigned i = 0; i < pr->ntrack && p->skip_to < number; i++) {
		snprintf(name, sizeof(name), "%s/%lld.m4s", pr->track[i].name,
		    (long long)number);
		sink_delete(p->sink, name);	/* what an earlier run had begun */
	}
	pack_set_period(pr, last, s);
	pack_date_cues(pr, s);
	p->changed = UINT64_MAX;
	p->index_due = true;
	return pres_add(pr, s);
}

/* Numbers that nothing came for, as far as the playlists reach. */
int
pack_fill_gap(struct pack *p, const struct segment *s)
{
	const struct segment *last = p->pres.segment[p->pres.n - 1];
	int64_t n = s->number - last->number - 1, begin = last->t + last->duration;
	int64_t step = n > 0 ? (s->t - begin) / n : 0, most;
	int r = 0;

	if (n <= 0 || step <= 0)
		return 0;
	most = p->pres.window / step + 4;
	for (int64_t k = n > most ? n - most : 0; k < n && r == 0; k++)
		r = pack_gap(p, s->number - n + k, begin + k * step, step);
	return r;
}

static int
list_open(struct pack *p)
{
	struct pres *pr = &p->pres;

	if (p->nmaking > pr->open_cap) {
		struct segment **list = realloc(pr->open, p->nmaking * sizeof(struct segment *));

		if (list == NULL)
			return -ENOMEM;
		pr->open = list;
		pr->open_cap = p->nmaking;
	}
	pr->nopen = 0;
	for (size_t i = 0; i < p->nmaking; i++)
		if (p->making[i].segment->number > p->skip_to)
			pr->open[pr->nopen++] = p->making[i].segment;
	return 0;
}

/* What begins soon is dated when it is told, in the segment that is being made. */
static void
date_next_cues(struct pres *p)
{
	const struct segment *s = p->nopen > 0 ? p->open[0] : NULL;

	for (size_t i = 0; i < p->cues.n && s != NULL; i++) {
		struct cue *c = &p->cues.cue[i];

		if (c->date_ns == 0)
			c->date_ns = segment_date(p, s) + rescale_near(c->start, CLK_SECOND,
			    CLK_90K) - rescale_near(s->t, CLK_SECOND, CLK_90K);
	}
}

int
pack_changed(struct pack *p)
{
	struct pres *pr = &p->pres;
	struct text t = { .len = 0 };
	int r;

	if (pr->n == 0 || pr->mode == PRES_VOD || (p->changed == 0 && !p->index_due))
		return 0;
	if ((r = list_open(p)) < 0)
		return r;
	date_next_cues(pr);
	pr->blocks = p->blocking == 0 ? sink_blocks(p->sink) : p->blocking > 0;
	for (unsigned i = 0; i < pr->ntrack && r == 0; i++)
		if ((p->changed & UINT64_C(1) << i) != 0)
			r = pack_put_media(p, i, &t);
	p->changed = 0;
	if (r == 0 && p->index_due)
		r = pack_put_index(p);
	p->index_due = false;
	sink_batch(p->sink);
	return r;
}

static int
earlier(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/*
 * By how much parts are later than their end.  What players stay behind by is of most of
 * the last segments: they keep what they read first, so one bad moment must not decide.
 * What they may not ask before is of the worst of them, up to a part more: an early
 * request is a 404, which a cache may keep for others, a late one costs buffer.
 */
void
pack_note_lag(struct pack *p, const struct segment *s)
{
	int64_t step = CLK_90K / 20, sorted[PACK_LAGS], lag, most;
	size_t n;

	if (s->utc_ns == 0 || segment_is_lost(s))
		return;
	p->lags[p->nlag++ % PACK_LAGS] = rescale_near(p->last_lag_ns, CLK_90K, CLK_SECOND);
	n = p->nlag < PACK_LAGS ? p->nlag : PACK_LAGS;
	memcpy(sorted, p->lags, sizeof(sorted));
	qsort(sorted, n, sizeof(sorted[0]), earlier);
	lag = sorted[n * 3 / 4];
	p->pres.lag = lag < 0 ? 0 : (lag + step - 1) / step * step;
	lag = sorted[n - 1] < 0 ? 0 : (sorted[n - 1] + step - 1) / step * step;
	most = p->pres.lag + p->pres.chunk;
	p->pres.lag_worst = lag < most ? lag : most;
}
