#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/times.h"
#include "package/low.h"
#include "package/lowpart.h"
#include "package/subs.h"

/* ---- a part */

static int
room(struct pack *p, size_t n)
{
	struct mp4_sample *s;

	if (n <= p->scratch_cap)
		return 0;
	if ((s = realloc(p->scratch, n * 2 * sizeof(*s))) == NULL)
		return -ENOMEM;
	p->scratch = s;
	p->scratch_cap = n * 2;
	return 0;
}

/* Events that this segment has not told yet. */
static unsigned
new_events(const struct pack *p, struct track *t, const struct segment *s,
    uint32_t timescale, struct mp4_emsg e[static CUE_EMSG_MAX])
{
	unsigned n = cue_emsg(&p->pres.cues, p->pres.policy.ways, timescale, s->t, e), kept = 0;
	struct low *l = t->low;

	for (unsigned i = 0; i < n; i++) {
		bool told = false;

		for (unsigned k = 0; k < l->nid; k++)
			told = told || l->id[k] == e[i].id;
		if (told || l->nid == CUE_EMSG_MAX)
			continue;
		l->id[l->nid++] = e[i].id;
		e[kept++] = e[i];
	}
	return kept;
}

static int
list_chunk(struct part *part, const struct chunk *c)
{
	struct chunk *list = realloc(part->chunk, (part->nchunk + 1) * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	part->chunk = list;
	list[part->nchunk++] = *c;
	return 0;
}

static int
add_chunk(struct part *part, const struct chunk *c, const struct mp4_sample *first,
    bool video, size_t head)
{
	struct keyframe *key;

	if (list_chunk(part, c) < 0)
		return -ENOMEM;
	if (!video || !c->sync)
		return 0;
	key = realloc(part->key, (part->nkey + 1) * sizeof(*key));
	if (key == NULL)
		return -ENOMEM;
	part->key = key;
	key[part->nkey++] = (struct keyframe){
		.offset = (uint32_t)c->offset, .size = (uint32_t)(head + first->len),
		.duration = part->duration,	/* where it begins; see end_keys() */
	};
	return 0;
}

static void
end_keys(struct part *part)
{
	for (unsigned k = 0; k < part->nkey; k++)
		part->key[k].duration = (k + 1 < part->nkey ? part->key[k + 1].duration :
		    part->duration) - part->key[k].duration;
}

static const struct part *
part_before(const struct pack *p, unsigned index)
{
	const struct segment *s = p->pres.n > 0 ? p->pres.segment[p->pres.n - 1] : NULL;

	return s != NULL && segment_has(s, index) ? &s->part[index] : NULL;
}

/* The object of a segment, with its first part. */
static int
begin_object(struct pack *p, struct track *t, unsigned index, struct segment *seg,
    const struct config *c, const struct cut *cut, int64_t offset)
{
	struct part *part = &seg->part[index];
	const struct sample *s = t->sample;
	const struct part *last = part_before(p, index);
	struct low *l = t->low;
	char name[SINK_NAME_MAX];
	size_t same = 1;
	int r;

	while (same < t->n && s[same].base == s[0].base)
		same++;
	if (t->kind == KIND_VIDEO)
		times_delay(t, same, cut->discontinuity);
	else
		p->pres.track[index].frame = s->frames;
	l->time = t->kind == KIND_VIDEO ? s->dts + offset :
	    rescale_near(s->pts + offset, c->audio.rate, CLK_90K);
	if (l->time < 0)
		return -ERANGE;
	if ((r = pack_put_init(p, index, t, c, &part->init)) < 0)
		return r;
	if (p->resumed && last != NULL && last->init != part->init)
		seg->discontinuity = true;
	snprintf(name, sizeof(name), "%s/%lld.m4s", p->pres.track[index].name,
	    (long long)seg->number);
	if ((r = sink_open(p->sink, name, t->kind == KIND_VIDEO ? "video/mp4" : "audio/mp4",
	    &l->item)) < 0)
		return r;
	l->begun = true;
	l->timescale = track_timescale(t, s->config);
	l->max = low_part_max(p, t);
	l->start = l->time;
	l->from = t->kind == KIND_VIDEO ? l->start + t->delay : cut->t;
	part->t = l->time + (t->kind == KIND_VIDEO ? t->delay : 0);
	part->sap = !s->sync ? PRES_NO_SAP : s->open ? 3 : 1;
	part->present = true;
	return 0;
}

static struct mp4_prft
clock_of(const struct pack *p, const struct track *t, unsigned index, const struct cut *cut,
    int64_t time)
{
	uint32_t scale = t->kind == KIND_VIDEO ? (uint32_t)CLK_90K :
	    track_timescale(t, t->sample[0].config);

	return (struct mp4_prft){
		.track_id = index + 1, .media_time = (uint64_t)time,
		.flags = p->cutter.clock == CUT_ARRIVAL ? PRFT_ARBITRARY : PRFT_CAPTURED,
		.ntp = clk_ns_to_ntp(cut->utc_ns + rescale_near(time, CLK_SECOND, scale) -
		    rescale_near(cut->t, CLK_SECOND, CLK_90K)),
	};
}

/* What is missing passes as parts that nobody has; those after it are counted anew. */
static int
put_hole(struct pack *p, struct track *t, unsigned index, struct part *part, int64_t hole)
{
	struct low *l = t->low;
	int64_t n = (hole + l->max - 1) / l->max;

	for (int64_t i = 0; i < n; i++) {
		struct chunk c = {
			.offset = part->bytes, .gap = true,
			.duration = hole * (i + 1) / n - hole * i / n,
		};

		if (list_chunk(part, &c) < 0)
			return -ENOMEM;
	}
	l->time += hole;
	l->from = rescale_near(l->time, CLK_90K, l->timescale) +
	    (t->kind == KIND_VIDEO ? t->delay : 0);
	l->boundary = 0;
	part->duration = l->time - l->start;
	p->changed |= UINT64_C(1) << index;
	return 0;
}

/* A part of the first n samples, which leave the queue; until: low_time_video(). */
static int
put_chunk(struct pack *p, struct track *t, unsigned index, struct segment *seg,
    const struct cut *cut, size_t n, int64_t until)
{
	struct part *part = &seg->part[index];
	const struct config *c = track_config(t, t->sample[0].config);
	bool video = t->kind == KIND_VIDEO;
	struct low *l = t->low;
	struct mp4_emsg emsg[CUE_EMSG_MAX];
	struct mp4mux_chunk m = {
		.track_id = index + 1, .video = video, .n = (unsigned)n, .emsg = emsg,
	};
	struct mp4_prft prft;
	struct chunk chunk = { .offset = part->bytes, .sync = t->sample[0].sync };
	int64_t offset, start, end;
	size_t len = 0, max;
	uint8_t *piece;
	int r;

	if (c == NULL || !cutter_time(&p->cutter, cut->base, 0, &offset))
		return 0;
	if ((r = room(p, n)) < 0)
		return r;
	if (!l->begun && (r = begin_object(p, t, index, seg, c, cut, offset)) < 0)
		return r;
	start = l->time;
	if (video)
		low_time_video(p, t, n, offset, until);
	else
		low_time_audio(p, t, n, offset);
	end = l->time;
	m.sample = p->scratch;
	m.styp = part->nchunk == 0 ? MP4MUX_SEGMENT : chunk.sync && video ?
	    MP4MUX_FRAGMENT : MP4MUX_CHUNK;
	m.sequence_number = (uint32_t)(seg->number * 64 + part->nchunk);
	m.base_media_decode_time = (uint64_t)start;
	prft = clock_of(p, t, index, cut, video ? start + p->scratch[0].cts : start);
	m.prft = cut->utc_ns != 0 ? &prft : NULL;
	if (video)
		m.nemsg = new_events(p, t, seg, (uint32_t)CLK_90K, emsg);
	for (size_t i = 0; i < n; i++)
		len += t->sample[i].len;
	max = mp4mux_chunk_max(&m);
	if ((piece = malloc(max + len)) == NULL)
		return -ENOMEM;
	if ((r = mp4mux_chunk_put(&m, piece, max)) < 0) {
		free(piece);
		return r;
	}
	memcpy(piece + r, t->buf, len);
	chunk.size = (uint32_t)((size_t)r + len);
	chunk.duration = end - start;
	if (add_chunk(part, &chunk, &p->scratch[0], video, (size_t)r) < 0) {
		free(piece);
		return -ENOMEM;
	}
	part->bytes += chunk.size;
	part->duration = end - l->start;
	p->bytes_out += chunk.size;
	p->parts++;
	p->changed |= UINT64_C(1) << index;
	l->last_dts = t->sample[n - 1].dts;
	if (video)
		l->picture = low_lasts(p, t, &t->sample[n - 1]);
	pack_drop(p, t, n);
	return sink_append(p->sink, l->item, piece, chunk.size, p->arrival_ns);
}

/* ---- a segment of one track */

int
low_close(struct pack *p, struct track *t, unsigned index, struct pack_segment *m)
{
	struct part *part = &m->segment->part[index];

	if (t->low->item != NULL)
		sink_close(p->sink, t->low->item);
	t->low->item = NULL;
	t->low->closed = true;
	if (!part->over)
		end_keys(part);
	part->over = true;
	m->done |= UINT64_C(1) << index;
	p->changed |= UINT64_C(1) << index;
	return subs_end(p, t, m->segment, index);
}

/* How many samples from the front are surely of this segment?  Strays are no good. */
size_t
low_settled(const struct pack *p, const struct track *t, const struct cut *cut,
    const struct cut *next, bool eof, size_t *good)
{
	const struct sample *s = t->sample;
	int64_t last = t->low->begun ? t->low->last_dts : t->n > 0 ? s[0].dts : 0;
	bool stray = false;
	size_t n = 0;

	*good = 0;
	while (n < t->n && (next != NULL ? !cutter_after(&p->cutter, t, &s[n], next) :
	    eof ? s[n].base == cut->base : cutter_settled(&p->cutter, t, &s[n], cut))) {
		stray = stray || s[n].base != cut->base || s[n].config != s[0].config ||
		    s[n].dts - last > CUT_HOLE;
		last = s[n].dts;
		n++;
		if (!stray)
			*good = n;
	}
	return n;
}

/* All parts that the first n samples make; whether the segment ends with them. */
int
low_put(struct pack *p, struct track *t, unsigned index, struct pack_segment *m,
    const struct cut *cut, const struct cut *next, size_t n, bool ended)
{
	struct part *part = &m->segment->part[index];
	struct low *l = t->low;
	int64_t end, offset, until, hole;
	size_t i = 0;
	int r;

	if (!cutter_time(&p->cutter, cut->base, 0, &offset))
		return 0;
	while (i < n) {
		bool over = false, torn;
		struct reach at;

		if (i == 0 && (hole = low_hole(p, t, offset)) > 0 &&
		    (r = put_hole(p, t, index, part, hole)) < 0)
			return r;
		torn = low_is_too_long(p, t, i, offset);
		at = low_reach(p, t, &t->sample[torn ? i - 1 : i], cut);
		if (!torn && next == NULL && !ended) {
			end = cutter_promise(&p->cutter, false);
			over = end != INT64_MAX && at.end + at.cut_slack >= end;
		}
		if (!torn && !over && !low_ends_part(p, t, cut, i, at) &&
		    !(ended && i + 1 == n)) {
			i++;
			continue;
		}
		i += !torn;		/* so many are in it */
		until = torn ? low_decoded(t, &t->sample[i], offset) : ended && i == n ?
		    low_missing_end(p, t, m->segment, next, &t->sample[i - 1], offset) : 0;
		if ((r = put_chunk(p, t, index, m->segment, cut, i, until)) < 0)
			return r;
		if (!l->begun)
			return 0;
		low_pass_boundaries(p, t, at);
		n -= i;
		i = 0;
		if (ended && n == 0 && until > l->time &&
		    (r = put_hole(p, t, index, part, until - l->time)) < 0)
			return r;
		if ((r = subs_part(p, t, m, index, over || (ended && n == 0))) < 0)
			return r;
		part = &m->segment->part[index];
		if (over) {
			cutter_promise(&p->cutter, true);
			return low_close(p, t, index, m);
		}
	}
	return 0;
}

static bool
has_ended(const struct pack *p, const struct track *t, const struct cut *next, size_t n,
    bool eof)
{
	const struct cutter *c = &p->cutter;

	if (next == NULL)
		return eof;
	return n < t->n || eof || t->gone || (t->absent && t->n == 0) || t->low->closed ||
	    next->base != c->guide->base || cutter_horizon(c) >= next->t + 3 * CLK_90K;
}

int
low_run(struct pack *p, struct track *t, unsigned index, bool eof)
{
	struct cutter *c = &p->cutter;
	const struct cut *cut = cutter_cut(c, t->current);
	const struct cut *next = cutter_cut(c, t->current + 1);
	struct pack_segment *m = pack_making(p, t->current);
	bool ended, wanted;
	size_t n, good = 0;
	int r = 0;

	if (t->low == NULL && (t->low = calloc(1, sizeof(*t->low))) == NULL)
		return -ENOMEM;
	if (cut == NULL || (m == NULL && next == NULL))
		return 0;
	if (t->low->cut != t->current)
		*t->low = (struct low){ .cut = t->current, .picture = t->low->picture };
	wanted = m != NULL && m->segment->number > p->skip_to;
	if (!t->started || (t->n > 0 && t->sample[0].base == cut->base &&
	    !cutter_after(c, t, &t->sample[0], cut)))
		pack_seek(p, t, cut);
	n = t->started ? low_settled(p, t, cut, next, eof, &good) : 0;
	ended = has_ended(p, t, next, n, eof);
	if (n > 0 && wanted && !t->low->closed) {
		size_t before = t->n;

		r = low_put(p, t, index, m, cut, next, good, ended);
		if (r == -ENOMEM)
			return r;
		if (r < 0 && r != -ERANGE && !t->warned) {
			log_warn(-r, "track %s is left out", t->name);
			t->warned = true;
		}
		n -= before - t->n;
		good -= before - t->n;
	}
	if (r < 0 || !wanted || t->low->closed)	/* these have no place */
		good = 0;
	if (ended || n > good) {
		size_t left = ended ? n : n > good && good == 0 ? n : 0;

		pack_drop(p, t, left);
	}
	if (!ended)
		return 0;
	t->absent = !t->low->begun;
	if (m != NULL) {
		if (m->segment->number <= p->skip_to)
			m->segment->part[index].present = true;
		if ((r = low_close(p, t, index, m)) < 0)
			return r;
	}
	t->current++;
	t->started = t->started && next != NULL && !next->discontinuity && !t->absent;
	return 1;
}

/* ---- segments */

/* Fragments of the stream are parts, or a whole number of them is one. */
static void
obey_fragments(struct pack *p)
{
	const struct track *g = p->cutter.guide;
	/* The longest distance: where a stream begins, and at splices, it is less. */
	int64_t last = INT64_MIN, distance = 0, chunk = p->pres.chunk;
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		if (!g->sample[i].fragment)
			continue;
		any = any || !g->sample[i].boundary;
		if (last != INT64_MIN && g->sample[i].pts - last > distance)
			distance = g->sample[i].pts - last;
		last = g->sample[i].pts;
	}
	if (!any || distance <= 0)
		return;
	p->pres.chunk = chunk > distance + 2 ? (chunk + 2) / distance * distance : distance;
}

/* Parts of an earlier run, of another duration: whole segments are left. */
static void
forget_parts(struct pres *p)
{
	for (size_t n = 0; n < p->n; n++)
		for (unsigned i = 0; i < p->segment[n]->npart; i++)
			p->segment[n]->part[i].nchunk = 0;
}

void
low_begin(struct pack *p, struct segment *s, const struct cut *cut)
{
	struct grid *g = &p->cutter.grid;
	const struct segment *last = p->nmaking > 0 ? p->making[p->nmaking - 1].segment :
	    p->pres.n > 0 ? p->pres.segment[p->pres.n - 1] : NULL;
	int64_t step = grid_time(g, g->pictures), pictures;

	if (!p->chunk_known) {		/* whole pictures */
		p->chunk_known = true;
		pictures = (p->pres.chunk * g->pictures + step - 1 - g->pictures) / step;
		pictures = pictures < 1 ? 1 : pictures;
		p->pres.chunk = grid_time(g, pictures);
		if (pictures * g->rate.den * CLK_90K > p->pres.chunk * g->rate.num)
			p->pres.chunk++;
		obey_fragments(p);
		if (p->pres.chunk != p->kept_chunk)
			forget_parts(&p->pres);
	}
	s->expect = cutter_expect(&p->cutter, cut);
	s->discontinuity = cut->discontinuity && !cut->missing;
	if (last != NULL && last->number <= p->skip_to)
		last = p->pres.n > 0 ? p->pres.segment[p->pres.n - 1] : NULL;
	s->sequence = last != NULL ? last->sequence + s->number - last->number : s->number;
	if (last == NULL)
		s->discontinuity = false;
}
