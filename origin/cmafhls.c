/* Playlists: draft-pantos-hls-rfc8216bis 4.4. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "origin/cmafpub.h"

static void
seconds(const struct cmaf_track *t, uint64_t v, int decimals, struct text *out)
{
	text_seconds(out, (int64_t)v, t->header.timescale, decimals);
}

/* In whole ms, rounded up. */
static uint64_t
part_target_ms(const struct cmaf_track *t)
{
	return (t->part_longest * 1000 + t->header.timescale - 1) / t->header.timescale;
}

static bool
is_independent(const struct cmaf_track *t)
{
	for (unsigned i = t->first; i < t->n; i++)
		if (t->seg[i].npart > 0 && !t->seg[i].part[0].independent)
			return false;
	return true;
}

static void
put_head(const struct cmaf_track *t, bool low, struct text *out)
{
	uint64_t target = (t->longest + t->header.timescale / 2) / t->header.timescale;
	int64_t breaks = t->breaks;
	bool gaps = false;

	for (unsigned i = 0; i < t->n; i++) {
		if (i < t->first)
			breaks += t->seg[i].discontinuity;
		else
			gaps = gaps || t->seg[i].gap;
	}
	if (target == 0)
		target = 1;
	text_add(out, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%" PRIu64 "\n",
	    low ? 9 : gaps ? 8 : 7, target);
	if (low) {
		uint64_t ms = part_target_ms(t), back = 3 * ms;

		text_add(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,"
		    "CAN-SKIP-UNTIL=%" PRIu64 ",PART-HOLD-BACK=%" PRIu64 ".%03" PRIu64 "\n"
		    "#EXT-X-PART-INF:PART-TARGET=%" PRIu64 ".%03" PRIu64 "\n", 6 * target,
		    back / 1000, back % 1000, ms / 1000, ms % 1000);
	}
	text_add(out, "#EXT-X-MEDIA-SEQUENCE:%" PRId64 "\n"
	    "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRId64 "\n", t->sequence + t->first, breaks);
	if (is_independent(t))
		text_add(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
}

static void
put_parts(const struct cmaf_track *t, const struct cmaf_segment *g, const char *name,
    struct text *out)
{
	for (unsigned i = 0; i < g->npart; i++) {
		const struct cmaf_part *p = &g->part[i];

		text_add(out, "#EXT-X-PART:DURATION=");
		seconds(t, p->duration, 5, out);
		text_add(out, ",URI=\"%s\",BYTERANGE=\"%u@%" PRIu64 "\"%s\n", name, p->len,
		    p->pos, p->independent ? ",INDEPENDENT=YES" : "");
	}
}

/* What is expected next: more of the open segment, or the one after it. */
static void
put_hint(const struct cmaf_track *t, struct text *out)
{
	const struct cmaf_segment *g = &t->seg[t->n - 1];
	char name[48];

	cmafpub_segment_name(t->version, g->whole ? t->next : g->t, name);
	text_add(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s\",BYTERANGE-START=%" PRIu64
	    "\n", name, g->whole ? 0 : g->bytes);
}

static void
put_reports(const struct cmaf_track *me, struct text *out)
{
	const struct cmaf_channel *ch = me->channel;

	for (unsigned i = 0; i < ch->ntrack; i++) {
		const struct cmaf_track *t = ch->track[i];
		const struct cmaf_segment *g;

		if (t == me || !cmafpub_listed(t) || !t->chunked || t->ended)
			continue;
		g = &t->seg[t->n - 1];
		text_add(out, "#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\",LAST-MSN=%"
		    PRId64, t->name, t->sequence + t->n - 1);
		if (g->npart > 0)
			text_add(out, ",LAST-PART=%u", g->npart - 1);
		text_add(out, "\n");
	}
}

void
cmafhls_media(const struct cmaf_track *t, struct text *out)
{
	bool low = t->chunked && !t->ended;
	unsigned version = 0;
	char name[48], init[32], iso[CLK_ISO];

	put_head(t, low, out);
	for (unsigned i = t->first; i < t->n; i++) {
		const struct cmaf_segment *g = &t->seg[i];

		if (!g->whole && !low)
			break;
		if (g->discontinuity)
			text_add(out, "#EXT-X-DISCONTINUITY\n");
		if (g->version != version) {
			version = g->version;
			cmafpub_init_name(version, init);
			text_add(out, "#EXT-X-MAP:URI=\"%s\"\n", init);
		}
		if (g->version == t->version) {
			clk_iso(t->offset_ns + cmafpub_ns(t, g->t), iso);
			text_add(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", iso);
		}
		cmafpub_segment_name(g->version, g->t, name);
		if (low && i + 4 > t->n)
			put_parts(t, g, name, out);
		if (!g->whole)
			break;
		if (g->gap)
			text_add(out, "#EXT-X-GAP\n");
		text_add(out, "#EXTINF:");
		seconds(t, g->duration, 6, out);
		text_add(out, ",\n%s\n", name);
	}
	if (low) {
		put_hint(t, out);
		put_reports(t, out);
	}
	if (t->ended)
		text_add(out, "#EXT-X-ENDLIST\n");
}

/* ---- the multivariant playlist */

static const struct cmaf_track *
first_of(const struct cmaf_channel *ch, enum cmaf_kind kind)
{
	for (unsigned i = 0; i < ch->ntrack; i++)
		if (cmafpub_listed(ch->track[i]) && ch->track[i]->header.kind == kind)
			return ch->track[i];
	return NULL;
}

static bool
same_codec(const struct cmaf_track *a, const struct cmaf_track *b)
{
	return strcmp(a->header.codecs, b->header.codecs) == 0;
}

/* Audio of one codec string is one group, named by its first track. */
static const struct cmaf_track *
group_of(const struct cmaf_channel *ch, const struct cmaf_track *t)
{
	for (unsigned i = 0; i < ch->ntrack; i++)
		if (cmafpub_listed(ch->track[i]) && ch->track[i]->header.kind == CMAF_AUDIO &&
		    same_codec(ch->track[i], t))
			return ch->track[i];
	return t;
}

static void
put_rendition(const struct cmaf_channel *ch, const struct cmaf_track *t, struct text *out)
{
	bool audio = t->header.kind == CMAF_AUDIO, main;

	main = audio ? group_of(ch, t) == t : false;
	text_add(out, "#EXT-X-MEDIA:TYPE=%s,GROUP-ID=\"%s\",NAME=\"%s\",LANGUAGE=\"%s\","
	    "DEFAULT=%s,AUTOSELECT=YES", audio ? "AUDIO" : "SUBTITLES",
	    audio ? group_of(ch, t)->name : "subs", t->name, t->header.language,
	    main ? "YES" : "NO");
	if (strcmp(t->header.role, "description") == 0)
		text_add(out, ",CHARACTERISTICS=\"public.accessibility.describes-video\"");
	if (audio && t->header.channels > 0)
		text_add(out, ",CHANNELS=\"%u\"", t->header.channels);
	text_add(out, ",URI=\"%s/index.m3u8\"\n", t->name);
}

static void
put_variant(const struct cmaf_channel *ch, const struct cmaf_track *v,
    const struct cmaf_track *group, struct text *out)
{
	uint64_t rate = cmafpub_rate(v), most = 0;
	bool subs = first_of(ch, CMAF_TEXT) != NULL;

	for (unsigned i = 0; group != NULL && i < ch->ntrack; i++) {
		const struct cmaf_track *a = ch->track[i];

		if (cmafpub_listed(a) && a->header.kind == CMAF_AUDIO &&
		    same_codec(a, group) && cmafpub_rate(a) > most)
			most = cmafpub_rate(a);
	}
	text_add(out, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64 ",CODECS=\"%s", rate + most,
	    v->header.codecs);
	if (group != NULL)
		text_add(out, ",%s", group->header.codecs);
	text_add(out, "\"");
	if (v->header.width > 0)
		text_add(out, ",RESOLUTION=%ux%u", v->header.width, v->header.height);
	if (v->header.frame_rate.num > 0 && v->header.frame_rate.den > 0) {
		text_add(out, ",FRAME-RATE=");
		text_seconds(out, v->header.frame_rate.num, v->header.frame_rate.den, 3);
	}
	if (group != NULL)
		text_add(out, ",AUDIO=\"%s\"", group->name);
	if (subs)
		text_add(out, ",SUBTITLES=\"subs\"");
	text_add(out, "\n%s/index.m3u8\n", v->name);
}

void
cmafhls_index(struct cmaf_channel *ch, struct text *out)
{
	bool videos = first_of(ch, CMAF_VIDEO) != NULL;

	text_add(out, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	for (unsigned i = 0; i < ch->ntrack; i++) {
		const struct cmaf_track *t = ch->track[i];

		if (cmafpub_listed(t) && (t->header.kind == CMAF_TEXT ||
		    (t->header.kind == CMAF_AUDIO && videos)))
			put_rendition(ch, t, out);
	}
	for (unsigned i = 0; i < ch->ntrack; i++) {
		struct cmaf_track *v = ch->track[i];
		bool any = false;

		if (!cmafpub_listed(v))
			continue;
		v->told_peak = cmafpub_rate(v);
		if (v->header.kind == CMAF_AUDIO && !videos)
			put_variant(ch, v, NULL, out);
		if (v->header.kind != CMAF_VIDEO)
			continue;
		for (unsigned a = 0; a < ch->ntrack; a++) {
			const struct cmaf_track *g = ch->track[a];

			if (!cmafpub_listed(g) || g->header.kind != CMAF_AUDIO ||
			    group_of(ch, g) != g)
				continue;
			put_variant(ch, v, g, out);
			any = true;
		}
		if (!any)
			put_variant(ch, v, NULL, out);
	}
}
