#include <stdlib.h>
#include <string.h>

#include "ingest/line.h"
#include "lib/base/clk.h"
#include "lib/media/timeline.h"

#define BEHIND		CLK_90K			/* an input may be, and we wait for it */
#define AHEAD		(3600 * CLK_90K)	/* if what is kept of it reaches so far */
#define PICTURE		(CLK_90K / 25)		/* as long as nothing else is known */
#define SLACK		(CLK_90K / 1000)
#define SOUND		(CLK_90K / 4)		/* that is no gap in the sound */

void
line_init(struct line *l)
{
	*l = (struct line){ .shown = PES_NO_TIME, .picture = PICTURE };
	for (unsigned i = 0; i < SOURCE_STREAMS_MAX; i++)
		l->last[i] = l->end[i] = PES_NO_TIME;
}

/* ---- places */

static bool
fits(const struct source_stream *place, const struct feed_stream *s, bool by_language)
{
	enum codec_kind kind = codec_kind(place->codec);

	if (kind != s->kind || (kind != KIND_VIDEO && kind != KIND_AUDIO &&
	    (place->codec != s->codec || place->stream_type != s->stream_type)))
		return false;
	return !by_language || strcmp(place->language, s->info.language) == 0;
}

void
line_tables(struct line *l, const struct feed *f)
{
	bool taken[SOURCE_STREAMS_MAX] = { false };

	for (unsigned i = 0; i < FEED_STREAMS; i++)
		l->map[i] = -1;
	/* A place of the same language first, then any of the kind, then a new one. */
	for (unsigned pass = 0; pass < 3; pass++)
		for (unsigned i = 0; i < f->nstream; i++) {
			const struct feed_stream *s = &f->stream[i];
			unsigned at = 0;

			if (!s->present || l->map[i] >= 0)
				continue;
			while (at < l->nplace && (pass == 2 || taken[at] ||
			    !fits(&l->place[at], s, pass == 0)))
				at++;
			if (at == l->nplace && (pass < 2 || at == SOURCE_STREAMS_MAX))
				continue;
			l->nplace += at == l->nplace;
			taken[at] = true;
			l->map[i] = (int)at;
			l->place[at] = s->info;
		}
	for (unsigned i = 0; i < l->nplace; i++)
		l->place[i].absent = !taken[i];
}

/* ---- entering an input */

/* By a multiple of 2^33, such that t is nearest to want. */
static int64_t
nearest_wrap(int64_t t, int64_t want)
{
	return rescale_near(want - t, 1, PES_WRAP) * PES_WRAP;
}

/* The time on the input's own clock of the oldest and newest picture kept. */
static int64_t
oldest(const struct feed *f)
{
	for (const struct feed_unit *u = f->first; u != NULL; u = u->next)
		if (u->main && u->random_access)
			return u->pts;
	return f->newest_pts;
}

/*
 * Move the offset so that a picture of the input begins just at the splice, if one
 * is about there.
 */
static void
snap(struct line *l, const struct feed *f)
{
	int64_t best = l->picture / 2 + 1;

	for (const struct feed_unit *u = f->first; u != NULL; u = u->next) {
		int64_t d = l->splice - (u->pts + l->off);

		if (u->main && !u->section && llabs(d) < llabs(best))
			best = d;
	}
	if (llabs(best) <= l->picture / 2)
		l->off += best;
}

static void
choose_offset(struct line *l, const struct feed *f, int64_t now_ns)
{
	int64_t ticks = rescale_near(now_ns - l->shown_ns, CLK_90K, CLK_SECOND);
	int64_t want = l->shown + ticks;	/* what is to be now */
	int64_t now = f->newest_pts + rescale_near(now_ns - f->newest_ns, CLK_90K,
	    CLK_SECOND);
	int64_t off = l->off + nearest_wrap(now + l->off, want);
	int64_t ahead = now + off - want;

	l->splice = l->shown + l->picture;
	l->same = ahead >= -BEHIND && ahead <= AHEAD && oldest(f) + off <= l->splice;
	l->same |= ahead >= -BEHIND && ahead <= BEHIND;
	l->off = l->same ? off : want - now;
	if (!l->same)
		snap(l, f);
}

bool
line_splice(struct line *l, struct feed *f, int64_t now_ns, bool any)
{
	const struct feed_stream *s = feed_main(f);
	int64_t off = l->off, splice = l->splice, sound;
	struct feed_unit *u;
	bool same = l->same;

	if (s == NULL || f->newest_pts == PES_NO_TIME)
		return false;
	if (l->started)
		choose_offset(l, f, now_ns);
	u = feed_find(f, l->started ? l->splice - l->off + l->picture / 4 : INT64_MAX, any);
	if (u == NULL) {
		l->off = off;
		l->splice = splice;
		l->same = same;
		return false;
	}
	if (!l->started)
		l->splice = u->pts + l->off;
	l->begin = u;
	l->begin_pts = u->pts + l->off;
	if (l->begin_pts > l->splice)		/* a hole: nothing reaches so far back */
		l->splice = l->begin_pts;
	for (unsigned i = 0; i < SOURCE_STREAMS_MAX; i++) {
		int64_t end = l->end[i];

		/* The same sound goes on where it ended, if that is near. */
		l->from[i] = l->splice;
		if (end != PES_NO_TIME && (end > l->splice || (l->same &&
		    l->splice - end < SOUND)))
			l->from[i] = end;
	}
	l->early_len = 0;
	sound = l->splice - SOUND - l->off;
	feed_use(f, u, sound);
	if (s->gap > 0)
		l->picture = s->gap;
	l->started = true;
	l->cutting = l->cut = false;
	return true;
}

void
line_cut(struct line *l)
{
	l->cutting = true;
	l->cut = false;
}

bool
line_uncut(struct line *l)
{
	bool was = l->cut;

	l->cutting = l->cut = false;
	return was;
}

/* No picture is missing before the last one, and its sound is there. */
bool
line_is_cut(const struct line *l)
{
	if (!l->cut)
		return false;
	for (unsigned i = 0; i < l->nplace; i++)
		if (!l->place[i].absent && codec_kind(l->place[i].codec) == KIND_AUDIO &&
		    l->end[i] != PES_NO_TIME && l->end[i] < l->shown + l->picture &&
		    l->end[i] > l->shown - 4 * SOUND)
			return false;
	return true;
}

/* ---- units */

static bool
main_unit(struct line *l, const struct feed_unit *u, int64_t pts)
{
	bool first = u == l->begin;

	if (first)
		l->begin = NULL;
	/* Leading pictures need what came before the place we entered at. */
	if (!first && pts < l->begin_pts)
		return false;
	if (l->cutting && pts > l->shown)
		l->cut = true;
	if (l->cut && pts > l->shown)
		return false;
	if (pts < l->splice - l->picture / 4) {
		l->preroll++;
		return true;
	}
	if (l->shown == PES_NO_TIME || pts > l->shown) {
		l->shown = pts;
		l->shown_ns = u->mono_ns;
	}
	return true;
}

static bool
other_unit(struct line *l, unsigned at, int64_t pts)
{
	int64_t length;

	if (codec_kind(l->place[at].codec) != KIND_AUDIO)
		return pts >= l->splice && (!l->cut || pts <= l->shown);
	if (pts < l->from[at] - SLACK || (l->cut && pts > l->shown + l->picture))
		return false;
	length = l->last[at] != PES_NO_TIME ? pts - l->last[at] : 0;
	if (length > 0 && length < 2 * SOUND)	/* units are about as long as each other */
		l->end[at] = pts + length;
	else
		l->end[at] = pts;
	l->last[at] = pts;
	return true;
}

/*
 * Is this of use to one who begins at the splice, and did not hear it when it came?  It
 * is when its time, which is near that at which it came, is not before.
 */
static bool
is_pending(struct line *l, const struct feed_unit *u)
{
	struct scte35 *s = &l->cue;
	const struct scte35_event *e = &s->insert;
	const struct scte35_time *t = NULL;
	int64_t pts;

	if (scte35_parse(u->data, u->len, s) < 0 || s->encrypted)
		return false;
	if (s->command == SCTE35_TIME_SIGNAL)
		t = &s->signal;
	else if (s->command == SCTE35_SPLICE_INSERT && e->cancel)
		return true;
	else if (s->command == SCTE35_SPLICE_INSERT && !e->immediate)
		t = e->program ? &e->time : e->ncomponent > 0 ?
		    &s->component[e->component].time : NULL;
	if (t == NULL || !t->specified)
		return false;
	pts = (int64_t)scte35_pts(s, t);
	return pts + nearest_wrap(pts, u->pts) + l->off >= l->splice - l->picture / 4;
}

/* Cues that came before the splice, each once however often it came. */
static bool
section_unit(struct line *l, const struct feed_unit *u, struct source_event *ev)
{
	bool early = u->pts != PES_NO_TIME && u->pts + l->off < l->splice - l->picture / 4;

	if (u->len > sizeof(l->section) || (early && (!is_pending(l, u) ||
	    (u->len == l->early_len && memcmp(l->early, u->data, u->len) == 0))))
		return false;
	if (early) {
		memcpy(l->early, u->data, u->len);
		l->early_len = u->len;
	}
	memcpy(l->section, u->data, u->len);
	if (l->off % PES_WRAP != 0)
		scte35_move(l->section, u->len, l->off);
	ev->data = l->section;
	return true;
}

bool
line_unit(struct line *l, const struct feed_unit *u, struct source_event *ev)
{
	int at = l->map[u->stream];
	int64_t pts = u->pts != PES_NO_TIME ? u->pts + l->off : PES_NO_TIME;
	bool goes;

	if (at < 0) {
		l->dropped++;
		return false;
	}
	*ev = (struct source_event){
		.what = SOURCE_UNIT, .stream = (unsigned)at, .data = u->data,
		.len = u->len, .pts = pts, .random_access = u->random_access,
		.utc_ns = u->utc_ns != 0 ? u->utc_ns : clk_utc_ns(),
		.dts = u->dts != PES_NO_TIME ? u->dts + l->off : SOURCE_NO_TIME,
	};
	if (u->section)
		goes = section_unit(l, u, ev);
	else if (u->main)
		goes = main_unit(l, u, pts);
	else if (u->untimed)
		goes = u->dts != PES_NO_TIME && other_unit(l, (unsigned)at, ev->dts);
	else
		goes = other_unit(l, (unsigned)at, pts);
	l->dropped += !goes;
	if (!goes)
		ev->what = SOURCE_NOTHING;	/* it may be the last one for now */
	return goes;
}
