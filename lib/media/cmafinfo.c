#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/audio.h"
#include "lib/media/mp4view.h"
#include "lib/media/video.h"
#include "lib/media/cmafinfo.h"

#define BOX(s)	MP4_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])

/* Letters, digits and hyphens only: these words go into playlists. */
static void
take_word(const struct view *v, char out[static CMAF_WORD])
{
	size_t n = 0;

	while (n < v->len && v->p[n] != 0 && n < CMAF_WORD - 1) {
		unsigned char c = v->p[n];

		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return;
		n++;
	}
	if (n == 0)
		return;
	memcpy(out, v->p, n);
	out[n] = '\0';
}

static bool
find(struct view v, const char *path, struct view *body)
{
	for (; *path != '\0'; path += 4) {
		if (view_find(v, BOX(path), body) <= 0)
			return false;
		v = *body;
	}
	return true;
}

static void
read_kind(struct view trak, struct cmaf_header *h)
{
	static const char role[] = "urn:mpeg:dash:role:2011";
	struct view udta, v;
	uint32_t type;

	if (!find(trak, "udta", &udta))
		return;
	while (view_box(&udta, &type, &v) > 0) {
		if (type != BOX("kind"))
			continue;
		view_skip(&v, 4);
		if (v.len > sizeof(role) && memcmp(v.p, role, sizeof(role)) == 0) {
			view_skip(&v, sizeof(role));
			take_word(&v, h->role);
		}
	}
}

static void
read_text(uint32_t fourcc, struct cmaf_header *h)
{
	h->kind = CMAF_TEXT;
	if (fourcc == BOX("wvtt"))
		snprintf(h->codecs, sizeof(h->codecs), "wvtt");
	else if (fourcc == BOX("stpp"))
		snprintf(h->codecs, sizeof(h->codecs), "stpp.ttml.im1t");
	else
		h->kind = CMAF_OTHER;
}

/* btrt is somewhere in the sample entry, behind fields that depend on its kind. */
static void
read_btrt(struct view entry, size_t fields, struct cmaf_header *h)
{
	struct view v;

	view_skip(&entry, fields);
	if (entry.error || view_find(entry, BOX("btrt"), &v) <= 0)
		return;
	view_skip(&v, 4);
	h->bitrate = view_u32(&v);
	if (v.error)
		h->bitrate = 0;
}

static void
read_video(const struct mp4_track *t, struct cmaf_header *h)
{
	struct video video;

	h->kind = CMAF_VIDEO;
	h->width = t->width;
	h->height = t->height;
	h->sar = t->sar;
	video_init(&video, t->codec);
	if (video_config_parse(&video, t->config, t->config_len) == 0 &&
	    video.format.width > 0) {
		memcpy(h->codecs, video.format.codec_string, VIDEO_CODEC_STRING);
		h->frame_rate = video.format.frame_rate;
		/* avc3 and hev1: the sets come in the samples */
		if (t->fourcc == BOX("avc3") || t->fourcc == BOX("hev1"))
			memcpy(h->codecs, t->fourcc == BOX("avc3") ? "avc3" : "hev1", 4);
	}
	video_free(&video);
	if (h->codecs[0] == '\0' && t->codec == CODEC_AVC && t->config_len >= 4)
		snprintf(h->codecs, sizeof(h->codecs), "avc%c.%02x%02x%02x",
		    t->fourcc == BOX("avc3") ? '3' : '1', t->config[1], t->config[2],
		    t->config[3]);
}

static void
read_audio(const struct mp4_track *t, struct cmaf_header *h)
{
	struct audio_info info = { .codec = t->codec };
	int r;

	h->kind = CMAF_AUDIO;
	h->channels = t->channels;
	h->rate = t->rate;
	if (h->bitrate == 0)
		h->bitrate = t->bitrate;
	r = t->codec == CODEC_AAC ? audio_parse_asc(t->config, t->config_len, &info) :
	    audio_parse_config(t->codec, t->config, t->config_len, &info);
	if (r < 0)
		return;
	snprintf(h->codecs, sizeof(h->codecs), "%s", info.codec_string);
	if (info.channels > 0)
		h->channels = info.channels;
	if (info.rate > 0)
		h->rate = info.rate;
}

int
cmaf_header_parse(const uint8_t *p, size_t len, struct cmaf_header *h)
{
	struct view file = { p, len, false }, trak, v, entry;
	uint32_t handler = 0, fourcc = 0;
	int r;

	*h = (struct cmaf_header){ .language = "und" };
	r = mp4_init_parse(p, len, &h->init);
	if (r < 0)
		return r;
	if (h->init.n != 1)
		return -ENOTSUP;
	h->timescale = h->init.track[0].timescale;
	if (!find(file, "moovtrak", &trak))
		return -EBADMSG;
	v = (struct view){ (const uint8_t *)h->init.track[0].language, 3, false };
	take_word(&v, h->language);
	if (find(trak, "mdiaelng", &v)) {
		view_skip(&v, 4);
		take_word(&v, h->language);
	}
	read_kind(trak, h);
	if (find(trak, "mdiahdlr", &v)) {
		view_skip(&v, 8);
		handler = view_u32(&v);
	}
	if (find(trak, "mdiaminfstblstsd", &v)) {
		view_skip(&v, 8);
		if (view_box(&v, &fourcc, &entry) > 0)
			read_btrt(entry, handler == BOX("vide") ? 78 :
			    handler == BOX("soun") ? 28 : 8, h);
	}
	if (handler == BOX("vide"))
		read_video(&h->init.track[0], h);
	else if (handler == BOX("soun"))
		read_audio(&h->init.track[0], h);
	else
		read_text(fourcc, h);
	return 0;
}

static void
read_styp(struct view v, struct cmaf_chunk *c)
{
	while (v.len >= 4) {
		uint32_t brand = view_u32(&v);

		c->begins = c->begins || brand == BOX("cmfs") || brand == BOX("cmff");
		c->last = c->last || brand == BOX("lmsg");
	}
}

static uint64_t
hash_of(const uint8_t *p, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);	/* FNV-1a */

	while (len-- > 0)
		h = (h ^ *p++) * UINT64_C(1099511628211);
	return h;
}

int
cmaf_chunk_parse(const struct cmaf_header *h, const uint8_t *p, size_t len,
    struct cmaf_chunk *c)
{
	struct view file = { p, len, false }, v;
	const struct mp4_track *track;
	struct mp4_fragment f;
	struct mp4_sample s;
	size_t used, want;
	int r;

	*c = (struct cmaf_chunk){ 0 };
	if (!find(file, "mooftraftfdt", &v))
		return -EBADMSG;
	if (view_find(file, BOX("styp"), &v) > 0)
		read_styp(v, c);
	r = mp4_fragment_next(&h->init, p, len, &used, &want, &f);
	if (r != 1 || used != len)
		return -EBADMSG;
	while ((r = mp4_sample_next(&f, &track, &s)) > 0) {
		if (c->samples++ == 0) {
			c->t = s.dts;
			c->sync = s.sync || h->kind != CMAF_VIDEO;
			c->sample_duration = s.duration;
		}
		c->duration += s.duration;
	}
	/* So long that it cannot be, or so late that sums would wrap. */
	if (r < 0 || c->t > INT64_MAX / 4 || c->duration > UINT32_MAX)
		return -EBADMSG;
	c->hash = hash_of(f.base + f.mdat_off, f.mdat_len);
	return 0;
}
