#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "lib/media/timeline.h"
#include "lib/media/track.h"

#define NEAR		(3 * CLK_90K)	/* other tracks have the same clock */
#define GROW		(256 << 10)

bool
track_carries(enum codec c)
{
	switch (c) {
	case CODEC_AVC:
	case CODEC_HEVC:
	case CODEC_AAC:
	case CODEC_AC3:
	case CODEC_EAC3:
	case CODEC_OPUS:
		return true;
	default:
		return false;
	}
}

int
track_init(struct track *t, const struct tsdemux_stream *s)
{
	*t = (struct track){
		.kind = codec_kind(s->codec), .codec = s->codec, .pid = s->pid,
		.max_bitrate = s->max_bitrate,
		.last_dts = PES_NO_TIME, .last_pts = PES_NO_TIME,
	};
	memcpy(t->language, s->language, sizeof(t->language));
	if (t->kind == KIND_VIDEO) {
		video_init(&t->video, s->codec);
		return 0;
	}
	return audio_init(&t->audio, s->codec, s->desc, s->desc_len);
}

void
track_free(struct track *t)
{
	if (t->kind == KIND_VIDEO)
		video_free(&t->video);
	else
		audio_free(&t->audio);
	ccqueue_free(&t->captions);
	free(t->buf);
	free(t->sample);
}

const struct config *
track_config(const struct track *t, uint32_t version)
{
	const struct config *c = &t->config[version % TRACK_CONFIGS];

	return version != 0 && c->version == version ? c : NULL;
}

uint32_t
track_timescale(const struct track *t, uint32_t version)
{
	const struct config *c = track_config(t, version);

	return t->kind == KIND_VIDEO || c == NULL ? CLK_90K : c->audio.rate;
}

void
track_describe(const struct track *t, const struct config *c, struct mp4_track *out)
{
	*out = (struct mp4_track){
		.codec = t->codec, .config = c->record, .config_len = c->len,
		.timescale = track_timescale(t, c->version),
	};
	memcpy(out->language, t->language, sizeof(out->language));
	if (t->kind == KIND_VIDEO) {
		const struct video_format *v = &c->video;

		out->width = v->width;
		out->height = v->height;
		out->sar = v->sar;
		out->has_colour = v->colour_primaries != 2 ||
		    v->transfer_characteristics != 2 || v->matrix_coefficients != 2;
		out->colour_primaries = v->colour_primaries;
		out->transfer_characteristics = v->transfer_characteristics;
		out->matrix_coefficients = v->matrix_coefficients;
		out->full_range = v->full_range;
	} else {
		out->rate = c->audio.rate;
		out->channels = c->audio.channels;
		if (c->audio.codec != CODEC_UNKNOWN)
			out->codec = c->audio.codec;
	}
}

/* ---- the queue */

size_t
track_first_sync(const struct track *t, size_t from)
{
	while (from < t->n && !t->sample[from].sync)
		from++;
	return from;
}

bool
track_ready(const struct track *t)
{
	return t->version != 0 && track_first_sync(t, 0) < t->n;
}

/* Room for one more sample of len bytes. */
static int
reserve(struct track *t, size_t len)
{
	if (t->len + len > t->size) {
		size_t size = t->size + t->size / 2 + len + GROW;
		uint8_t *p = realloc(t->buf, size);

		if (p == NULL)
			return -ENOMEM;
		t->buf = p;
		t->size = size;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap * 2 + 64;
		struct sample *p = realloc(t->sample, cap * sizeof(*p));

		if (p == NULL)
			return -ENOMEM;
		t->sample = p;
		t->cap = cap;
	}
	return 0;
}

void
track_drop(struct track *t, size_t n, size_t len)
{
	t->n -= n;
	t->len -= len;
	memmove(t->sample, t->sample + n, t->n * sizeof(*t->sample));
	memmove(t->buf, t->buf + len, t->len);
}

/* ---- time */

/*
 * Bring a timestamp near to those of the other tracks, and see whether this
 * track's clock has jumped: then it belongs to a new base, which the other
 * tracks will find to be there.  Returns by how much a decoding time that was not
 * after the one before has been made later.
 */
static int64_t
follow(struct track *t, struct bases *b, int64_t *pts, int64_t *dts)
{
	int64_t delta, pushed = 0;

	if (b->near != PES_NO_TIME && llabs(*dts - b->near) > PES_WRAP / 2) {
		int64_t shift = rescale_near(*dts - b->near, 1, PES_WRAP) * PES_WRAP;

		*dts -= shift;
		*pts -= shift;
	}
	b->near = *dts;
	if (t->last_dts == PES_NO_TIME) {
		t->base = b->newest;
		if (b->top == PES_NO_TIME || *dts > b->top)
			b->top = *dts;
		return 0;
	}
	delta = *dts - t->last_dts;
	if (delta < -TIMELINE_JUMP_BACK || delta > TIMELINE_JUMP_FORWARD) {
		if (t->base == b->newest && (delta < 0 || llabs(*dts - b->top) > NEAR)) {
			b->newest++;
			b->jumps++;
			b->top = *dts;
		}
		t->base = b->newest;	/* where the others are, or will come to */
	} else if (delta <= 0) {
		pushed = t->last_dts + 1 - *dts;
		*dts = t->last_dts + 1;		/* small disorder: keep it growing */
		if (*pts < *dts && t->kind == KIND_AUDIO)
			*pts = *dts;
	} else {
		t->step = t->delta > 0 && t->delta < delta ? t->delta : delta;
		t->delta = delta;
	}
	if (t->base == b->newest && *dts > b->top)
		b->top = *dts;
	return pushed;
}

/* ---- parameters */

/* Keep a new version when the record is another than the last one. */
static void
new_config(struct track *t, const uint8_t *record, size_t len)
{
	const struct config *old = track_config(t, t->version);
	struct config *c;

	if (len > TRACK_RECORD || (old != NULL && old->len == len &&
	    memcmp(old->record, record, len) == 0 &&
	    (t->kind == KIND_VIDEO || (old->audio.rate == t->audio.info.rate &&
	    old->audio.channels == t->audio.info.channels))))
		return;
	t->version++;
	c = &t->config[t->version % TRACK_CONFIGS];
	c->version = t->version;
	c->len = len;
	memcpy(c->record, record, len);
	if (t->kind == KIND_VIDEO)
		c->video = t->video.format;
	else
		c->audio = t->audio.info;
}

static void
look_at_video(struct track *t)
{
	uint8_t record[TRACK_RECORD];
	int len = video_config_put(&t->video, record, sizeof(record));

	t->stale = false;
	if (len > 0)
		new_config(t, record, (size_t)len);
}

/* ---- access units */

/* New parameters in the same base will need a cut of their own. */
static void
note_change(struct track *t, uint32_t version, uint32_t base, int64_t pts)
{
	if (version == 0 || t->version == version || t->base != base)
		return;
	t->changed = true;
	t->changed_pts = pts;
}

/* When a unit was acquired, if its boundary point says so. */
static int64_t
ebp_ns(const struct tsdemux_event *ev)
{
	return ev->has_ebp && ev->ebp.has_time ? clk_ntp_to_ns(ev->ebp.ntp) : 0;
}

static int
push_picture(struct track *t, struct bases *b, const struct tsdemux_event *ev,
    const struct video_unit *u)
{
	int64_t pts = ev->pts, dts = ev->dts, pushed;
	uint32_t version = t->version, base = t->base;
	size_t len;
	int r;

	t->stale = t->stale || u->changed || u->has_params || t->version == 0;
	if (video_sync(u) && t->stale && (!ev->torn || t->version == 0))
		look_at_video(t);
	if (t->version == 0)
		return 0;
	if (pts == PES_NO_TIME) {	/* allowed for some pictures: count on */
		if (t->last_dts == PES_NO_TIME)
			return 0;
		dts = t->last_dts + (t->step > 0 ? t->step : CLK_90K / 50);
		pts = dts + (t->last_pts - t->last_dts);
	}
	pushed = follow(t, b, &pts, &dts);
	note_change(t, version, base, pts);
	if (b->captions && u->cc_count > 0 && (r = ccqueue_put(&t->captions, pts, t->base,
	    u->cc_data, u->cc_count)) < 0)
		return r;
	len = video_sample_len(&t->video, u, NAL_DROP_FOR_MP4);
	if (len == 0 || len > UINT32_MAX)
		return 0;
	if ((r = reserve(t, len)) < 0)
		return r;
	video_sample_put(&t->video, u, NAL_DROP_FOR_MP4, t->buf + t->len);
	t->len += len;
	t->sample[t->n++] = (struct sample){
		.pts = pts, .dts = dts, .pushed = (int32_t)pushed, .len = (uint32_t)len,
		.base = t->base, .config = t->version, .sync = video_sync(u),
		.open = u->access == VIDEO_OPEN, .damaged = ev->damaged,
		.boundary = ev->has_ebp && ev->ebp.segment,
		.fragment = ev->has_ebp && (ev->ebp.segment || ev->ebp.fragment),
		.on_grid = ev->has_ebp && ev->ebp.segment && ev->ebp.fragment,
		.ebp_ns = ebp_ns(ev),
	};
	t->last_dts = dts;
	t->last_pts = pts;
	return 0;
}

static int
push_frame(struct track *t, struct bases *b, const struct audio_frame *f,
    int64_t date)
{
	const struct audio_info *info = &t->audio.info;
	int64_t pts = f->pts, dts = f->pts, due;
	uint32_t version = t->version, base = t->base;
	size_t len = f->raw_len;
	int r;

	if (pts == PES_NO_TIME || info->rate == 0 || len == 0 || f->samples == 0)
		return 0;
	if (t->version == 0 || f->changed)
		new_config(t, info->config, info->config_len);
	if (t->version == 0)
		return 0;
	if (t->last_dts != PES_NO_TIME) {
		/* A frame that would begin in the first half of the one before it. */
		due = t->last_dts + (int64_t)f->samples * CLK_90K / info->rate / 2;
		if (dts < due && dts > t->last_dts - TIMELINE_JUMP_BACK) {
			note_change(t, version, base, pts);
			return 0;
		}
	}
	follow(t, b, &pts, &dts);
	note_change(t, version, base, pts);
	if ((r = reserve(t, len)) < 0)
		return r;
	memcpy(t->buf + t->len, f->raw, len);
	t->len += len;
	t->sample[t->n++] = (struct sample){
		.pts = pts, .dts = dts, .len = (uint32_t)len, .base = t->base,
		.config = t->version, .frames = f->samples, .sync = true,
		.ebp_ns = f->anchored ? date : 0,
	};
	t->last_dts = dts;
	t->last_pts = pts;
	return 0;
}

int
track_unit(struct track *t, struct bases *b, const struct tsdemux_event *ev)
{
	struct video_unit u;
	struct audio_frame f;
	int r;

	t->units++;
	t->lost_units += ev->damaged;
	if (t->kind == KIND_VIDEO) {
		/* What is missing before the unit does not make it suspect. */
		r = video_unit(&t->video, ev->data, ev->len, ev->torn, &u);
		if (r < 0)
			return r;
		if (u.picture)
			return push_picture(t, b, ev, &u);
		t->stale = t->stale || u.has_params;
		return 0;
	}
	r = audio_push(&t->audio, ev->data, ev->len, ev->pts, ev->damaged);
	while (r == 0 && audio_next(&t->audio, &f) == 1)
		r = push_frame(t, b, &f, ebp_ns(ev));
	return r;
}

int
track_flush(struct track *t, struct bases *b)
{
	struct audio_frame f;

	if (t->kind == KIND_AUDIO && audio_flush(&t->audio, &f) == 1)
		return push_frame(t, b, &f, 0);
	return 0;
}
