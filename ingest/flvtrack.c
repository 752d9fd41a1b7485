#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/flvtrack.h"
#include "lib/media/pes.h"
#include "lib/media/sei.h"

#define SEI_LOOK	8192		/* bytes of an SEI NAL unit */
#define RATE_MAX	120		/* pictures a second; more is a clock, not a rate */

enum codec
flvtrack_codec(uint32_t fourcc)
{
	switch (fourcc) {
	case FLV_AVC:
		return CODEC_AVC;
	case FLV_HEVC:
		return CODEC_HEVC;
	case FLV_AAC:
		return CODEC_AAC;
	case FLV_MP3:
		return CODEC_MPEGA;
	case FLV_AC3:
		return CODEC_AC3;
	case FLV_EAC3:
		return CODEC_EAC3;
	case FLV_OPUS:
		return CODEC_OPUS;
	default:
		return CODEC_UNKNOWN;
	}
}

void
flvtrack_init(struct flvtrack *t, bool is_video, unsigned id, uint32_t fourcc)
{
	*t = (struct flvtrack){
		.is_video = is_video, .id = id, .fourcc = fourcc, .last_dts = INT64_MIN,
		.info.codec = flvtrack_codec(fourcc),
	};
}

void
flvtrack_free(struct flvtrack *t)
{
	if (t->have_video)
		video_free(&t->video);
	if (t->have_parser)
		audio_free(&t->parser);
	free(t->config);
	free(t->buf);
	*t = (struct flvtrack){ .last_dts = INT64_MIN };
}

/* ---- configuration */

static bool
plausible(struct rational rate)
{
	return rate.num > 0 && rate.den > 0 && rate.num / rate.den <= RATE_MAX;
}

static int
config_video(struct flvtrack *t, const uint8_t *p, size_t len,
    const struct flvtrack_hints *hints)
{
	struct video v;
	int r;

	video_init(&v, t->info.codec);
	r = video_config_parse(&v, p, len);
	if (r < 0) {
		video_free(&v);
		return r;
	}
	if (t->have_video)
		video_free(&t->video);
	t->video = v;
	t->have_video = true;
	t->info.rate = plausible(v.format.frame_rate) ? v.format.frame_rate : hints->rate;
	return 0;
}

static int
describe_opus(struct flvtrack *t)
{
	int n = audio_opus_desc_put(&t->audio, t->info.desc, sizeof(t->info.desc));

	t->info.desc_len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -ENOTSUP;
}

static int
config_audio(struct flvtrack *t, const uint8_t *p, size_t len)
{
	struct audio_info info = { 0 };
	uint8_t adts[ADTS_HEADER];
	int r;

	switch (t->info.codec) {
	case CODEC_AAC:
		r = audio_parse_asc(p, len, &info);
		if (r == 0)		/* can its header be made? */
			r = audio_adts_put(&info, 1, adts);
		break;
	case CODEC_OPUS:
		r = audio_parse_opus_head(p, len, &info);
		break;
	default:
		return 0;		/* they describe themselves */
	}
	if (r < 0)
		return r;
	if (t->have_parser)
		audio_free(&t->parser);
	t->have_parser = false;
	t->audio = info;
	t->grid.anchored = false;
	return t->info.codec == CODEC_OPUS ? describe_opus(t) : 0;
}

bool
flvtrack_is_new(const struct flvtrack *t, const uint8_t *p, size_t len)
{
	return !t->configured || t->config_len != len || memcmp(t->config, p, len) != 0;
}

int
flvtrack_config(struct flvtrack *t, const uint8_t *p, size_t len,
    const struct flvtrack_hints *hints)
{
	uint8_t *copy;
	int r;

	if (len == 0)
		return -EBADMSG;
	r = t->is_video ? config_video(t, p, len, hints) : config_audio(t, p, len);
	if (r < 0)
		return r;
	copy = malloc(len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, p, len);
	free(t->config);
	t->config = copy;
	t->config_len = len;
	t->configured = true;
	return 0;
}

static bool
is_adts(const uint8_t *p, size_t len)
{
	return len > ADTS_HEADER && p[0] == 0xff && (p[1] & 0xf6) == 0xf0 &&
	    ((p[3] & 3u) << 11 | (unsigned)p[4] << 3 | p[5] >> 5) <= len;
}

/* AAC-LC of the rate and channels that onMetaData tells of: ISO/IEC 14496-3 1.6.2.1. */
static int
guess_aac(struct flvtrack *t, const struct flvtrack_hints *hints)
{
	static const uint32_t rate[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
		22050, 16000, 12000, 11025, 8000 };
	unsigned n = 0;
	uint8_t asc[2];

	while (n < sizeof(rate) / sizeof(*rate) && rate[n] != hints->audio_rate)
		n++;
	if (n == sizeof(rate) / sizeof(*rate) || hints->channels < 1 || hints->channels > 2)
		return -ENOTSUP;
	asc[0] = (uint8_t)(2 << 3 | n >> 1);
	asc[1] = (uint8_t)(n << 7 | hints->channels << 3);
	return flvtrack_config(t, asc, sizeof(asc), hints);
}

static int
open_parser(struct flvtrack *t)
{
	int r = audio_init(&t->parser, t->info.codec, NULL, 0);

	t->have_parser = t->configured = r == 0;
	return r;
}

int
flvtrack_guess(struct flvtrack *t, const uint8_t *p, size_t len,
    const struct flvtrack_hints *hints)
{
	static const uint8_t stereo[19] = "OpusHead\1\2\0\0\x80\xbb\0\0\0\0\0";

	switch (t->info.codec) {
	case CODEC_AAC:
		if (!is_adts(p, len))
			return hints != NULL ? guess_aac(t, hints) : -ENODATA;
		return open_parser(t);
	case CODEC_OPUS:
		return hints != NULL ? flvtrack_config(t, stereo, sizeof(stereo), hints) :
		    -ENODATA;
	case CODEC_AC3:
	case CODEC_EAC3:
	case CODEC_MPEGA:
		return open_parser(t);
	default:
		return -ENODATA;
	}
}

/* ---- units */

static bool
room(struct flvtrack *t, size_t size)
{
	uint8_t *buf;

	if (size <= t->size)
		return true;
	buf = realloc(t->buf, size + size / 2);
	if (buf == NULL)
		return false;
	t->buf = buf;
	t->size = size + size / 2;
	return true;
}

/* Where slices begin; of HDR metadata what the pictures say themselves is in own. */
static size_t
before_slices(enum codec codec, const uint8_t *p, size_t len, struct hdr *own)
{
	struct nal_iter it = { p, p + len };
	unsigned sei = codec == CODEC_HEVC ? HEVC_SEI_PREFIX : AVC_SEI, type;
	size_t head = codec == CODEC_HEVC ? 2 : 1, at = 0;
	uint8_t buf[SEI_LOOK];
	struct sei_message m;
	struct nal n;

	for (; nal_next(&it, &n); at = (size_t)(n.data + n.len - p)) {
		size_t pos = 0, size;

		type = nal_type(codec, n);
		if (codec == CODEC_HEVC ? type <= HEVC_VCL_LAST :
		    type >= AVC_SLICE && type <= AVC_IDR)
			return at;
		if (type != sei || n.len <= head)
			continue;
		size = nal_unescape(n.data + head, n.len - head, buf, sizeof(buf));
		while (sei_next(buf, size, &pos, &m) > 0)
			hdr_read(own, m.type, m.data, m.len);
	}
	return at;
}

/* A key picture that says nothing of HDR itself gets what is said beside it. */
static size_t
add_hdr(const struct flvtrack *t, uint8_t *p, size_t len)
{
	struct hdr own = { .has_light = false }, add = t->hdr;
	uint8_t message[HDR_SEI_MAX];
	size_t at = before_slices(t->info.codec, p, len, &own), n;

	add.has_mastering &= !own.has_mastering;
	add.has_light &= !own.has_light;
	n = hdr_put(&add, t->info.codec, message);
	memmove(p + at + n, p + at, len - at);
	memcpy(p + at, message, n);
	return len + n;
}

static int
put_video(struct flvtrack *t, const struct flv_packet *pkt, struct source_event *ev)
{
	int64_t len = video_annexb_put(&t->video, pkt->data, pkt->len, pkt->key, NULL, 0);

	if (len <= 0)
		return -EBADMSG;
	if (!room(t, (size_t)len + HDR_SEI_MAX))
		return -ENOMEM;
	len = video_annexb_put(&t->video, pkt->data, pkt->len, pkt->key, t->buf, t->size);
	if (len <= 0)
		return -EBADMSG;
	if (pkt->key && (t->hdr.has_mastering || t->hdr.has_light))
		len = (int64_t)add_hdr(t, t->buf, (size_t)len);
	ev->data = t->buf;
	ev->len = (size_t)len;
	ev->random_access = pkt->key;
	return 1;
}

/* A byte string before the packet: the header of ADTS, or the one of Opus in TS. */
static int
put_audio(struct flvtrack *t, const struct flv_packet *pkt, struct source_event *ev)
{
	size_t n = 0;

	ev->random_access = true;
	ev->data = pkt->data;
	ev->len = pkt->len;
	if (t->have_parser || (t->info.codec == CODEC_AAC && is_adts(pkt->data, pkt->len)))
		return 1;
	if (!room(t, pkt->len + OPUS_HEADER_MAX(pkt->len) + ADTS_HEADER))
		return -ENOMEM;
	if (t->info.codec == CODEC_OPUS) {
		n = audio_opus_header_put(pkt->len, 0, 0, t->buf);
	} else {
		if (audio_adts_put(&t->audio, pkt->len, t->buf) < 0)
			return -EBADMSG;
		n = ADTS_HEADER;
	}
	memcpy(t->buf + n, pkt->data, pkt->len);
	ev->data = t->buf;
	ev->len = n + pkt->len;
	return 1;
}

/* What is said of itself by a packet of complete frames: how many samples, or 0. */
static uint32_t
parse_samples(struct flvtrack *t, const struct flv_packet *pkt)
{
	struct audio_frame frame;
	uint32_t samples = 0;

	if (audio_push(&t->parser, pkt->data, pkt->len, PES_NO_TIME, false) < 0)
		return 0;
	while (audio_next(&t->parser, &frame) > 0)
		samples += frame.samples;
	t->audio = t->parser.info;
	/* The first ones come out with their successor: then there is one here. */
	return samples > 2 * t->audio.frame_samples ? samples : t->audio.frame_samples;
}

static uint32_t
samples_in(struct flvtrack *t, const struct flv_packet *pkt)
{
	if (t->have_parser)
		return parse_samples(t, pkt);
	return t->info.codec == CODEC_OPUS ? audio_opus_samples(pkt->data, pkt->len) :
	    t->audio.frame_samples;
}

/* Decoding times only go forward, unless the clock jumps. */
static void
set_times(struct flvtrack *t, int64_t pts, int64_t dts, struct source_event *ev)
{
	if (dts > pts)
		dts = pts;
	if (t->last_dts != INT64_MIN && dts <= t->last_dts && t->last_dts - dts < 90000)
		dts = t->last_dts + 1;
	t->last_dts = dts;
	ev->pts = pts < dts ? dts : pts;
	ev->dts = dts;
}

/* What is shown before it is decoded: then all are decoded earlier. */
void
flvtrack_foresee(struct flvtrack *t, const struct flv_packet *pkt)
{
	if (t->is_video && -(int64_t)pkt->cts_ms * 90 > t->lag)
		t->lag = -(int64_t)pkt->cts_ms * 90;
}

int
flvtrack_unit(struct flvtrack *t, const struct flv_packet *pkt, int64_t time_90k,
    struct source_event *ev)
{
	int64_t pts = time_90k, dts = time_90k;
	int r;

	if (pkt->len == 0)
		return 0;
	r = t->is_video ? put_video(t, pkt, ev) : put_audio(t, pkt, ev);
	if (r <= 0)
		return r;
	if (t->is_video) {
		pts += (int64_t)pkt->cts_ms * 90;
		flvtrack_foresee(t, pkt);
		dts -= t->lag;
		msgrid_picture(&t->grid, t->info.rate, &pts, &dts);
	} else {
		pts = dts = msgrid_samples(&t->grid, t->audio.rate, samples_in(t, pkt), pts);
	}
	set_times(t, pts, dts, ev);
	return 1;
}
