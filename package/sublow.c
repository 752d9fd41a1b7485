/* Text part by part, behind the parts of the picture. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/webvtt.h"
#include "package/low.h"
#include "package/subs.h"

#define KEEP_TARGETS	4		/* as the record of an earlier run does */

void
sub_part_name(int64_t number, unsigned chunk, char name[static 32])
{
	snprintf(name, 32, "%lld.%u.vtt", (long long)number, chunk);
}

/* ---- a part */

static int
add_chunk(struct part *part, const struct chunk *c)
{
	struct chunk *list = realloc(part->chunk, (part->nchunk + 1) * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	part->chunk = list;
	list[part->nchunk++] = *c;
	part->bytes += c->size;
	part->duration += c->duration;
	return 0;
}

/* What the pictures show up to then. */
static int
run(struct pack *p, struct sub *sub, int64_t until, struct captext_cues *cues)
{
	struct sub_units u = sub_units(p, sub);
	int64_t t;
	int r = 0;

	for (size_t i = 0; i < u.n && r == 0; i++)
		if (sub_time(p, &u, i, &t) && t >= sub->done && t < until)
			r = sub_feed(&u, i, &sub->low, t, cues);
	sub->done = until;
	return r == 0 ? captext_cut(&sub->low, until, cues) : r;
}

static int
put_samples(struct pack *p, struct sub *sub, const struct segment *s, int64_t begin,
    const struct captext_cues *cues, struct chunk *chunk)
{
	const struct part *part = &s->part[sub->track];
	struct mp4mux_chunk c = {
		.styp = part->nchunk == 0 ? MP4MUX_SEGMENT : MP4MUX_CHUNK,
		.track_id = sub->track + 1, .base_media_decode_time = (uint64_t)begin,
		.sequence_number = (uint32_t)(s->number * 64 + part->nchunk),
	};
	struct mp4_sample *sample;
	uint8_t *bytes, *piece;
	size_t len, max;
	int r;

	if ((r = webvtt_samples_put(cues, begin, sub->done, &sample, &c.n, &bytes, &len)) < 0)
		return r;
	c.sample = sample;
	max = mp4mux_chunk_max(&c);
	r = (piece = malloc(max + len)) == NULL ? -ENOMEM : mp4mux_chunk_put(&c, piece, max);
	if (r > 0)
		memcpy(piece + r, bytes, len);
	free(sample);
	free(bytes);
	if (r < 0) {
		free(piece);
		return r;
	}
	chunk->size = (uint32_t)((size_t)r + len);
	p->bytes_out += chunk->size;
	return sink_append(p->sink, sub->item, piece, chunk->size, p->arrival_ns);
}

/*
 * A part that lasts as long as the picture's does, with the text until then, and with what
 * the segment before it had at its end.
 */
static int
put_part(struct pack *p, struct sub *sub, struct segment *s, int64_t until, int64_t duration)
{
	struct part *part = &s->part[sub->track];
	struct chunk chunk = { .offset = part->bytes, .sync = true, .duration = duration };
	struct captext_cues cues = sub->tail, own;
	size_t old = cues.n, len;
	int64_t begin = sub->done;
	char file[32];
	int r;

	sub->tail = (struct captext_cues){ .n = 0 };
	r = run(p, sub, until > begin ? until : begin + 1, &cues);
	own = (struct captext_cues){ .n = cues.n - old,
	    .cue = old > 0 ? cues.cue + old : cues.cue };
	sub_part_name(s->number, part->nchunk, file);
	if (r == 0)
		r = put_samples(p, sub, s, begin, &own, &chunk);
	if (r == 0)
		r = sub_put_text(p, s, sub, file, &cues, old > 0 ? cues.cue[0].begin : begin,
		    &len);
	captext_cues_clear(&cues);
	p->changed |= UINT64_C(1) << sub->track;
	return r == 0 ? add_chunk(part, &chunk) : r;
}

/* The last pictures were shown later than they were decoded, and no part is left. */
static int
put_tail(struct pack *p, struct sub *sub, struct segment *s, int64_t end)
{
	struct part *part = &s->part[sub->track];
	struct chunk chunk = { .size = 0 };
	int64_t begin = sub->done;
	int r;

	captext_cues_clear(&sub->tail);
	if ((r = run(p, sub, end, &sub->tail)) < 0 || part->nchunk == 0 ||
	    (r = put_samples(p, sub, s, begin, &sub->tail, &chunk)) < 0)
		return r;
	part->chunk[part->nchunk - 1].size += chunk.size;
	part->bytes += chunk.size;
	return 0;
}

/* ---- a segment */

static int
begin_parts(struct pack *p, struct sub *sub, struct segment *s, const struct part *video)
{
	struct part *part = &s->part[sub->track];
	struct captext_cues before = { .n = 0 };
	char name[SINK_NAME_MAX];
	int r = run(p, sub, video->t, &before);

	captext_cues_clear(&before);
	if (r < 0)
		return r;
	if (s->discontinuity)
		captext_cues_clear(&sub->tail);
	if (subs_break(p, s))
		sub_reset(p, sub, &sub->low);
	*part = (struct part){ .present = true, .sap = 1, .init = 1, .t = video->t };
	sub->number = s->number;
	snprintf(name, sizeof(name), "%s/%lld.m4s", p->pres.track[sub->track].name,
	    (long long)s->number);
	return sink_open(p->sink, name, "application/mp4", &sub->item);
}

/* What passed without a picture has no text either. */
static int
put_gaps(struct part *part, int64_t longest, int64_t *duration)
{
	int r = 0;

	while (*duration > longest + longest / 2 && r == 0) {
		struct chunk gap = { .offset = part->bytes, .gap = true, .duration = longest };

		r = add_chunk(part, &gap);
		*duration -= longest;
	}
	return r;
}

int
sub_end_parts(struct pack *p, struct sub *sub, struct segment *s, int64_t end)
{
	struct part *part = &s->part[sub->track];
	int64_t left = end - part->t - part->duration;
	int r = left > 0 ? put_part(p, sub, s, end, left) :
	    sub->done < end ? put_tail(p, sub, s, end) : 0;

	if (r == 0)
		r = sub_put_whole(p, sub, s, end);
	sink_close(p->sink, sub->item);
	sub->item = NULL;
	part->over = true;
	p->changed |= UINT64_C(1) << sub->track;
	return r;
}

static int
follow(struct pack *p, struct sub *sub, struct segment *s, const struct part *video,
    const struct low *low, bool last)
{
	struct part *part = &s->part[sub->track];
	int64_t end = video->t + video->duration, duration;
	int r;

	if (sub->item != NULL && sub->number != s->number) {
		sink_close(p->sink, sub->item);		/* of one that came to nothing */
		sub->item = NULL;
	}
	if (sub->item == NULL && (part->over || video->nchunk != 1))
		return 0;		/* it begins with the next segment */
	if (sub->item == NULL && (r = begin_parts(p, sub, s, video)) < 0)
		return r;
	duration = video->duration - part->duration;
	if ((r = put_gaps(part, low->max, &duration)) < 0 || last || duration <= 0)
		return r;
	return put_part(p, sub, s, low->time < end ? low->time : end, duration);
}

static bool
leads(const struct pack *p, const struct track *t, unsigned index)
{
	return p->cutter.bases.captions && t->kind == KIND_VIDEO && index == subs_leader(p);
}

int
subs_part(struct pack *p, const struct track *t, struct pack_segment *m, unsigned index,
    bool last)
{
	int r = 0;

	if (!leads(p, t, index))
		return 0;
	subs_note(p);
	if ((r = subs_add(p)) < 0 || (r = pack_widen(&m->segment, p->pres.ntrack)) < 0)
		return r;
	for (unsigned i = 0; i < p->nsub && r == 0; i++)
		r = follow(p, p->sub[i], m->segment, &m->segment->part[index], t->low, last);
	return r;
}

int
subs_end(struct pack *p, const struct track *t, struct segment *s, unsigned index)
{
	int r = 0;

	if (!leads(p, t, index))
		return 0;
	for (unsigned i = 0; i < p->nsub && r == 0; i++)
		if (p->sub[i]->item != NULL && p->sub[i]->number == s->number)
			r = sub_end_parts(p, p->sub[i], s, s->part[index].t +
			    s->part[index].duration);
	return r;
}

void
sub_forget_parts(struct pack *p, const struct sub *sub)
{
	const struct pres *pr = &p->pres;
	const struct segment *last = pr->n > 0 ? pr->segment[pr->n - 1] : NULL;

	for (size_t n = pr->n; n-- > 0;) {
		struct segment *s = pr->segment[n];
		struct part *part = sub->track < s->npart ? &s->part[sub->track] : NULL;
		char name[SINK_NAME_MAX], file[32];

		if (last->t + last->duration - s->t - s->duration < KEEP_TARGETS * pr->target *
		    CLK_90K)
			continue;
		if (part == NULL || part->nchunk == 0)
			break;
		for (unsigned i = 0; i < part->nchunk; i++) {
			sub_part_name(s->number, i, file);
			snprintf(name, sizeof(name), "%s/%s", pr->track[sub->track].name, file);
			if (!part->chunk[i].gap)
				sink_delete(p->sink, name);
		}
		part->nchunk = 0;
	}
}
