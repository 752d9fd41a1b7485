#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rational.h"
#include "lib/media/audio_parse.h"
#include "lib/media/pes.h"

#define FRAME_MAX	(64 << 10)	/* E-AC-3 with 16 substreams of 4096 */

static int
header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h)
{
	int r;

	/* All of it, so that two can be compared byte for byte. */
	memset(h, 0, sizeof(*h));
	h->parts = 1;
	switch (a->codec) {
	case CODEC_AAC:
		r = aac_header(a, p, len, end, h);
		break;
	case CODEC_AC3:
	case CODEC_EAC3:
		r = ac3_header(a, p, len, end, h);
		break;
	case CODEC_OPUS:
		r = opus_header(a, p, len, end, h);
		break;
	default:
		r = mpa_header(a, p, len, end, h);
		break;
	}
	return r > 0 && h->len > FRAME_MAX ? -1 : r;
}

int
audio_init(struct audio *a, enum codec codec, const uint8_t *desc, size_t desc_len)
{
	int code = 0;

	switch (codec) {
	case CODEC_OPUS:
		code = opus_code_of(desc, desc_len);
		if (code < 0)
			return code;
		break;
	case CODEC_AAC:
	case CODEC_AC3:
	case CODEC_EAC3:
	case CODEC_MPEGA:
		break;
	default:
		return -ENOTSUP;
	}
	memset(a, 0, sizeof(*a));
	a->codec = a->info.codec = codec;
	a->opus_code = (unsigned)code;
	a->pes_pts = a->held_pts = a->base_pts = PES_NO_TIME;
	return 0;
}

void
audio_free(struct audio *a)
{
	free(a->hold);
	a->hold = NULL;
	a->p = NULL;
	a->held = false;
	a->len = a->old = a->hold_size = 0;
}

static int
reserve(struct audio *a, size_t size)
{
	size_t at = a->held ? (size_t)(a->p - a->hold) : 0;
	uint8_t *more;

	if (size <= a->hold_size)
		return 0;
	more = realloc(a->hold, size);
	if (more == NULL)
		return -ENOMEM;
	if (a->held)
		a->p = more + at;
	a->hold = more;
	a->hold_size = size;
	return 0;
}

int
audio_push(struct audio *a, const uint8_t *p, size_t len, int64_t pts, bool lost)
{
	if (lost) {
		a->skipped += a->len;
		a->len = 0;
		a->in_sync = false;
		a->base_pts = a->held_pts = PES_NO_TIME;
	}
	a->pes_pts = pts;
	a->old = a->len;
	if (a->len == 0) {
		a->p = p;
		a->len = len;
		a->held = false;
		return 0;
	}
	if (reserve(a, a->len + len) < 0)
		return -ENOMEM;
	assert(a->held);
	/* audio_next() has put what it left over into hold. */
	memmove(a->hold, a->p, a->len);
	memcpy(a->hold + a->len, p, len);
	a->p = a->hold;
	a->len += len;
	return 0;
}

static void
drop(struct audio *a, size_t n)
{
	a->p += n;
	a->len -= n;
	a->old -= a->old < n ? a->old : n;
}

/* Would info be other than what we know?  A bit rate may vary. */
static bool
differs(const struct audio_info *old, const struct audio_info *new)
{
	struct audio_info o = *old, n = *new;

	if (o.rate == 0 || o.codec != n.codec)
		return true;
	o.bitrate = n.bitrate = 0;
	if (o.codec == CODEC_EAC3 && o.config_len >= 2 && n.config_len >= 2) {
		o.config[0] = n.config[0] = 0;		/* data_rate of dec3 */
		o.config[1] = n.config[1] = (uint8_t)(n.config[1] & 7);
	}
	return o.rate != n.rate || o.channels != n.channels ||
	    o.frame_samples != n.frame_samples || o.object_type != n.object_type ||
	    o.layer != n.layer || o.joc != n.joc || o.config_len != n.config_len ||
	    strcmp(o.codec_string, n.codec_string) != 0 ||
	    memcmp(o.config, n.config, n.config_len) != 0;
}

/*
 * Is the frame at the front one?  After another one its header is enough, if it
 * says the same; else there has to be a second one behind it, or the end of the
 * payload.  Returns 1, 0 (not known yet) or -1.
 */
static int
believe(const struct audio *a, const struct audio_header *h, bool end)
{
	struct audio_header second;
	int r;

	if (a->in_sync && !differs(&a->info, &h->info))
		return 1;
	if (h->len >= a->len)
		return 1;
	r = header(a, a->p + h->len, a->len - h->len, false, &second);
	return r != 0 ? r : end ? 1 : 0;
}

static void
stamp(struct audio *a, struct audio_frame *f, uint32_t samples)
{
	uint32_t rate = a->info.rate;
	int64_t *pts = a->old > 0 ? &a->held_pts : &a->pes_pts;

	if (*pts != PES_NO_TIME) {
		f->anchored = true;
		a->base_pts = *pts;
		*pts = PES_NO_TIME;
		a->counted = 0;
		a->counted_rate = rate;
	}
	if (a->base_pts != PES_NO_TIME && a->counted_rate != rate) {
		a->base_pts += rescale_near((int64_t)a->counted, 90000,
		    a->counted_rate);
		a->counted = 0;
		a->counted_rate = rate;
	}
	f->pts = a->base_pts == PES_NO_TIME ? PES_NO_TIME :
	    a->base_pts + rescale_near((int64_t)a->counted, 90000, rate);
	a->counted += samples;
}

static int
next(struct audio *a, struct audio_frame *f, bool end)
{
	struct audio_header h;

	while (a->len > 0) {
		int r = header(a, a->p, a->len, end, &h);

		if (r == 0 && a->len > 2 * FRAME_MAX)
			r = -1;		/* a header without end */
		if (r > 0 && h.len > a->len && !end)
			return 0;
		if (r > 0 && h.len <= a->len)
			r = believe(a, &h, end);
		else if (r > 0)
			r = -1;
		if (r == 0 && !end)
			return 0;
		if (r <= 0) {
			drop(a, 1);
			a->skipped++;
			a->in_sync = false;
			continue;
		}
		memset(f, 0, sizeof(*f));
		f->changed = differs(&a->info, &h.info);
		if (f->changed)
			a->info = h.info;
		a->in_sync = true;
		a->parts = h.parts;
		f->data = f->raw = a->p;
		f->len = f->raw_len = h.len;
		if (a->codec == CODEC_OPUS)
			f->data += h.raw_off, f->len -= h.raw_off;
		f->raw = h.no_raw ? NULL : f->raw + h.raw_off;
		f->raw_len = h.no_raw ? 0 : f->raw_len - h.raw_off;
		f->samples = h.samples;
		f->trim_start = h.trim_start;
		f->trim_end = h.trim_end;
		stamp(a, f, h.samples);
		a->frames++;
		drop(a, h.len);
		return 1;
	}
	return 0;
}

int
audio_next(struct audio *a, struct audio_frame *f)
{
	if (next(a, f, false) > 0)
		return 1;
	/* The payload goes; what is left of it stays here. */
	if (a->len > 0 && !a->held) {
		if (reserve(a, a->len) < 0) {
			a->skipped += a->len;
			a->len = 0;
			a->in_sync = false;
			return 0;
		}
		memmove(a->hold, a->p, a->len);
		a->p = a->hold;
		a->held = true;
	}
	if (a->old == 0)
		a->held_pts = a->len > 0 ? a->pes_pts : PES_NO_TIME;
	a->pes_pts = PES_NO_TIME;
	a->old = a->len;
	return 0;
}

int
audio_flush(struct audio *a, struct audio_frame *f)
{
	return next(a, f, true);
}

/* ISO/IEC 11172-3 2.4.1.3, 13818-3 2.4.2.3; free format is not known. */
int
mpa_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h)
{
	static const uint16_t kbit[5][16] = {
		{ 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448 },
		{ 0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384 },
		{ 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320 },
		{ 0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256 },
		{ 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160 },
	};
	static const uint16_t hz[3] = { 44100, 48000, 32000 };
	unsigned version, layer, rate, bitrate, padding;

	(void)a;
	(void)end;
	if (p[0] != 0xff)
		return -1;
	if (len < 4)
		return 0;
	version = p[1] >> 3 & 3;		/* 3: 1, 2: 2, 0: 2.5 */
	layer = 4 - (p[1] >> 1 & 3u);
	if ((p[1] & 0xe0) != 0xe0 || version == 1 || layer == 4 || p[2] >> 4 == 15 ||
	    p[2] >> 4 == 0 || (p[2] >> 2 & 3) == 3)
		return -1;
	rate = hz[p[2] >> 2 & 3] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
	bitrate = 1000u * kbit[version == 3 ? layer - 1 : layer == 1 ? 3 : 4][p[2] >> 4];
	padding = p[2] >> 1 & 1;
	h->samples = layer == 1 ? 384 : layer == 3 && version != 3 ? 576 : 1152;
	h->len = layer == 1 ? (12 * bitrate / rate + padding) * 4 :
	    h->samples / 8 * bitrate / rate + padding;
	if (h->len < 4)
		return -1;
	h->info.codec = CODEC_MPEGA;
	h->info.rate = rate;
	h->info.channels = p[3] >> 6 == 3 ? 1 : 2;
	h->info.frame_samples = h->samples;
	h->info.bitrate = bitrate;
	h->info.layer = (uint8_t)layer;
	/* objectTypeIndication of 11172-3 and 13818-3 */
	memcpy(h->info.codec_string, version == 3 ? "mp4a.6B" : "mp4a.69", 8);
	return 1;
}

int
audio_parse_config(enum codec codec, const uint8_t *p, size_t len,
    struct audio_info *info)
{
	switch (codec) {
	case CODEC_AAC:
		return audio_parse_asc(p, len, info);
	case CODEC_AC3:
	case CODEC_EAC3:
		return ac3_parse_config(codec, p, len, info);
	case CODEC_OPUS:
		return opus_parse_config(p, len, info);
	default:
		return -ENOTSUP;
	}
}
