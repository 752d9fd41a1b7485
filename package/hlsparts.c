/*
 * Low-latency playlists: parts, and what a player has to know of the server.
 * draft-pantos-hls-rfc8216bis 4.4.3.7, 4.4.3.8, 4.4.4.9, 4.4.5.3, 4.4.5.4.
 */
#include <inttypes.h>

#include "lib/base/clk.h"
#include "lib/base/text.h"
#include "package/pres.h"

#define KEEP_TARGETS	3		/* parts are listed for so many target durations */

int64_t
pres_part_frames(const struct pres *p, uint32_t frame, uint32_t timescale)
{
	int64_t one = CLK_90K * frame;

	return frame > 0 ? (p->chunk * timescale + one - 1) / one : 1;
}

/* Whole pictures, or whole frames of sound, rounded up to what is written: us. */
int64_t
hls_part_target(const struct pres *p, unsigned track)
{
	const struct ptrack *t = &p->track[track];
	const struct init *i = ptrack_newest(t);
	int64_t ns = rescale_near(p->chunk, CLK_SECOND, CLK_90K);

	if (t->kind == KIND_AUDIO && i != NULL && t->frame > 0)
		ns = rescale_near(pres_part_frames(p, t->frame, i->timescale) * t->frame,
		    CLK_SECOND, i->timescale);
	return (ns + 999) / 1000 * 1000;
}

static int64_t
hold_back(const struct pres *p)
{
	int64_t longest = 0;

	for (unsigned i = 0; i < p->ntrack; i++)
		if (hls_part_target(p, i) > longest)
			longest = hls_part_target(p, i);
	return p->latency > 3 * longest ? p->latency : 3 * longest;
}

void
hls_put_control(const struct pres *p, unsigned track, struct text *t)
{
	if (!p->low)
		return;
	text_add(t, "#EXT-X-SERVER-CONTROL:");
	if (p->blocks && !p->ended)
		text_add(t, "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%" PRId64 ".0,%s",
		    6 * p->target, p->has_cues || p->has_id3 ? "CAN-SKIP-DATERANGES=YES," : "");
	text_add(t, "HOLD-BACK=%" PRId64 ".0,PART-HOLD-BACK=", 3 * p->target);
	text_seconds(t, hold_back(p), CLK_SECOND, 6);
	text_add(t, "\n#EXT-X-PART-INF:PART-TARGET=");
	text_seconds(t, hls_part_target(p, track), CLK_SECOND, 6);
	text_add(t, "\n");
}

/* ---- parts */

static bool
has_chunks(const struct segment *s, unsigned track)
{
	return segment_has(s, track) && s->part[track].nchunk > 0;
}

size_t
hls_open(const struct pres *p, unsigned track)
{
	int64_t sequence = p->n > 0 ? p->segment[p->n - 1]->sequence : 0;
	size_t n = 0;

	while (n < p->nopen && has_chunks(p->open[n], track) &&
	    p->open[n]->sequence == sequence + 1 + (int64_t)n) {
		n++;
		if (!p->open[n - 1]->part[track].over)
			break;
	}
	return p->low ? n : 0;
}

static const struct segment *
last_of(const struct pres *p, unsigned track)
{
	size_t open = hls_open(p, track);

	return open > 0 ? p->open[open - 1] : p->segment[p->n - 1];
}

/* Is it less than three target durations before the end? */
static bool
keeps_parts(const struct pres *p, const struct segment *s, unsigned track)
{
	const struct segment *last = last_of(p, track);
	const struct init *init = ptrack_newest(&p->track[track]);
	int64_t end = last->t + last->duration;

	if (last->duration == 0 && init != NULL)	/* it is being made */
		end += rescale_near(last->part[track].duration, CLK_90K, init->timescale);
	return p->low && (s->duration == 0 || end - s->t - s->duration <
	    KEEP_TARGETS * p->target * CLK_90K);
}

/* Time that is listed without media: all of the segment, or its end.  In parts, ns. */
static unsigned
count_gaps(const struct pres *p, const struct segment *s, unsigned track, int64_t *ns)
{
	int64_t target = hls_part_target(p, track);
	const struct part *part = &s->part[track];
	bool has = segment_has(s, track);
	const struct init *init = has ? ptrack_init(&p->track[track], part->init) : NULL;

	if (!has)
		*ns = rescale_near(s->duration, CLK_SECOND, CLK_90K);
	else if (init != NULL && part->nchunk > 0 && part->listed > part->duration)
		*ns = rescale_near(part->listed - part->duration, CLK_SECOND, init->timescale);
	else
		*ns = 0;
	return (unsigned)((*ns + target - 1) / target);
}

/* A part of text is an object of its own, with its header. */
static void
put_uri(const struct pres *p, unsigned track, int64_t number, unsigned chunk, struct text *t)
{
	if (p->track[track].kind == KIND_TEXT)
		text_add(t, ",URI=\"%" PRId64 ".%u.vtt\"", number, chunk);
	else
		text_add(t, ",URI=\"%" PRId64 ".m4s\"", number);
}

static void
put_part(int64_t duration, uint32_t timescale, struct text *t)
{
	text_add(t, "#EXT-X-PART:DURATION=");
	text_seconds(t, duration, timescale, 6);
}

void
hls_put_parts(const struct pres *p, const struct segment *s, unsigned track,
    struct text *t)
{
	const struct part *part = has_chunks(s, track) ? &s->part[track] : NULL;
	const struct init *init = part != NULL ? ptrack_init(&p->track[track], part->init) :
	    NULL;
	unsigned gaps;
	int64_t ns;

	if (!keeps_parts(p, s, track))
		return;
	for (unsigned i = 0; init != NULL && i < part->nchunk; i++) {
		const struct chunk *c = &part->chunk[i];

		put_part(c->duration, init->timescale, t);
		put_uri(p, track, s->number, i, t);
		if (c->gap)
			text_add(t, ",GAP=YES\n");
		else if (p->track[track].kind == KIND_TEXT)
			text_add(t, ",INDEPENDENT=YES\n");
		else
			text_add(t, ",BYTERANGE=\"%u@%" PRIu64 "\"%s\n", c->size, c->offset,
			    c->sync ? ",INDEPENDENT=YES" : "");
	}
	gaps = count_gaps(p, s, track, &ns);
	for (unsigned i = 0; i < gaps; i++) {
		put_part(ns * (i + 1) / gaps - ns * i / gaps, CLK_SECOND, t);
		put_uri(p, track, s->number, (part != NULL ? part->nchunk : 0) + i, t);
		text_add(t, ",GAP=YES\n");
	}
}

/* ---- the end */

bool
hls_last_listed(const struct pres *p, unsigned track, int64_t *sequence, unsigned *chunk)
{
	const struct segment *s = last_of(p, track);
	unsigned n = has_chunks(s, track) ? s->part[track].nchunk : 0;
	int64_t ns;

	n += count_gaps(p, s, track, &ns);
	*sequence = s->sequence;
	*chunk = n > 0 && keeps_parts(p, s, track) ? n - 1 : 0;
	return true;
}

/* Only what has been delivered: the other playlist must not be behind this. */
static void
put_reports(const struct pres *p, unsigned track, struct text *t)
{
	for (unsigned i = 0; i < p->ntrack; i++) {
		const struct ptrack *other = &p->track[i];

		if (i == track || !other->listed)
			continue;
		text_add(t, "#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\",LAST-MSN=%" PRId64
		    ",LAST-PART=%u\n", other->name, other->listed_sequence, other->listed_chunk);
	}
}

/*
 * Will there be more parts of it?  It ends where the grid says, unless a splice comes
 * before that: less than half a part is not one.
 */
static bool
goes_on(const struct pres *p, const struct segment *s, unsigned track)
{
	const struct init *init = ptrack_newest(&p->track[track]);
	int64_t end;

	if (hls_open(p, track) == 0 || s->part[track].over)
		return false;
	if (init == NULL)
		return true;
	end = rescale_near(s->part[track].t + s->part[track].duration, CLK_90K,
	    init->timescale);
	return s->t + p->nominal - end > p->chunk / 2;
}

void
hls_put_hints(const struct pres *p, unsigned track, struct text *t)
{
	const struct segment *s;
	bool more;

	if (!p->low)
		return;
	s = last_of(p, track);
	more = goes_on(p, s, track);
	hls_put_next_cues(p, s, t);
	if (!p->idle) {
		text_add(t, "#EXT-X-PRELOAD-HINT:TYPE=PART");
		put_uri(p, track, s->number + !more, more ? s->part[track].nchunk : 0, t);
		if (p->track[track].kind != KIND_TEXT)
			text_add(t, ",BYTERANGE-START=%" PRIu64, more ? s->part[track].bytes : 0);
		text_add(t, "\n");
	}
	put_reports(p, track, t);
}
