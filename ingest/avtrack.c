#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/dict.h>
#include <libavutil/display.h>
#include <libavutil/intreadwrite.h>

#include "ingest/avtrack.h"
#include "lib/base/log.h"
#include "lib/media/nal.h"
#include "lib/media/timeline.h"

static enum codec
codec_of_id(enum AVCodecID id)
{
	switch (id) {
	case AV_CODEC_ID_H264:
		return CODEC_AVC;
	case AV_CODEC_ID_HEVC:
		return CODEC_HEVC;
	case AV_CODEC_ID_MPEG2VIDEO:
		return CODEC_MPEG2V;
	case AV_CODEC_ID_MPEG1VIDEO:
		return CODEC_MPEG1V;
	case AV_CODEC_ID_AAC:
		return CODEC_AAC;
	case AV_CODEC_ID_AC3:
		return CODEC_AC3;
	case AV_CODEC_ID_EAC3:
		return CODEC_EAC3;
	case AV_CODEC_ID_MP1:
	case AV_CODEC_ID_MP2:
	case AV_CODEC_ID_MP3:
		return CODEC_MPEGA;
	case AV_CODEC_ID_OPUS:
		return CODEC_OPUS;
	default:
		return CODEC_UNKNOWN;
	}
}

/* A transport stream has no place for what a player is to do with the pictures. */
static void
warn_rotation(const struct avtrack *t, const char *name)
{
	const uint8_t *m = av_stream_get_side_data(t->st, AV_PKT_DATA_DISPLAYMATRIX,
	    NULL);
	double turn = m != NULL ? av_display_rotation_get((const int32_t *)(const void *)m) : 0;

	if (turn > 1 || turn < -1)
		log_warn(0, "'%s' wants its pictures turned by %.0f degrees, which is lost",
		    name, -turn);
}

static bool
init_video(struct avtrack *t, AVFormatContext *fmt, const char *name)
{
	const AVCodecParameters *par = t->st->codecpar;
	AVRational rate = av_guess_frame_rate(fmt, t->st, NULL);

	if (rate.num > 0 && rate.den > 0 && rate.num / rate.den < 1000)
		t->info.rate = rational_reduce(rate.num, rate.den);
	warn_rotation(t, name);
	if (t->info.codec != CODEC_AVC && t->info.codec != CODEC_HEVC)
		return true;
	video_init(&t->video, t->info.codec);
	t->prefixed = par->extradata_size >= 7 && par->extradata[0] == 1;
	return !t->prefixed || video_config_parse(&t->video, par->extradata,
	    (size_t)par->extradata_size) == 0;
}

static bool
init_audio(struct avtrack *t)
{
	const AVCodecParameters *par = t->st->codecpar;
	size_t len = (size_t)par->extradata_size;
	int n;

	t->audio.rate = (uint32_t)par->sample_rate;
	t->audio.frame_samples = (uint32_t)par->frame_size;
	switch (t->info.codec) {
	case CODEC_AAC:
		/* Without a configuration it brings its own headers (ADTS). */
		return len == 0 ||
		    audio_parse_asc(par->extradata, len, &t->audio) == 0;
	case CODEC_OPUS:
		if (len > 0 && audio_parse_opus_head(par->extradata, len, &t->audio) < 0)
			return false;
		n = audio_opus_desc_put(&t->audio, t->info.desc, sizeof(t->info.desc));
		t->info.desc_len = n > 0 ? (size_t)n : 0;
		return n > 0;
	default:
		return true;
	}
}

static void
set_language(struct avtrack *t)
{
	const AVDictionaryEntry *e = av_dict_get(t->st->metadata, "language", NULL, 0);

	if (e != NULL && strlen(e->value) == 3 && strcmp(e->value, "und") != 0)
		memcpy(t->info.language, e->value, 4);
}

bool
avtrack_init(struct avtrack *t, AVFormatContext *fmt, AVStream *st, const char *name)
{
	bool good;

	*t = (struct avtrack){ .st = st, .last_dts = INT64_MIN };
	t->info.codec = codec_of_id(st->codecpar->codec_id);
	t->coarse = st->time_base.num == 1 && st->time_base.den == 1000;
	set_language(t);
	if (st->start_time != AV_NOPTS_VALUE)
		t->info.origin = rescale_near(st->start_time,
		    90000 * (int64_t)st->time_base.num, st->time_base.den);
	switch (codec_kind(t->info.codec)) {
	case KIND_VIDEO:
		good = init_video(t, fmt, name);
		break;
	case KIND_AUDIO:
		good = init_audio(t);
		break;
	default:
		good = false;
	}
	if (!good)
		avtrack_free(t);
	return good;
}

void
avtrack_free(struct avtrack *t)
{
	if (t->info.codec == CODEC_AVC || t->info.codec == CODEC_HEVC)
		video_free(&t->video);
	free(t->buf);
	*t = (struct avtrack){ 0 };
}

void
avtrack_restart(struct avtrack *t)
{
	t->grid.anchored = false;
	t->last_dts = INT64_MIN;
}

/* ---- times */

/* Times that were rounded to ms go back to where they came from. */
static void
straighten(struct avtrack *t, int64_t *pts, int64_t *dts)
{
	if (codec_kind(t->info.codec) == KIND_VIDEO)
		msgrid_picture(&t->grid, t->info.rate, pts, dts);
	else
		*dts = *pts = msgrid_samples(&t->grid, t->audio.rate,
		    t->audio.frame_samples, *pts);
}

static int64_t
pictures(const struct avtrack *t, int64_t n)
{
	return rescale_near(n, 90000 * t->info.rate.den, t->info.rate.num);
}

/*
 * Matroska has no decoding times, and libavformat none for the first pictures: they
 * are as many steps before the first picture's time as there are to be reordered.
 */
static int64_t
guess_dts(const struct avtrack *t, int64_t pts)
{
	int64_t dts = pts;

	if (codec_kind(t->info.codec) != KIND_VIDEO || t->info.rate.num <= 0)
		return pts;
	if (t->last_dts != INT64_MIN)
		dts = t->last_dts + pictures(t, 1);
	else
		dts = pts - pictures(t, t->st->codecpar->video_delay);
	return dts < pts ? dts : pts;
}

/*
 * Of RTP, which has times of showing only: one that is far from that before it, and from
 * what follows, is wrong.
 */
static int64_t
believed(struct avtrack *t, int64_t pts)
{
	bool far = t->last_dts != INT64_MIN && (pts < t->last_pts - TIMELINE_JUMP_FORWARD ||
	    pts > t->last_pts + TIMELINE_JUMP_FORWARD);

	t->restamped = far && stray_time(&t->stray, pts);
	if (t->restamped)
		pts = t->last_pts + (t->info.rate.num > 0 ? pictures(t, 1) : 1);
	else if (far)
		t->last_dts = INT64_MIN;	/* another clock */
	else
		t->stray.n = 0;
	t->last_pts = pts;
	return pts;
}

/* A picture is decoded when the least of those that may still be shown is. */
static int64_t
dts_by_order(struct avtrack *t, int64_t pts)
{
	int delay = t->st->codecpar->video_delay, i;
	int64_t dts;

	if (delay < 0 || delay > AVTRACK_REORDER_MAX)
		delay = 0;
	if (t->last_dts == INT64_MIN)
		for (i = 0; i < delay; i++)
			t->shown[i] = pts - (t->info.rate.num > 0 ?
			    pictures(t, delay - i) : delay - i);
	for (i = delay; i > 0 && t->shown[i - 1] > pts; i--)
		t->shown[i] = t->shown[i - 1];
	t->shown[i] = pts;
	dts = t->shown[0];
	memmove(t->shown, t->shown + 1, (size_t)delay * sizeof(*t->shown));
	return dts;
}

bool
avtrack_time(struct avtrack *t, AVPacket *pkt)
{
	AVRational tb = t->st->time_base;
	int64_t pts = pkt->pts, dts = pkt->dts;

	if (pts == AV_NOPTS_VALUE)
		pts = dts;
	if (pts == AV_NOPTS_VALUE)
		return false;
	pts = rescale_near(pts, 90000 * (int64_t)tb.num, tb.den);
	if (t->by_order)
		dts = dts_by_order(t, pts = believed(t, pts));
	else
		dts = dts != AV_NOPTS_VALUE ?
		    rescale_near(dts, 90000 * (int64_t)tb.num, tb.den) : guess_dts(t, pts);
	if (t->coarse)
		straighten(t, &pts, &dts);
	if (dts > pts)
		dts = pts;
	if (t->last_dts != INT64_MIN && dts <= t->last_dts &&
	    t->last_dts - dts < 90000)
		dts = t->last_dts + 1;
	t->last_dts = dts;
	pkt->pts = pts < dts ? dts : pts;
	pkt->dts = dts;
	return true;
}

/* ---- units */

static bool
room(struct avtrack *t, size_t size)
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

/* Parameter sets that a packet brings along, as FLV does when they change. */
static void
take_new_config(struct avtrack *t, const AVPacket *pkt)
{
	size_t len;
	const uint8_t *p = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &len);
	struct audio_info info = { 0 };

	if (p == NULL)
		return;
	if (t->prefixed && len >= 7 && p[0] == 1) {
		if (video_config_parse(&t->video, p, len) < 0)
			log_warn(0, "a new configuration of the video is damaged");
	} else if (t->info.codec == CODEC_AAC && audio_parse_asc(p, len, &info) == 0) {
		t->audio = info;
	}
}

static int
put_prefixed(struct avtrack *t, const AVPacket *pkt, struct source_event *ev)
{
	int64_t len = video_annexb_put(&t->video, pkt->data, (size_t)pkt->size,
	    ev->random_access, NULL, 0);

	if (len <= 0)
		return 0;
	if (!room(t, (size_t)len))
		return -ENOMEM;
	len = video_annexb_put(&t->video, pkt->data, (size_t)pkt->size,
	    ev->random_access, t->buf, t->size);
	ev->data = t->buf;
	ev->len = len > 0 ? (size_t)len : 0;
	return len > 0;
}

/*
 * A byte stream whose parameter sets came another way (SDP): how many bytes of them have
 * to go before this picture.
 */
static size_t
sets_beside(const struct avtrack *t, const AVPacket *pkt)
{
	const AVCodecParameters *par = t->st->codecpar;
	unsigned sps = t->info.codec == CODEC_AVC ? (unsigned)AVC_SPS : (unsigned)HEVC_SPS;
	struct nal_iter it = { pkt->data, pkt->data + pkt->size };
	struct nal nal;

	if (par->extradata_size < 8 || memcmp(par->extradata, "\0\0\0\1", 4) != 0)
		return 0;
	while (nal_next(&it, &nal))
		if (nal_type(t->info.codec, nal) == sps)
			return 0;
	return (size_t)par->extradata_size;
}

/* A byte stream: the delimiter may be missing, and parameter sets. */
static int
put_annexb(struct avtrack *t, const AVPacket *pkt, struct source_event *ev)
{
	static const uint8_t avc[] = { 0, 0, 0, 1, 9, 0xf0 };
	static const uint8_t hevc[] = { 0, 0, 0, 1, 70, 1, 0x50 };
	const uint8_t *aud = t->info.codec == CODEC_AVC ? avc : hevc;
	size_t n = t->info.codec == CODEC_AVC ? sizeof(avc) : sizeof(hevc), sets, own = 0;
	struct nal_iter it = { pkt->data, pkt->data + pkt->size };
	struct nal nal;

	if (!nal_next(&it, &nal))
		return 0;
	ev->data = pkt->data;
	ev->len = (size_t)pkt->size;
	sets = ev->random_access ? sets_beside(t, pkt) : 0;
	if (nal_type(t->info.codec, nal) ==
	    (t->info.codec == CODEC_AVC ? (unsigned)AVC_AUD : (unsigned)HEVC_AUD)) {
		if (sets == 0)
			return 1;
		aud = pkt->data;
		n = own = (size_t)(nal.data + nal.len - pkt->data);
	}
	if (!room(t, n + sets + (size_t)pkt->size - own))
		return -ENOMEM;
	memcpy(t->buf, aud, n);
	if (sets > 0)
		memcpy(t->buf + n, t->st->codecpar->extradata, sets);
	memcpy(t->buf + n + sets, pkt->data + own, (size_t)pkt->size - own);
	ev->data = t->buf;
	ev->len += n + sets - own;
	return 1;
}

static int
put_aac(struct avtrack *t, const AVPacket *pkt, struct source_event *ev)
{
	size_t len = (size_t)pkt->size;

	ev->data = pkt->data;
	ev->len = len;
	if (t->audio.config_len == 0)
		return 1;
	if (!room(t, len + ADTS_HEADER))
		return -ENOMEM;
	if (audio_adts_put(&t->audio, len, t->buf) < 0)
		return 0;
	memcpy(t->buf + ADTS_HEADER, pkt->data, len);
	ev->data = t->buf;
	ev->len = len + ADTS_HEADER;
	return 1;
}

static int
put_opus(struct avtrack *t, const AVPacket *pkt, struct source_event *ev)
{
	size_t len = (size_t)pkt->size, n, side;
	const uint8_t *skip = av_packet_get_side_data(pkt, AV_PKT_DATA_SKIP_SAMPLES,
	    &side);
	unsigned start = skip != NULL && side >= 8 ? AV_RL32(skip) : 0;
	unsigned end = skip != NULL && side >= 8 ? AV_RL32(skip + 4) : 0;

	if (!room(t, len + OPUS_HEADER_MAX(len)))
		return -ENOMEM;
	n = audio_opus_header_put(len, start, end, t->buf);
	memcpy(t->buf + n, pkt->data, len);
	ev->data = t->buf;
	ev->len = n + len;
	return 1;
}

int
avtrack_unit(struct avtrack *t, const AVPacket *pkt, struct source_event *ev)
{
	take_new_config(t, pkt);
	ev->pts = pkt->pts;
	ev->dts = pkt->dts;
	ev->random_access = (pkt->flags & AV_PKT_FLAG_KEY) != 0;
	ev->restamped = t->restamped;
	switch (t->info.codec) {
	case CODEC_AVC:
	case CODEC_HEVC:
		return t->prefixed ? put_prefixed(t, pkt, ev) : put_annexb(t, pkt, ev);
	case CODEC_AAC:
		return put_aac(t, pkt, ev);
	case CODEC_OPUS:
		return put_opus(t, pkt, ev);
	default:
		ev->data = pkt->data;
		ev->len = (size_t)pkt->size;
		return 1;
	}
}
