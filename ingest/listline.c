#include <string.h>

#include "ingest/listline.h"
#include "lib/base/clk.h"
#include "lib/media/timeline.h"

#define EXCESS		CLK_90K			/* sound longer than pictures: it decides */
#define PICTURE		(CLK_90K / 25)		/* as long as nothing else is known */
#define SLACK		(CLK_90K / 1000)
#define NONE		INT64_MIN

void
listline_init(struct listline *l)
{
	*l = (struct listline){ .picture = PICTURE };
	line_init(&l->places);
	for (unsigned i = 0; i < SOURCE_STREAMS_MAX; i++)
		l->at[i].dts = l->at[i].end = l->at[i].from = NONE;
}

void
listline_begin(struct listline *l, const struct feed_unit *u)
{
	l->off = l->started ? l->begin - u->pts : 0;
	l->begin = u->pts + l->off;
	l->shown = l->begin;
	l->first = u;
	l->started = true;
	for (unsigned i = 0; i < SOURCE_STREAMS_MAX; i++) {
		l->at[i].from = l->at[i].used ? l->at[i].end : l->begin;
		l->at[i].used = false;
	}
}

/* Where the next one is to begin. */
static int64_t
end_of(const struct listline *l, bool pictures)
{
	int64_t sound = NONE, end = pictures ? l->shown + l->picture : NONE;

	for (unsigned i = 0; i < l->places.nplace; i++)
		if (l->at[i].used && codec_kind(l->places.place[i].codec) == KIND_AUDIO &&
		    l->at[i].end > sound)
			sound = l->at[i].end;
	if (sound != NONE && (end == NONE || sound > end + EXCESS))
		end = sound;
	return end != NONE ? end : l->shown + PICTURE;
}

void
listline_end(struct listline *l, const struct feed *f)
{
	bool pictures = false;

	for (unsigned i = 0; i < f->nstream; i++)
		pictures |= f->stream[i].kind == KIND_VIDEO;
	l->begin = end_of(l, pictures);
}

bool
listline_breaks(struct listline *l, const struct feed *f, const struct feed_unit *u)
{
	int64_t pts = u->pts + l->off;

	if (!u->main || u == l->first || u->section || !u->random_access)
		return false;
	if (!u->breaks && pts > l->shown - TIMELINE_JUMP_BACK &&
	    pts < l->shown + TIMELINE_JUMP_FORWARD)
		return false;
	listline_end(l, f);
	listline_begin(l, u);
	return true;
}

static bool
main_unit(struct listline *l, const struct feed_stream *s, const struct feed_unit *u,
    int64_t pts)
{
	if (u == l->first)
		l->first = NULL;
	else if (l->first != NULL || pts < l->begin)
		return false;
	if (pts > l->shown)
		l->shown = pts;
	if (s->gap > 0)
		l->picture = s->gap;
	return true;
}

static bool
sound_unit(struct listline *l, unsigned at, int64_t pts)
{
	int64_t length = pts - l->at[at].dts;

	if (l->at[at].from != NONE && pts < l->at[at].from - SLACK)
		return false;
	if (l->at[at].used && length > 0 && length < CLK_90K)
		l->at[at].length = length;
	l->at[at].end = pts + l->at[at].length;
	return true;
}

/* Behind what went before, and not after it is shown. */
static bool
order(struct listline *l, unsigned at, struct source_event *ev)
{
	int64_t last = l->at[at].dts;

	if (last != NONE && ev->dts <= last) {
		if (ev->pts <= last)
			return false;
		ev->dts = last + 1;
	}
	l->at[at].dts = ev->dts;
	l->at[at].used = true;
	return true;
}

bool
listline_unit(struct listline *l, const struct feed *f, const struct feed_unit *u,
    struct source_event *ev)
{
	int at = l->places.map[u->stream];
	const struct feed_stream *s = &f->stream[u->stream];
	bool goes = at >= 0 && (!u->section || u->len <= sizeof(l->places.section));
	int64_t pts = u->pts != PES_NO_TIME ? u->pts + l->off : SOURCE_NO_TIME;

	if (goes) {
		*ev = (struct source_event){
			.what = SOURCE_UNIT, .stream = (unsigned)at, .data = u->data,
			.len = u->len, .pts = pts, .random_access = u->random_access,
			.dts = u->dts != PES_NO_TIME ? u->dts + l->off : l->begin,
		};
		if (u->untimed)
			return true;
		if (u->section) {
			memcpy(l->places.section, u->data, u->len);
			scte35_move(l->places.section, u->len, l->off);
			ev->data = l->places.section;
			return true;
		}
		if (u->main)
			goes = main_unit(l, s, u, pts);
		if (goes && s->kind == KIND_AUDIO)
			goes = sound_unit(l, (unsigned)at, pts);
		goes = goes && order(l, (unsigned)at, ev);
	}
	l->dropped += !goes;
	if (!goes)
		ev->what = SOURCE_NOTHING;
	return goes;
}
