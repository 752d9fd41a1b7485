#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "package/tsout.h"

#define MEDIA_PID	0x100
#define PMT_PID		0x1000
#define FRAMES		(CLK_90K / 10)	/* of audio in one PES packet, at most */

bool
tsout_carries(enum codec codec)
{
	return codec == CODEC_AVC || codec == CODEC_HEVC || codec == CODEC_AAC ||
	    codec == CODEC_AC3 || codec == CODEC_EAC3;
}

void
tsout_free(struct tsout *o)
{
	if (o->begun) {
		tsmux_free(&o->mux);
		video_free(&o->video);
	}
	free(o->unit);
}

static int
begin(struct tsout *o, const struct track *t)
{
	static const uint8_t types[CODEC_COUNT] = {
		[CODEC_AVC] = 0x1b, [CODEC_HEVC] = 0x24, [CODEC_AAC] = 0x0f,
		[CODEC_AC3] = 0x81, [CODEC_EAC3] = 0x87,
	};
	uint8_t language[4] = { 0 };
	struct tsmux_stream *s;

	tsmux_init(&o->mux);
	video_init(&o->video, t->kind == KIND_VIDEO ? t->codec : CODEC_AVC);
	o->begun = true;
	s = tsmux_add_stream(&o->mux, MEDIA_PID, types[t->codec], t->kind == KIND_VIDEO ?
	    PES_VIDEO : t->codec == CODEC_AAC ? PES_AUDIO : PES_PRIVATE_1, 1);
	if (s == NULL || tsmux_add_program(&o->mux, 1, PMT_PID, MEDIA_PID) == NULL)
		return -ENOMEM;
	if (t->codec == CODEC_AC3)
		desc_put(s->desc, sizeof(s->desc), &s->desc_len, DESC_REGISTRATION, "AC-3", 4);
	if (t->codec == CODEC_EAC3)
		desc_put(s->desc, sizeof(s->desc), &s->desc_len, DESC_REGISTRATION, "EAC3", 4);
	if (strlen(t->language) == 3) {
		memcpy(language, t->language, 3);
		desc_put(s->desc, sizeof(s->desc), &s->desc_len, DESC_ISO_639, language, 4);
	}
	return 0;
}

static int
room(struct tsout *o, size_t len)
{
	uint8_t *p;

	if (len <= o->size)
		return 0;
	if ((p = realloc(o->unit, len + len / 2)) == NULL)
		return -ENOMEM;
	o->unit = p;
	o->size = len + len / 2;
	return 0;
}

static int
put_video(struct tsout *o, const struct mp4_sample *s, size_t n, const uint8_t *buf,
    int64_t time, int64_t delay)
{
	int64_t dts = time - delay;

	for (size_t i = 0; i < n; i++) {
		struct tsmux_unit u = {
			.pts = dts + s[i].cts, .dts = dts, .random_access = s[i].sync,
		};
		int64_t len = video_annexb_put(&o->video, buf, s[i].len, s[i].sync, NULL, 0);
		int r = len < 0 ? -EBADMSG : room(o, (size_t)len);
		size_t from = o->mux.len;

		if (r == 0) {
			len = video_annexb_put(&o->video, buf, s[i].len, s[i].sync, o->unit,
			    o->size);
			u.data = o->unit;
			u.len = len < 0 ? 0 : (size_t)len;
			o->mux.last_tables = i > 0 && !s[i].sync ? dts : INT64_MIN;
			r = tsmux_put(&o->mux, &o->mux.stream[0], &u);
		}
		if (r < 0 && r != -EBADMSG)	/* a damaged picture is left out */
			return r;
		if (s[i].sync && o->nkey < TSOUT_KEYS) {
			o->key[o->nkey].offset = (uint32_t)from;
			o->key[o->nkey++].size = (uint32_t)(o->mux.len - from);
		}
		buf += s[i].len;
		dts += s[i].duration;
	}
	return 0;
}

/* Frames together in a PES packet, so that its header does not weigh too much. */
static int
put_audio(struct tsout *o, const struct track *t, const struct config *c,
    const struct mp4_sample *s, size_t n, const uint8_t *buf, int64_t dts)
{
	int64_t rate = c->audio.rate, limit = rescale_down(FRAMES, rate, CLK_90K);
	bool begins = true;
	size_t i = 0;
	int r;

	while (i < n) {
		struct tsmux_unit u = { .random_access = true };
		int64_t start = dts;
		size_t len = 0;

		u.pts = u.dts = rescale_near(dts, CLK_90K, rate);
		do {
			size_t head = t->codec == CODEC_AAC ? ADTS_HEADER : 0;

			if ((r = room(o, len + head + s[i].len)) < 0)
				return r;
			if (head != 0 && audio_adts_put(&c->audio, s[i].len, o->unit + len) < 0)
				return -ENOTSUP;
			memcpy(o->unit + len + head, buf, s[i].len);
			len += head + s[i].len;
			buf += s[i].len;
			dts += s[i].duration;
			/* A gap ends the packet: the next one says its own time. */
		} while (++i < n && dts - start < limit && s[i - 1].duration == s[0].duration);
		u.data = o->unit;
		u.len = len;
		o->mux.last_tables = begins ? INT64_MIN : u.dts;
		begins = false;
		if ((r = tsmux_put(&o->mux, &o->mux.stream[0], &u)) < 0)
			return r;
	}
	return 0;
}

int
tsout_put(struct tsout *o, const struct track *t, const struct config *c,
    const struct mp4_sample *s, size_t n, const uint8_t *buf, int64_t time,
    bool discontinuity, uint8_t **out, size_t *len)
{
	bool first = !o->begun;
	int r;

	if (!tsout_carries(t->codec))
		return -ENOTSUP;
	if (first && (r = begin(o, t)) < 0)
		return r;
	if (t->kind == KIND_VIDEO && o->version != c->version) {
		video_free(&o->video);
		video_init(&o->video, t->codec);
		if (video_config_parse(&o->video, c->record, c->len) < 0)
			return -ENOTSUP;
		o->version = c->version;
	}
	if (discontinuity && !first)
		tsmux_discontinuity(&o->mux);
	o->mux.last_pcr = INT64_MIN;
	o->nkey = 0;
	r = t->kind == KIND_VIDEO ? put_video(o, s, n, buf, time, t->delay) :
	    put_audio(o, t, c, s, n, buf, time);
	if (r < 0) {
		tsmux_clear(&o->mux);
		return r;
	}
	*len = o->mux.len;
	if ((*out = malloc(*len)) == NULL)
		return -ENOMEM;
	memcpy(*out, o->mux.out, *len);
	tsmux_clear(&o->mux);
	return 0;
}
