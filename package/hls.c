/*
 * Playlists: RFC 8216bis (draft-pantos-hls-rfc8216bis) 4.4, and what Apple's HLS
 * authoring specification asks for beyond it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/text.h"
#include "package/lang.h"
#include "package/pres.h"
#include "package/tsout.h"

/* What a track is said to be now: its newest header. */
static const struct config *
newest(const struct ptrack *t)
{
	const struct init *i = t->unlisted ? NULL : ptrack_newest(t);

	return i != NULL ? &i->config : NULL;
}

static const char *
codec_of_track(const struct ptrack *t)
{
	const struct config *c = newest(t);

	return c == NULL ? "" : t->kind == KIND_VIDEO ? c->video.codec_string :
	    c->audio.codec_string;
}

/* Audio of one codec is one group. */
static const char *
group_of(const struct ptrack *t)
{
	switch (t->codec) {
	case CODEC_AC3:
		return "ac3";
	case CODEC_EAC3:
		return "eac3";
	case CODEC_OPUS:
		return "opus";
	default:
		return "aac";
	}
}

static uint64_t
average(const struct ptrack *t)
{
	return pres_rate(t->bytes, t->time);
}

static bool
same_group(const struct ptrack *a, const struct ptrack *b)
{
	return strcmp(group_of(a), group_of(b)) == 0;
}

/* Do all its segments decode without the ones before them? */
static bool
is_independent(const struct ptrack *t)
{
	return t->sap <= PRES_SAP_ALL;
}

/* ---- index.m3u8 */

static bool
is_first_of_group(const struct pres *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (p->track[i].kind == KIND_AUDIO && newest(&p->track[i]) != NULL &&
		    same_group(&p->track[i], &p->track[n]))
			return false;
	return true;
}

static const char *
name_of(const struct ptrack *t)
{
	return t->language[0] == '\0' ? "Audio" : lang_name(t->language);
}

/* A name must be unique in its group. */
static void
put_name(const struct pres *p, unsigned n, struct text *t)
{
	const struct ptrack *me = &p->track[n];
	unsigned same = 1;

	for (unsigned i = 0; i < n; i++)
		same += p->track[i].kind == KIND_AUDIO && same_group(&p->track[i], me) &&
		    strcmp(name_of(&p->track[i]), name_of(me)) == 0;
	text_add(t, "NAME=\"%s", name_of(me));
	if (same > 1)
		text_add(t, " %u", same);
	text_add(t, "\"");
}

static void
put_renditions(const struct pres *p, struct text *t)
{
	for (unsigned i = 0; i < p->ntrack; i++) {
		const struct ptrack *a = &p->track[i];
		const struct config *c = newest(a);
		bool other = false;

		if (a->kind != KIND_AUDIO || c == NULL)
			continue;
		/* The first of its language is what a player may choose by itself. */
		for (unsigned k = 0; k < i; k++)
			other = other || (p->track[k].kind == KIND_AUDIO &&
			    same_group(&p->track[k], a) &&
			    strcmp(lang_tag(p->track[k].language),
			    lang_tag(a->language)) == 0);
		text_add(t, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",", group_of(a));
		put_name(p, i, t);
		text_add(t, ",LANGUAGE=\"%s\",DEFAULT=%s,AUTOSELECT=%s,CHANNELS=\"%u\","
		    "URI=\"%s/index.m3u8\"\n", lang_tag(a->language),
		    is_first_of_group(p, i) ? "YES" : "NO", other ? "NO" : "YES",
		    c->audio.channels, a->name);
	}
}

/* Has a channel before this one the same language? */
static bool
is_second(const struct pres *p, const struct captions *all, bool service, unsigned n)
{
	const char *mine = caption_language(p, service, n);

	for (unsigned i = 0; i < (service ? 4 : n); i++)
		if ((all->cc & 1u << i) != 0 &&
		    strcmp(caption_language(p, false, i), mine) == 0)
			return true;
	for (unsigned i = 1; i < n && service; i++)
		if ((all->services & UINT64_C(1) << i) != 0 &&
		    strcmp(caption_language(p, true, i), mine) == 0)
			return true;
	return false;
}

static void
put_caption(const struct pres *p, const struct captions *all, bool service, unsigned n,
    bool first, struct text *t)
{
	const char *language = caption_language(p, service, n);
	unsigned id = service ? n : n + 1;

	text_add(t, "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"");
	if (strcmp(language, "und") == 0)
		text_add(t, "%s%u", service ? "Service " : "CC", id);
	else if (is_second(p, all, service, n))
		text_add(t, "%s %s%u", lang_name(language), service ? "S" : "CC", id);
	else
		text_add(t, "%s", lang_name(language));
	text_add(t, "\",LANGUAGE=\"%s\",DEFAULT=%s,AUTOSELECT=YES,INSTREAM-ID=\"%s%u\"\n",
	    lang_tag(language), first ? "YES" : "NO", service ? "SERVICE" : "CC", id);
}

/* Text of captions, in a group of its own. */
static bool
put_subtitles(const struct pres *p, struct text *t)
{
	bool any = false;

	for (unsigned i = 0; i < p->ntrack; i++) {
		const struct ptrack *s = &p->track[i];
		const char *language = text_language(p, s);
		bool named, other = false;

		if (s->kind != KIND_TEXT || newest(s) == NULL)
			continue;
		for (unsigned k = 0; k < i; k++)
			other = other || (p->track[k].kind == KIND_TEXT &&
			    newest(&p->track[k]) != NULL &&
			    strcmp(text_language(p, &p->track[k]), language) == 0);
		named = strcmp(language, "und") != 0;
		text_add(t, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subs\",NAME=\"%s",
		    named ? lang_name(language) : "");
		if (!named || other)
			text_add(t, "%s%s%u", named ? " " : "", text_prefix(s),
			    text_number(s->pid));
		text_add(t, "\",LANGUAGE=\"%s\",DEFAULT=NO,AUTOSELECT=%s,FORCED=NO,",
		    lang_tag(language), other ? "NO" : "YES");
		if (text_describes(p, s))
			text_add(t, "CHARACTERISTICS=\"public.accessibility.transcribes-spoken-"
			    "dialog,public.accessibility.describes-music-and-sound\",");
		text_add(t, "URI=\"%s/index.m3u8\"\n", s->name);
		any = true;
	}
	return any;
}

static bool
put_captions(const struct pres *p, struct text *t)
{
	struct captions all;
	bool first = true;

	caption_all(p, &all);
	for (unsigned i = 0; i < 4; i++)
		if ((all.cc & 1u << i) != 0) {
			put_caption(p, &all, false, i, first, t);
			first = false;
		}
	for (unsigned i = 1; i < 64; i++)
		if ((all.services & UINT64_C(1) << i) != 0) {
			put_caption(p, &all, true, i, first, t);
			first = false;
		}
	return !first;
}

static const char *
video_range(const struct config *c)
{
	switch (c->video.transfer_characteristics) {
	case 16:
		return "PQ";
	case 18:
		return "HLG";
	case 2:
	case 0:
		return NULL;
	default:
		return "SDR";
	}
}

static void
put_video_attributes(const struct pres *p, const struct config *c, bool rate,
    struct text *t)
{
	struct rational r = c->video.frame_rate;

	if (r.num <= 0 || r.den <= 0)
		r = p->rate;
	text_add(t, ",RESOLUTION=%ux%u", c->video.width, c->video.height);
	if (rate && r.num > 0) {
		text_add(t, ",FRAME-RATE=");
		text_seconds(t, r.num, r.den, 3);
	}
	if (video_range(c) != NULL)
		text_add(t, ",VIDEO-RANGE=%s", video_range(c));
}

/* One rung with one audio group, or with none. */
static void
put_variant(struct pres *p, struct ptrack *v, const struct ptrack *group, bool captions,
    bool subtitles, struct text *t)
{
	uint64_t peak = pres_bandwidth(p, v), mean = average(v), audio_peak = 0, audio_mean = 0;
	const struct config *c = newest(v);

	for (unsigned i = 0; i < p->ntrack && group != NULL; i++) {
		const struct ptrack *a = &p->track[i];

		if (a->kind != KIND_AUDIO || !same_group(a, group) || newest(a) == NULL)
			continue;
		if (pres_bandwidth(p, a) > audio_peak)
			audio_peak = pres_bandwidth(p, a);
		if (average(a) > audio_mean)
			audio_mean = average(a);
	}
	text_add(t, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64 ",AVERAGE-BANDWIDTH=%" PRIu64
	    ",CODECS=\"%s", peak + audio_peak, mean + audio_mean, codec_of_track(v));
	if (group != NULL)
		text_add(t, ",%s", codec_of_track(group));
	text_add(t, "\"");
	put_video_attributes(p, c, true, t);
	if (group != NULL)
		text_add(t, ",AUDIO=\"%s\"", group_of(group));
	if (subtitles)
		text_add(t, ",SUBTITLES=\"subs\"");
	text_add(t, captions ? ",CLOSED-CAPTIONS=\"cc\"" : ",CLOSED-CAPTIONS=NONE");
	text_add(t, "\n%s/index.m3u8\n", v->name);
}

static void
put_audio_variant(struct pres *p, struct ptrack *a, bool group, struct text *t)
{
	text_add(t, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64 ",AVERAGE-BANDWIDTH=%" PRIu64
	    ",CODECS=\"%s\"", pres_bandwidth(p, a), average(a), codec_of_track(a));
	if (group)
		text_add(t, ",AUDIO=\"%s\"", group_of(a));
	text_add(t, "\n%s/index.m3u8\n", a->name);
}

void
hls_put_index(struct pres *p, struct text *t, bool ts)
{
	unsigned videos = 0, audios = 0;
	bool captions, subtitles, independent = true;

	for (unsigned i = 0; i < p->ntrack; i++) {
		struct ptrack *track = &p->track[i];

		track->told_absent = pres_first(p, i) == p->n;
		track->unlisted = track->told_absent || (ts && track->kind != KIND_TEXT &&
		    !tsout_carries(track->codec));
		videos += track->kind == KIND_VIDEO && newest(track) != NULL;
		audios += track->kind == KIND_AUDIO && newest(track) != NULL;
		track->told_peak = pres_bandwidth(p, track);
		track->told_average = average(track);
		track->told_key = track->key_peak;
		track->told_sap = track->sap;
		independent = independent && (newest(track) == NULL || is_independent(track));
	}
	text_add(t, "#EXTM3U\n#EXT-X-VERSION:%d\n%s", ts ? 4 : 7,
	    independent ? "#EXT-X-INDEPENDENT-SEGMENTS\n" : "");
	if (videos > 0 || audios > 1)
		put_renditions(p, t);
	subtitles = videos > 0 && put_subtitles(p, t);
	captions = put_captions(p, t);
	for (unsigned i = 0; i < p->ntrack; i++) {
		struct ptrack *v = &p->track[i];

		if (newest(v) == NULL || v->kind == KIND_TEXT)
			continue;
		if (videos == 0 && is_first_of_group(p, i))
			put_audio_variant(p, v, audios > 1, t);
		if (v->kind != KIND_VIDEO)
			continue;
		if (audios == 0)
			put_variant(p, v, NULL, captions, subtitles, t);
		for (unsigned a = 0; a < p->ntrack; a++)
			if (p->track[a].kind == KIND_AUDIO && newest(&p->track[a]) != NULL &&
			    is_first_of_group(p, a))
				put_variant(p, v, &p->track[a], captions, subtitles, t);
	}
	for (unsigned i = 0; i < p->ntrack; i++) {
		const struct ptrack *v = &p->track[i];

		if (v->kind != KIND_VIDEO || newest(v) == NULL || v->key_peak == 0)
			continue;
		text_add(t, "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=%" PRIu64
		    ",AVERAGE-BANDWIDTH=%" PRIu64 ",CODECS=\"%s\"", v->key_peak,
		    pres_rate(v->key_bytes, v->time), codec_of_track(v));
		put_video_attributes(p, newest(v), false, t);
		text_add(t, ",URI=\"%s/iframes.m3u8\"\n", v->name);
	}
}

/* ---- TRACK/index.m3u8 and TRACK/iframes.m3u8 */

static bool
is_gap(const struct segment *s, unsigned track, bool ts)
{
	return !segment_has(s, track) || (ts && s->part[track].ts_bytes == 0);
}

static void
put_head(const struct pres *p, unsigned track, size_t first, int version, bool keyframes,
    struct text *t)
{
	int64_t breaks = p->discontinuity_sequence, sequence = p->track[track].next_key;

	for (size_t i = 0; i < first; i++)
		breaks += p->segment[i]->discontinuity;
	if (!keyframes)			/* past the last one where there is none */
		sequence = first < p->n ? p->segment[first]->sequence :
		    p->segment[p->n - 1]->sequence + 1;
	else if (first < p->n)
		sequence = p->segment[first]->part[track].key_sequence;
	text_add(t, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%" PRId64
	    "\n#EXT-X-MEDIA-SEQUENCE:%" PRId64 "\n", version, p->target, sequence);
	if (breaks > 0 || p->mode == PRES_WINDOW)
		text_add(t, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRId64 "\n", breaks);
	if (p->mode == PRES_VOD)
		text_add(t, "#EXT-X-PLAYLIST-TYPE:VOD\n");
	else if (p->mode == PRES_EVENT)
		text_add(t, "#EXT-X-PLAYLIST-TYPE:EVENT\n");
	if (keyframes)
		text_add(t, "#EXT-X-I-FRAMES-ONLY\n");
	else if (is_independent(&p->track[track]))
		text_add(t, "#EXT-X-INDEPENDENT-SEGMENTS\n");
}

/* Date of a part: what it begins after the cut counts. */
static void
put_date(const struct pres *p, const struct segment *s, const struct part *part,
    uint32_t timescale, struct text *t)
{
	char iso[CLK_ISO];

	if (segment_date(p, s) == 0)
		return;
	clk_iso(segment_date(p, s) + (part == NULL ? 0 : rescale_near(part->t, CLK_SECOND,
	    timescale) - rescale_near(s->t, CLK_SECOND, CLK_90K)), iso);
	text_add(t, "#EXT-X-PROGRAM-DATE-TIME:%s\n", iso);
}

static void
put_map(const struct part *part, uint32_t *map, struct text *t)
{
	char file[24];

	if (*map == part->init)
		return;
	*map = part->init;
	init_name(*map, file);
	text_add(t, "#EXT-X-MAP:URI=\"%s\"\n", file);
}

/* A segment, those that are being made after the others. */
static const struct segment *
all(const struct pres *p, size_t i)
{
	return i < p->n ? p->segment[i] : p->open[i - p->n];
}

void
hls_put_media(const struct pres *p, unsigned track, struct text *t, bool ts)
{
	const struct ptrack *me = &p->track[track];
	bool text = me->kind == KIND_TEXT;
	size_t first = pres_first(p, track);
	int version = ts || text ? 4 : 7;
	size_t end = p->n + hls_open(p, track);
	uint32_t map = 0;

	for (size_t i = first; i < p->n; i++)
		if (is_gap(p->segment[i], track, ts))
			version = 8;
	if (p->low)			/* of a delta update */
		version = p->has_cues || p->has_id3 ? 10 : 9;
	put_head(p, track, first, version, false, t);
	hls_put_control(p, track, t);
	for (size_t i = first; i < end; i++) {
		const struct segment *s = all(p, i);
		bool breaks = s->discontinuity;
		const struct part *part = is_gap(s, track, ts) ? NULL : &s->part[track];
		const struct init *init = part != NULL ? ptrack_init(me, part->init) : NULL;
		uint32_t timescale = init != NULL ? init->timescale : CLK_90K;

		if (breaks)
			text_add(t, "#EXT-X-DISCONTINUITY\n");
		if (part != NULL && !ts && !text)
			put_map(part, &map, t);
		put_date(p, s, part, timescale, t);
		hls_put_cues(p, i > 0 ? all(p, i - 1) : NULL, s, i == first, t);
		hls_put_parts(p, s, track, t);
		if (i >= p->n && !s->part[track].over)
			break;		/* goes on */
		if (part == NULL)
			text_add(t, "#EXT-X-GAP\n");
		text_add(t, "#EXTINF:");
		text_seconds(t, part == NULL ? s->duration : part->listed > 0 ? part->listed :
		    part->duration, part == NULL ? CLK_90K : timescale, 6);
		text_add(t, ",\n%" PRId64 "%s\n", s->number, text ? ".vtt" : ts ? ".ts" : ".m4s");
	}
	if (p->ended) {
		hls_put_last_cues(p, t);
		text_add(t, "#EXT-X-ENDLIST\n");
	} else {
		hls_put_hints(p, track, t);
	}
}

/* The part whose I-frames can be listed; an earlier run may not have noted where. */
static const struct part *
with_keys(const struct segment *s, unsigned track, bool ts)
{
	const struct part *part = is_gap(s, track, ts) ? NULL : &s->part[track];

	if (part == NULL || (ts && part->nkey > 0 && part->key[0].ts_size == 0))
		return NULL;
	return part;
}

/* In transport streams the tables are in the range of each: there is no map. */
void
hls_put_keyframes(const struct pres *p, unsigned track, struct text *t, bool ts)
{
	const struct ptrack *me = &p->track[track];
	size_t first = pres_first(p, track);
	uint32_t map = 0;
	unsigned breaks = 0;

	while (first < p->n && with_keys(p->segment[first], track, ts) == NULL)
		first++;
	put_head(p, track, first, ts ? 4 : 7, true, t);
	for (size_t i = first; i < p->n; i++) {
		const struct segment *s = p->segment[i];
		const struct part *part = with_keys(s, track, ts);
		const struct init *init = part != NULL ? ptrack_init(me, part->init) : NULL;

		breaks += s->discontinuity;
		if (init == NULL || part->nkey == 0)
			continue;	/* no tag without something behind it */
		for (; breaks > 0; breaks--)
			text_add(t, "#EXT-X-DISCONTINUITY\n");
		if (!ts)
			put_map(part, &map, t);
		put_date(p, s, part, init->timescale, t);
		for (unsigned k = 0; k < part->nkey; k++) {
			const struct keyframe *key = &part->key[k];

			text_add(t, "#EXTINF:");
			text_seconds(t, key->duration, init->timescale, 6);
			text_add(t, ",\n#EXT-X-BYTERANGE:%u@%u\n%" PRId64 "%s\n",
			    ts ? key->ts_size : key->size,
			    ts ? key->ts_offset : key->offset, s->number, ts ? ".ts" : ".m4s");
		}
	}
	if (p->ended)
		text_add(t, "#EXT-X-ENDLIST\n");
}
