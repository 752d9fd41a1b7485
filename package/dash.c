/*
 * The manifest: ISO/IEC 23009-1 (isoff-live profile, SegmentTimeline, $Number$).
 *
 * A live presentation counts from 1970: availabilityStartTime is the epoch, and
 * the first Period begins a day after it, with the same day as its offset into
 * media time.  So nothing depends on when the packager was started, and media
 * time plus the constant difference is UTC.
 *
 * With $Number$ a player counts segments from startNumber, so there can be no
 * hole within a SegmentTimeline: where a segment is missing its Period ends, and
 * the next one begins with the next segment.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/text.h"
#include "package/lang.h"
#include "package/pres.h"

/* Segments [from, to) of one Period. */
struct group {
	const struct pres *p;
	size_t	 from, to;
	int64_t	 start_ns;		/* Period@start */
	int64_t	 offset;		/* media time at its start, 90 kHz */
	int64_t	 breaks;		/* before it: its id */
	bool	 regular;		/* numbers and times are those of the grid */
	int64_t	 number;		/* of the first segment, then */
	int64_t	 end;			/* t, where it ends; 0: not said */
};

static const struct part *
part_of(const struct group *g, size_t i, unsigned track)
{
	const struct segment *s = g->p->segment[i];

	return segment_has(s, track) ? &s->part[track] : NULL;
}

static const struct init *
init_of(const struct group *g, unsigned track)
{
	const struct part *part = part_of(g, g->from, track);

	return part != NULL ? ptrack_init(&g->p->track[track], part->init) : NULL;
}

static void
put_duration(struct text *t, const char *name, int64_t ns)
{
	text_add(t, " %s=\"PT", name);
	text_seconds(t, ns, CLK_SECOND, 6);
	text_add(t, "S\"");
}

static int64_t
ns(int64_t ticks)			/* 90 kHz */
{
	return rescale_near(ticks, CLK_SECOND, CLK_90K);
}

/* ---- segments */

static bool
same_times(const struct group *g, unsigned a, unsigned b)
{
	const struct init *x = init_of(g, a), *y = init_of(g, b);

	if (x->timescale != y->timescale || x->number != y->number)
		return false;
	for (size_t i = g->from; i < g->to; i++) {
		const struct part *m = part_of(g, i, a), *n = part_of(g, i, b);

		if (m == NULL || n == NULL || m->t != n->t || m->duration != n->duration)
			return false;
	}
	return true;
}

/* A part of text follows that of the picture, and nothing of it has been hinted. */
static void
put_offset(const struct pres *p, unsigned track, struct text *t)
{
	int64_t later = p->track[track].kind == KIND_TEXT ? ns(p->chunk) : 0;
	int64_t offset = dash_offset(p) - later;

	text_add(t, " availabilityTimeOffset=\"");
	text_seconds(t, offset > 0 ? offset : 0, CLK_SECOND, 3);
	text_add(t, "\" availabilityTimeComplete=\"false\"");
}

/* Segments that are being made, as long as they should get. */
static void
put_open(const struct group *g, unsigned track, uint32_t timescale, int64_t due,
    const char *indent, struct text *t)
{
	size_t n = hls_open(g->p, track);

	for (size_t i = 0; i < n; i++) {
		const struct segment *s = g->p->open[i];
		const struct part *part = &s->part[track];
		int64_t d = rescale_near(s->expect, timescale, CLK_90K) - part->t;

		if (s->discontinuity || part->init != part_of(g, g->from, track)->init || d <= 0)
			return;
		if (part->over)
			d = part->duration;
		text_add(t, "%s    <S", indent);
		if (part->t != due)
			text_add(t, " t=\"%" PRId64 "\"", part->t);
		text_add(t, " d=\"%" PRId64 "\"/>\n", d);
		due = part->t + d;
	}
}

static void
put_template(const struct group *g, unsigned track, const char *indent, struct text *t)
{
	const struct init *init = init_of(g, track);
	const struct pres *p = g->p;
	int64_t due = -1;
	char file[24];

	init_name(init->number, file);
	if (g->regular) {
		text_add(t, "%s<SegmentTemplate timescale=\"%u\" presentationTimeOffset=\"%" PRId64
		    "\" duration=\"%" PRId64 "\" initialization=\"$RepresentationID$/%s\" "
		    "media=\"$RepresentationID$/$Number$.m4s\" startNumber=\"%" PRId64 "\"",
		    indent, init->timescale, rescale_near(g->offset, init->timescale, CLK_90K),
		    rescale_near(p->nominal, init->timescale, CLK_90K), file, g->number);
		put_offset(p, track, t);
		text_add(t, "/>\n");
		return;
	}
	text_add(t, "%s<SegmentTemplate timescale=\"%u\" presentationTimeOffset=\"%" PRId64
	    "\" initialization=\"$RepresentationID$/%s\" "
	    "media=\"$RepresentationID$/$Number$.m4s\" startNumber=\"%" PRId64 "\"",
	    indent, init->timescale, rescale_near(g->offset, init->timescale, CLK_90K), file,
	    p->segment[g->from]->number);
	if (p->low && p->live && !p->ended && g->to == p->n)
		put_offset(p, track, t);
	text_add(t, ">\n%s  <SegmentTimeline>\n", indent);
	for (size_t i = g->from; i < g->to;) {
		const struct part *part = part_of(g, i, track), *next;
		size_t more = 0;

		if (part == NULL)
			break;
		while (i + more + 1 < g->to && (next = part_of(g, i + more + 1, track)) !=
		    NULL && next->duration == part->duration && next->t == part->t +
		    ((int64_t)more + 1) * part->duration)
			more++;
		text_add(t, "%s    <S", indent);
		if (part->t != due)
			text_add(t, " t=\"%" PRId64 "\"", part->t);
		text_add(t, " d=\"%" PRId64 "\"", part->duration);
		if (more > 0)
			text_add(t, " r=\"%zu\"", more);
		text_add(t, "/>\n");
		due = part->t + ((int64_t)more + 1) * part->duration;
		i += more + 1;
	}
	if (g->to == p->n && g->end == 0)
		put_open(g, track, init->timescale, due, indent, t);
	text_add(t, "%s  </SegmentTimeline>\n%s</SegmentTemplate>\n", indent, indent);
}

/* ---- tracks */

static void
put_period_id(int64_t breaks, unsigned split, struct text *t)
{
	text_add(t, "%" PRId64, breaks);
	if (split > 0)
		text_add(t, ".%u", split);
}

/* DASH-IF IOP: the same content goes on, and a decoder may, too. */
static void
put_continuity(const struct group *g, struct text *t)
{
	unsigned split = g->p->segment[g->from]->split;

	if (split == 0)
		return;
	text_add(t, "      <SupplementalProperty schemeIdUri=\"urn:mpeg:dash:"
	    "period-continuity:2015\" value=\"");
	put_period_id(g->breaks, split - 1, t);
	text_add(t, "\"/>\n");
}

static void
put_rate(const struct group *g, const struct config *c, struct text *t)
{
	struct rational r = c->video.frame_rate;

	if (r.num <= 0 || r.den <= 0)
		r = g->p->rate;
	if (r.num <= 0)
		return;
	text_add(t, " frameRate=\"%" PRId64, r.num);
	if (r.den != 1)
		text_add(t, "/%" PRId64, r.den);
	text_add(t, "\"");
}

/* SCTE 214-1 6.6 */
static void
put_captions(const struct pres *p, struct text *t)
{
	static const char head[] = "      <Accessibility schemeIdUri=\"urn:scte:dash:cc:cea-";
	struct captions all;
	const char *between = "";

	caption_all(p, &all);
	if (all.cc != 0)
		text_add(t, "%s608:2015\" value=\"", head);
	for (unsigned n = 0; n < 4; n++)
		if ((all.cc & 1u << n) != 0) {
			text_add(t, "%sCC%u=%s", between, n + 1, caption_language(p, false, n));
			between = ";";
		}
	if (all.cc != 0)
		text_add(t, "\"/>\n");
	if (all.services == 0)
		return;
	between = "";
	text_add(t, "%s708:2015\" value=\"", head);
	for (unsigned n = 1; n < 64; n++)
		if ((all.services & UINT64_C(1) << n) != 0) {
			text_add(t, "%s%u=lang:%s", between, n, caption_language(p, true, n));
			between = ";";
		}
	text_add(t, "\"/>\n");
}

static void
put_inband(const struct pres *p, struct text *t)
{
	static const char tag[] = "      <InbandEventStream schemeIdUri=\"%s\" value=\"\"/>\n";

	if (p->has_cues && (p->policy.ways & CUE_EMSG) != 0)
		text_add(t, tag, CUE_SCHEME_SCTE35);
	if (p->has_id3 && (p->policy.ways & CUE_ID3_EMSG) != 0)
		text_add(t, tag, CUE_SCHEME_ID3);
}

static void
put_video(const struct group *g, unsigned first, struct text *t)
{
	const struct pres *p = g->p;
	enum codec codec = p->track[first].codec;
	unsigned sap = 1;
	bool same = true;

	for (unsigned i = first; i < p->ntrack; i++)
		if (p->track[i].codec == codec && init_of(g, i) != NULL) {
			same = same && same_times(g, first, i);
			sap = p->track[i].sap > sap ? p->track[i].sap : sap;
		}
	text_add(t, "    <AdaptationSet id=\"%u\" contentType=\"video\" "
	    "mimeType=\"video/mp4\" segmentAlignment=\"true\"", first + 1);
	if (sap != PRES_NO_SAP)
		text_add(t, " startWithSAP=\"%u\"", sap);
	text_add(t, ">\n");
	put_continuity(g, t);		/* the schema wants these before the roles */
	put_inband(p, t);
	dash_put_clock(p, first, init_of(g, first)->timescale, g->offset, g->start_ns, true, t);
	put_captions(p, t);
	text_add(t, "      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n");
	if (same)
		put_template(g, first, "      ", t);
	for (unsigned i = first; i < p->ntrack; i++) {
		const struct ptrack *v = &p->track[i];
		const struct init *init = init_of(g, i);
		const struct config *c;

		if (v->codec != codec || init == NULL)
			continue;
		c = &init->config;
		text_add(t, "      <Representation id=\"%s\" bandwidth=\"%" PRIu64
		    "\" codecs=\"%s\" width=\"%u\" height=\"%u\"", v->name, pres_bandwidth(g->p, v),
		    c->video.codec_string, c->video.width, c->video.height);
		put_rate(g, c, t);
		text_add(t, " sar=\"%" PRId64 ":%" PRId64 "\"%s\n",
		    c->video.sar.num > 0 ? c->video.sar.num : 1,
		    c->video.sar.den > 0 ? c->video.sar.den : 1, same ? "/>" : ">");
		if (same)
			continue;
		put_template(g, i, "        ", t);
		text_add(t, "      </Representation>\n");
	}
	text_add(t, "    </AdaptationSet>\n");
}

static void
put_audio(const struct group *g, unsigned track, bool main, struct text *t)
{
	const struct ptrack *a = &g->p->track[track];
	const struct config *c = &init_of(g, track)->config;

	text_add(t, "    <AdaptationSet id=\"%u\" contentType=\"audio\" "
	    "mimeType=\"audio/mp4\" lang=\"%s\" segmentAlignment=\"true\" "
	    "startWithSAP=\"1\">\n", track + 1, lang_tag(a->language));
	put_continuity(g, t);		/* as for video */
	if (a->language[0] != '\0')
		text_add(t, "      <Label>%s</Label>\n", lang_name(a->language));
	dash_put_clock(g->p, track, init_of(g, track)->timescale, g->offset, g->start_ns, false,
	    t);
	text_add(t, "      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"%s\"/>\n",
	    main ? "main" : "alternate");
	put_template(g, track, "      ", t);
	text_add(t, "      <Representation id=\"%s\" bandwidth=\"%" PRIu64
	    "\" codecs=\"%s\" audioSamplingRate=\"%u\">\n"
	    "        <AudioChannelConfiguration "
	    "schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" "
	    "value=\"%u\"/>\n      </Representation>\n    </AdaptationSet>\n",
	    a->name, pres_bandwidth(g->p, a), c->audio.codec_string, c->audio.rate,
	    c->audio.channels == 8 ? 7 : c->audio.channels);
}

/* DASH-IF IOP 6.4.5: text in segments is in MP4. */
static void
put_text(const struct group *g, unsigned track, struct text *t)
{
	const struct ptrack *s = &g->p->track[track];
	const char *language = text_language(g->p, s);

	text_add(t, "    <AdaptationSet id=\"%u\" contentType=\"text\" "
	    "mimeType=\"application/mp4\" lang=\"%s\" segmentAlignment=\"true\" "
	    "startWithSAP=\"1\">\n", track + 1, lang_tag(language));
	put_continuity(g, t);		/* as for video */
	if (strcmp(language, "und") != 0)
		text_add(t, "      <Label>%s</Label>\n", lang_name(language));
	else
		text_add(t, "      <Label>%s%u</Label>\n", text_prefix(s), text_number(s->pid));
	text_add(t, "      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"%s\"/>\n",
	    text_describes(g->p, s) ? "caption" : "subtitle");
	put_template(g, track, "      ", t);
	text_add(t, "      <Representation id=\"%s\" bandwidth=\"%" PRIu64
	    "\" codecs=\"wvtt\"/>\n    </AdaptationSet>\n", s->name,
	    s->peak > 0 ? s->peak : 1);
}

/* ---- Periods */

static void
put_period(const struct group *g, struct text *t)
{
	const struct pres *p = g->p;
	bool main = true;

	text_add(t, "  <Period id=\"");
	put_period_id(g->breaks, p->segment[g->from]->split, t);
	text_add(t, "\"");
	put_duration(t, "start", g->start_ns);
	if (g->end > 0)
		put_duration(t, "duration", ns(g->end - g->offset));
	text_add(t, ">\n");
	dash_put_cues(p, g->from, g->to, g->offset, t);
	for (unsigned i = 0; i < p->ntrack; i++) {
		bool first = p->track[i].kind == KIND_VIDEO && init_of(g, i) != NULL;

		for (unsigned k = 0; k < i && first; k++)
			first = p->track[k].codec != p->track[i].codec ||
			    init_of(g, k) == NULL;
		if (first)
			put_video(g, i, t);
	}
	for (unsigned i = 0; i < p->ntrack; i++)
		if (p->track[i].kind == KIND_AUDIO && init_of(g, i) != NULL) {
			put_audio(g, i, main, t);
			main = false;
		}
	for (unsigned i = 0; i < p->ntrack; i++)
		if (p->track[i].kind == KIND_TEXT && init_of(g, i) != NULL)
			put_text(g, i, t);
	text_add(t, "  </Period>\n");
}

/*
 * With a duration, segments are counted from the start of the Period, which must then be
 * a point of the grid: the first after its offset.
 */
static void
count_from(struct group *g, const struct segment *s)
{
	int64_t behind = (s->t - g->offset) / g->p->nominal, start;

	if (behind < 0)
		behind = 0;
	g->number = s->number - behind;
	start = s->t - behind * g->p->nominal;
	g->start_ns += ns(start - g->offset);
	g->offset = start;
}

/* The Period that begins with segment from; what is before it lasted so long. */
static struct group
next_group(const struct pres *p, size_t from, int64_t before, int64_t breaks)
{
	const struct segment *s = p->segment[from];
	struct group g = { .p = p, .from = from, .to = from + 1, .breaks = breaks };

	while (g.to < p->n && !p->segment[g.to]->discontinuity &&
	    p->segment[g.to]->split == s->split)
		g.to++;
	if (p->ended) {
		g.start_ns = ns(before);
		g.offset = s->t;
	} else {
		g.offset = s->period_t;
		g.start_ns = p->live ? s->period_ns : ns(s->period_t);
	}
	if (p->low && p->live && !p->ended) {
		const struct segment *last = p->segment[g.to - 1];
		bool ends = g.to < p->n || p->idle;

		g.regular = dash_is_regular(p, from, g.to);
		if (ends)
			g.end = last->t + last->duration;
		if (g.regular)
			count_from(&g, s);
	}
	return g;
}

static void
put_live_attributes(const struct pres *p, struct text *t)
{
	const struct segment *last = p->segment[p->n - 1];
	int64_t nominal = ns(p->nominal), update = nominal / 2;
	int64_t end = (last->utc_ns != 0 ? last->utc_ns : p->start_ns) + ns(last->duration);
	char iso[CLK_ISO];

	clk_iso(p->live ? 0 : p->start_ns, iso);
	text_add(t, "type=\"dynamic\" availabilityStartTime=\"%s\"", iso);
	if (p->idle)			/* another manifest than the one before */
		end += CLK_SECOND / 1000;
	clk_iso(end, iso);
	text_add(t, " publishTime=\"%s\"", iso);
	put_duration(t, "minimumUpdatePeriod", update > CLK_SECOND ? update : CLK_SECOND);
	put_duration(t, "suggestedPresentationDelay", p->low && p->live ? dash_latency(p) :
	    3 * nominal);
	if (p->mode == PRES_WINDOW)
		put_duration(t, "timeShiftBufferDepth", ns(p->window));
}

/* In 90 kHz, rounded up. */
static int64_t
longest_part(const struct pres *p, const struct segment *s)
{
	int64_t longest = s->duration;

	for (unsigned i = 0; i < s->npart; i++) {
		const struct init *init = ptrack_init(&p->track[i], s->part[i].init);
		int64_t d = init == NULL ? 0 : (s->part[i].duration * CLK_90K +
		    init->timescale - 1) / init->timescale;

		if (segment_has(s, i) && d > longest)
			longest = d;
	}
	return longest;
}

/* By so much, in 90 kHz, the last segment's longest track outlasts the segment: a player
 * must not take the presentation for over while its sound still runs. */
static int64_t
overhang(const struct pres *p)
{
	const struct segment *s = p->segment[p->n - 1];
	int64_t longest = 0;

	for (unsigned i = 0; i < s->npart; i++) {
		const struct part *part = &s->part[i];
		const struct init *init = ptrack_init(&p->track[i], part->init);

		if (init == NULL || !segment_has(s, i))
			continue;
		/* rounded up */
		int64_t end = -rescale_down(-part->t - part->duration, CLK_90K,
		    init->timescale);

		if (end - s->t - s->duration > longest)
			longest = end - s->t - s->duration;
	}
	return longest;
}

void
dash_put(const struct pres *p, struct text *t)
{
	size_t first = pres_window(p);
	int64_t before = 0, breaks = p->discontinuity_sequence, longest = 0, all = 0;
	struct group g;

	for (size_t i = 0; i <= first && i < p->n; i++)
		breaks += p->segment[i]->discontinuity;
	for (size_t i = first; i < p->n; i++) {
		all += p->segment[i]->duration;
		if (longest_part(p, p->segment[i]) > longest)
			longest = longest_part(p, p->segment[i]);
	}
	text_add(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
	    "profiles=\"urn:mpeg:dash:profile:isoff-live:2011,"
	    "urn:mpeg:dash:profile:cmaf:2019\" ");
	if (p->ended) {
		text_add(t, "type=\"static\"");
		put_duration(t, "mediaPresentationDuration",
		    ns(all + overhang(p)) + 499);	/* up to the next us */
	} else {
		put_live_attributes(p, t);
	}
	put_duration(t, "maxSegmentDuration", ns(longest));
	put_duration(t, "minBufferTime", p->low && p->live && !p->ended ? 2 * ns(p->chunk) :
	    ns(p->nominal));
	text_add(t, ">\n");
	dash_put_service(p, t);
	for (size_t i = first; i < p->n; i = g.to) {
		g = next_group(p, i, before, breaks + (i > first &&
		    p->segment[i]->discontinuity));
		breaks = g.breaks;
		for (size_t k = i; k < g.to; k++)
			before += p->segment[k]->duration;
		if (!segment_is_lost(p->segment[i]))
			put_period(&g, t);
	}
	if (!p->ended && p->utc_timing != NULL) {
		text_add(t, "  <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-%s:2014\" "
		    "value=\"%s\"/>\n", p->utc_scheme, p->utc_timing);
	}
	text_add(t, "</MPD>\n");
}
