/*
 * The manifest: ISO/IEC 23009-1, SegmentTimeline with $Time$, so that a segment
 * that is missing is only a hole in the timeline.  Media time plus the Period's
 * offset is UTC; when media time counts from 1970 that offset is 0.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clk.h"
#include "origin/cmafpub.h"

#define TENTH_NS	(CLK_SECOND / 10)

static void
duration(struct text *out, const char *name, int64_t ns)
{
	text_add(out, " %s=\"PT", name);
	text_seconds(out, ns < 0 ? 0 : ns, CLK_SECOND, 6);
	text_add(out, "S\"");
}

/* The listed segments of a Period; false if there are none. */
static bool
range(const struct cmaf_track *t, unsigned period, unsigned *from, unsigned *to)
{
	*from = t->first;
	while (*from < t->n && (t->seg[*from].period != period || t->seg[*from].gap))
		++*from;
	*to = *from;
	while (*to < t->n && t->seg[*to].period == period)
		++*to;
	/* What is being made is listed when its length can be told. */
	if (*to > *from && !t->seg[*to - 1].whole && (!t->chunked || t->counted ||
	    t->n < 2 || t->longest == 0))
		--*to;
	return *to > *from;
}

static uint64_t
length(const struct cmaf_track *t, unsigned i)
{
	const struct cmaf_segment *g = &t->seg[i];

	return g->whole || t->seg[i - 1].duration < g->duration ? g->duration :
	    t->seg[i - 1].duration;
}

static void
put_template(const struct cmaf_track *t, const struct cmaf_period *p, unsigned from,
    unsigned to, int64_t start_ns, struct text *out)
{
	const struct cmaf_segment *g = &t->seg[from];
	int64_t offset = rescale_near(start_ns - p->offset_ns, t->header.timescale,
	    CLK_SECOND);
	uint64_t due = UINT64_MAX;
	char init[32];

	cmafpub_init_name(g->version, init);
	text_add(out, "        <SegmentTemplate timescale=\"%u\" "
	    "presentationTimeOffset=\"%" PRId64 "\" initialization=\"$RepresentationID$/%s\""
	    " media=\"$RepresentationID$/", t->header.timescale, offset < 0 ? 0 : offset,
	    init);
	if (g->version > 1)
		text_add(out, "%u-", g->version);
	text_add(out, "$Time$.m4s\"");
	if (t->chunked && !t->ended && t->longest > t->part_longest) {
		text_add(out, " availabilityTimeOffset=\"");
		text_seconds(out, (int64_t)(t->longest - t->part_longest),
		    t->header.timescale, 3);
		text_add(out, "\" availabilityTimeComplete=\"false\"");
	}
	text_add(out, ">\n          <SegmentTimeline>\n");
	for (unsigned i = from; i < to;) {
		uint64_t d = length(t, i), at = t->seg[i].t;
		unsigned more = 0;

		if (t->seg[i].gap || d == 0) {
			i++;
			continue;
		}
		while (i + more + 1 < to && !t->seg[i + more + 1].gap &&
		    length(t, i + more + 1) == d && t->seg[i + more + 1].t == at +
		    (more + 1) * d)
			more++;
		text_add(out, "            <S");
		if (at != due)
			text_add(out, " t=\"%" PRIu64 "\"", at);
		text_add(out, " d=\"%" PRIu64 "\"", d);
		if (more > 0)
			text_add(out, " r=\"%u\"", more);
		text_add(out, "/>\n");
		due = at + (more + 1) * d;
		i += more + 1;
	}
	text_add(out, "          </SegmentTimeline>\n        </SegmentTemplate>\n");
}

static void
put_representation(const struct cmaf_track *t, const struct cmaf_period *p,
    unsigned from, unsigned to, int64_t start_ns, struct text *out)
{
	const struct cmaf_header *h = &t->header;

	text_add(out, "      <Representation id=\"%s\" bandwidth=\"%" PRIu64
	    "\" codecs=\"%s\"", t->name, cmafpub_rate(t), h->codecs);
	if (h->kind == CMAF_VIDEO) {
		text_add(out, " width=\"%u\" height=\"%u\"", h->width, h->height);
		if (h->frame_rate.num > 0 && h->frame_rate.den > 0)
			text_add(out, " frameRate=\"%" PRId64 "/%" PRId64 "\"",
			    h->frame_rate.num, h->frame_rate.den);
	} else if (h->kind == CMAF_AUDIO && h->rate > 0) {
		text_add(out, " audioSamplingRate=\"%u\"", h->rate);
	}
	text_add(out, ">\n");
	if (h->kind == CMAF_AUDIO && h->channels > 0)
		text_add(out, "        <AudioChannelConfiguration schemeIdUri=\"urn:mpeg:"
		    "dash:23003:3:audio_channel_configuration:2011\" value=\"%u\"/>\n",
		    h->channels == 8 ? 7 : h->channels);
	put_template(t, p, from, to, start_ns, out);
	text_add(out, "      </Representation>\n");
}

/* May a player switch between them? */
static bool
same_set(const struct cmaf_header *a, const struct cmaf_header *b)
{
	return a->kind == b->kind && memcmp(a->codecs, b->codecs, 4) == 0 &&
	    strcmp(a->language, b->language) == 0 && strcmp(a->role, b->role) == 0 &&
	    a->channels == b->channels;
}

static bool
is_in(const struct cmaf_track *t, const struct cmaf_period *p)
{
	unsigned from, to;

	return cmafpub_listed(t) && range(t, p->number, &from, &to);
}

static void
put_set(const struct cmaf_channel *ch, const struct cmaf_period *p, unsigned first,
    int64_t start_ns, struct text *out)
{
	static const char *const type[] = { "video", "audio", "text" };
	const struct cmaf_header *h = &ch->track[first]->header;
	unsigned from, to;

	for (unsigned i = 0; i < first; i++)
		if (is_in(ch->track[i], p) && same_set(&ch->track[i]->header, h))
			return;
	text_add(out, "    <AdaptationSet id=\"%u\" contentType=\"%s\" mimeType=\"%s/mp4\" "
	    "segmentAlignment=\"true\" startWithSAP=\"1\"", first + 1, type[h->kind],
	    h->kind == CMAF_TEXT ? "application" : type[h->kind]);
	if (h->kind != CMAF_VIDEO || strcmp(h->language, "und") != 0)
		text_add(out, " lang=\"%s\"", h->language);
	text_add(out, ">\n      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" "
	    "value=\"%s\"/>\n", h->role[0] != '\0' ? h->role :
	    h->kind == CMAF_TEXT ? "subtitle" : "main");
	for (unsigned i = first; i < ch->ntrack; i++)
		if (cmafpub_listed(ch->track[i]) && same_set(&ch->track[i]->header, h) &&
		    range(ch->track[i], p->number, &from, &to))
			put_representation(ch->track[i], p, from, to, start_ns, out);
	text_add(out, "    </AdaptationSet>\n");
}

/* Start and end of what a Period has listed, UTC; false if nothing. */
static bool
extent(const struct cmaf_channel *ch, const struct cmaf_period *p, int64_t *start_ns,
    int64_t *end_ns)
{
	bool any = false;
	unsigned from, to;

	for (unsigned i = 0; i < ch->ntrack; i++) {
		const struct cmaf_track *t = ch->track[i];
		int64_t a, b;

		if (!cmafpub_listed(t) || !range(t, p->number, &from, &to))
			continue;
		a = p->offset_ns + cmafpub_ns(t, t->seg[from].t);
		b = p->offset_ns + cmafpub_ns(t, t->seg[to - 1].t + length(t, to - 1));
		*start_ns = !any || a < *start_ns ? a : *start_ns;
		*end_ns = !any || b > *end_ns ? b : *end_ns;
		any = true;
	}
	return any;
}

static bool
is_over(const struct cmaf_channel *ch)
{
	for (unsigned i = 0; i < ch->ntrack; i++)
		if (cmafpub_listed(ch->track[i]) && !ch->track[i]->ended)
			return false;
	return true;
}

static void
put_attributes(const struct cmaf_channel *ch, int64_t length_ns, struct text *out)
{
	int64_t longest = 0, now = clk_utc_ns();
	char iso[CLK_ISO];

	for (unsigned i = 0; i < ch->ntrack; i++)
		if (cmafpub_listed(ch->track[i]) &&
		    cmafpub_ns(ch->track[i], ch->track[i]->longest) > longest)
			longest = cmafpub_ns(ch->track[i], ch->track[i]->longest);
	if (is_over(ch)) {
		text_add(out, " type=\"static\"");
		duration(out, "mediaPresentationDuration", length_ns);
	} else {
		clk_iso(now, iso);
		text_add(out, " type=\"dynamic\" availabilityStartTime="
		    "\"1970-01-01T00:00:00.000Z\" publishTime=\"%s\"", iso);
		duration(out, "minimumUpdatePeriod", longest / 2 > CLK_SECOND / 2 ?
		    longest / 2 : CLK_SECOND / 2);
		duration(out, "timeShiftBufferDepth", ch->cmaf->window_ns);
		duration(out, "suggestedPresentationDelay", 3 * longest);
	}
	duration(out, "maxSegmentDuration", longest);
	duration(out, "minBufferTime", longest);
}

/*
 * How far behind a player of chunks should be: ISO/IEC 23009-1 Annex K.  Encoders send
 * a chunk once it is made, so four of the longest ones are a player's buffer.
 */
static void
put_service(const struct cmaf_channel *ch, struct text *out)
{
	int64_t longest = 0, target;

	for (unsigned i = 0; i < ch->ntrack; i++) {
		const struct cmaf_track *t = ch->track[i];

		if (cmafpub_listed(t) && t->chunked &&
		    cmafpub_ns(t, t->part_longest) > longest)
			longest = cmafpub_ns(t, t->part_longest);
	}
	if (longest == 0)
		return;
	target = (4 * longest + TENTH_NS - 1) / TENTH_NS * 100;
	if (target < 500)
		target = 500;
	text_add(out, "  <ServiceDescription id=\"0\">\n"
	    "    <Latency target=\"%" PRId64 "\" min=\"%" PRId64 "\" max=\"%" PRId64 "\"/>\n"
	    "    <PlaybackRate min=\"0.96\" max=\"1.04\"/>\n"
	    "  </ServiceDescription>\n", target, target / 2, 4 * target);
}

void
cmafdash_put(const struct cmaf_channel *ch, struct text *out)
{
	int64_t start = 0, end = 0, total = 0, before = 0;

	for (unsigned i = 0; i < ch->nperiod; i++)
		if (extent(ch, &ch->period[i], &start, &end))
			total += end - start;
	text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
	    "profiles=\"urn:mpeg:dash:profile:isoff-live:2011,"
	    "urn:mpeg:dash:profile:cmaf:2019\"");
	put_attributes(ch, total, out);
	text_add(out, ">\n");
	if (!is_over(ch))
		put_service(ch, out);
	for (unsigned i = 0; i < ch->nperiod; i++) {
		const struct cmaf_period *p = &ch->period[i];

		if (!extent(ch, p, &start, &end))
			continue;
		/* A live Period starts where it did, whatever the window has left. */
		if (!is_over(ch))
			start = p->start_ns;
		text_add(out, "  <Period id=\"%u\"", p->number);
		duration(out, "start", is_over(ch) ? before : start);
		text_add(out, ">\n");
		for (unsigned k = 0; k < ch->ntrack; k++)
			if (is_in(ch->track[k], p))
				put_set(ch, p, k, start, out);
		text_add(out, "  </Period>\n");
		before += end - start;
	}
	/* serve.h: it is answered under each path's host. */
	if (!is_over(ch))
		text_add(out, "  <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" "
		    "value=\"/.time\"/>\n");
	text_add(out, "</MPD>\n");
}
