/* What comes out of the demultiplexer, to the tracks. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "package/subs.h"
#include "package/tsout.h"
#include "package/ttx.h"

#define PREROLL		(12 * CLK_90K)	/* at most: mts(7) */

static int
add_stream(struct pack *p, struct tsdemux_stream *st)
{
	struct cutter *c = &p->cutter;
	struct track *t;
	int r;

	if (codec_kind(st->codec) == KIND_VIDEO)
		caption_names_read(st, &p->pres.told);
	if (st->codec == CODEC_TELETEXT)
		ttx_note(&p->pres, st);
	if (st->codec == CODEC_SCTE35 && p->pres.policy.ways != 0) {
		p->pres.has_cues = true;
		p->cutter.cues = &p->pres.cues;
	}
	p->pres.has_id3 = p->pres.has_id3 || (st->codec == CODEC_ID3 &&
	    (p->pres.policy.ways & (CUE_ID3_EMSG | CUE_ID3_DATERANGE)) != 0);
	/* user: NULL is new, ourselves is left out, else its track */
	st->user = p;
	if (!track_carries(st->codec)) {
		enum codec_kind kind = codec_kind(st->codec);

		if (kind == KIND_VIDEO || kind == KIND_AUDIO)
			log_warn(0, "PID %u has %s, which is left out: "
			    "neither HLS nor DASH carries it", st->pid, codec_name(st->codec));
		return 0;
	}
	for (unsigned i = 0; i < c->ntrack; i++) {	/* it comes back */
		t = c->track[i];
		if (t->gone && t->pid == st->pid && t->codec == st->codec) {
			t->gone = false;
			st->user = t;
			return 0;
		}
	}
	if (c->ntrack == CUTTER_TRACKS)
		return 0;
	if ((t = malloc(sizeof(*t))) == NULL)
		return -ENOMEM;
	if ((r = track_init(t, st)) < 0) {
		free(t);
		return r;
	}
	p->index[c->ntrack] = UINT_MAX;
	c->track[c->ntrack++] = t;
	st->user = t;
	return 0;
}

static bool
is_there(const struct pack *p, const struct track *t)
{
	for (unsigned i = 0; i < p->demux.nstream; i++)
		if (p->demux.stream[i]->user == t)
			return true;
	return false;
}

/* A new version of the tables may announce a switch: then pre-roll follows. */
static void
note_tables(struct pack *p)
{
	uint32_t tables = 0;

	for (unsigned i = 0; i < p->demux.nprogram; i++)
		tables = tables * 33 + p->demux.program[i].version_number + 1;
	for (unsigned i = 0; i < CUTTER_TRACKS && tables != p->tables; i++)
		p->roll[i].switched = p->tables != 0;
	p->tables = tables;
}

static int
note_streams(struct pack *p)
{
	int r = 0;

	note_tables(p);

	/* First what has gone: what comes may take its place. */
	for (unsigned i = 0; i < p->cutter.ntrack; i++)
		p->cutter.track[i]->gone = !is_there(p, p->cutter.track[i]);
	for (unsigned i = 0; i < p->demux.nstream && r == 0; i++)
		if (p->demux.stream[i]->user == NULL)
			r = add_stream(p, p->demux.stream[i]);
	return r;
}

static void
note_clock(struct pack *p, const struct tsdemux_event *ev)
{
	struct cutter *c = &p->cutter;

	p->cues.pcr = ev->pcr / 300;
	if (ev->has_arrival) {
		c->pcr = ev->pcr / 300;
		c->utc_ns = clk_ntp_to_ns(ev->arrival_ntp);
		c->said = CUT_PACKETS;
	} else if (c->said == CUT_UNKNOWN && !c->regular_file && c->utc_ns == 0) {
		c->pcr = ev->pcr / 300;
		c->utc_ns = clk_utc_ns();
	}
}

/* New parameters need a cut, unless another track has changed at the same time. */
static void
note_change(struct pack *p, struct track *t)
{
	const struct cutter *c = &p->cutter;
	const struct cut *last = c->n > 0 ? &c->cut[c->n - 1] : NULL;
	int64_t at;

	t->changed = false;
	if (last == NULL || !last->discontinuity || !cutter_time(c, t->base,
	    t->changed_pts, &at) || llabs(at - last->t) >= CLK_90K / 10)
		cutter_break(&p->cutter);
}

static bool
is_guide(const struct pack *p, const struct track *t)
{
	return p->cutter.guide == NULL || t == p->cutter.guide;
}

/* Many streams do not say where they can be entered: then look. */
static bool
is_access(const struct tsdemux_event *ev)
{
	bool access = ev->random_access;
	struct video_unit u;
	struct video v;

	if (access)
		return true;
	video_init(&v, ev->stream->codec);
	access = video_unit(&v, ev->data, ev->len, ev->torn, &u) == 0 && u.picture &&
	    video_sync(&u);
	video_free(&v);
	return access;
}

/*
 * Pictures behind a switch that are not later than those before it are not to be shown
 * (mts(7)), and what follows cannot be decoded without them: it goes on with the next
 * random access point.  What is as far away as pre-roll cannot be is something else.
 * True: this picture is left out.
 */
static bool
is_preroll(struct pack *p, struct track *t, const struct tsdemux_event *ev)
{
	struct preroll *r = NULL;
	bool begins;

	for (unsigned i = 0; i < p->cutter.ntrack; i++)
		if (p->cutter.track[i] == t)
			r = &p->roll[i];
	if (t->kind != KIND_VIDEO || r == NULL)
		return false;
	if (ev->pts == PES_NO_TIME)		/* as those before it */
		return r->on;
	begins = r->switched && ev->discontinuity;
	r->switched = r->switched && !ev->discontinuity;
	if (begins && r->shown_set && ev->pts <= r->shown && r->shown - ev->pts <= PREROLL)
		r->on = true;
	else if (begins)
		r->on = false;
	if (r->on && llabs(ev->pts - r->shown) > PREROLL)
		r->on = false;
	if (r->on && ev->pts > r->shown && is_access(ev)) {
		r->on = false;
		if (is_guide(p, t))
			cutter_switch(&p->cutter);
	}
	if (r->on)
		return true;
	if (ev->discontinuity || !r->shown_set || ev->pts > r->shown)
		r->shown = ev->pts;
	r->shown_set = true;
	return false;
}

int
pack_event(struct pack *p, const struct tsdemux_event *ev)
{
	struct track *t;
	int r = 0;

	if (p->demux.clock == TSDEMUX_NOT_LIVE)
		p->cutter.said = CUT_NOT_LIVE;
	switch (ev->type) {
	case TSDEMUX_STREAMS:
		r = note_streams(p);
		break;
	case TSDEMUX_PCR:
		note_clock(p, ev);
		break;
	case TSDEMUX_UNIT:
		if (ev->stream->codec == CODEC_ID3 && p->pres.has_id3) {
			r = pack_id3(p, ev);
			break;
		}
		if (ev->stream->codec == CODEC_TELETEXT && p->cutter.bases.captions) {
			r = subs_teletext(p, ev);
			break;
		}
		if (ev->stream->user == NULL || ev->stream->user == p)
			break;
		t = ev->stream->user;
		if (is_preroll(p, t, ev))
			break;
		r = track_unit(t, &p->cutter.bases, ev);
		if (t->changed)
			note_change(p, t);
		if (r == 0)
			r = pack_segments(p, false);
		break;
	case TSDEMUX_SECTION:
		if (ev->stream->codec == CODEC_SCTE35 && p->pres.policy.ways != 0)
			r = pack_cue(p, ev);
		break;
	}
	return r;
}

void
pack_free(struct pack *p)
{
	for (unsigned i = 0; i < p->cutter.ntrack; i++) {
		struct track *t = p->cutter.track[i];

		if (t->ts != NULL)
			tsout_free(t->ts);
		free(t->ts);
		free(t->low);
		track_free(t);
		free(t);
	}
	for (size_t i = 0; i < p->nmaking; i++)
		segment_free(p->making[i].segment);
	for (size_t i = 0; i < p->cues.n; i++)
		free(p->cues.message[i].p);
	subs_free(p);
	free(p->making);
	free(p->scratch);
	free(p->cutter.cut);
	pres_free(&p->pres);
}
