#include <string.h>

#include "encode/pushmeta.h"
#include "lib/base/log.h"
#include "lib/media/flv.h"
#include "lib/net/amf.h"

#define ROOM	1024
#define AAC_ID	10
#define AVC_ID	7
#define PQ	16		/* transfer_characteristics */
#define HLG	18

static void
number(struct amf_out *o, const char *key, double value)
{
	amf_put_key(o, key);
	amf_put_number(o, value);
}

static void
put_video(struct amf_out *o, const struct video_format *v, uint32_t rate)
{
	number(o, "width", v->width);
	number(o, "height", v->height);
	number(o, "videocodecid", v->codec == CODEC_HEVC ? (double)FLV_HEVC : AVC_ID);
	if (v->frame_rate.num > 0 && v->frame_rate.den > 0)
		number(o, "framerate", (double)v->frame_rate.num / (double)v->frame_rate.den);
	if (rate > 0)
		number(o, "videodatarate", (double)rate / 1000);
}

static void
put_audio(struct amf_out *o, const struct audio_info *a, uint32_t rate)
{
	number(o, "audiocodecid", AAC_ID);
	number(o, "audiosamplerate", a->rate);
	number(o, "audiosamplesize", 16);
	number(o, "audiochannels", a->channels);
	amf_put_key(o, "stereo");
	amf_put_boolean(o, a->channels > 1);
	if (rate > 0)
		number(o, "audiodatarate", (double)rate / 1000);
}

struct pushbody *
pushmeta_new(const struct video_format *video, uint32_t video_rate,
    const struct audio_info *audio, uint32_t audio_rate)
{
	uint8_t room[ROOM];
	struct amf_out o = { .p = room, .size = sizeof(room) };
	struct pushbody *b;

	amf_put_string(&o, "@setDataFrame");
	amf_put_string(&o, "onMetaData");
	amf_put_ecma(&o, 0);
	number(&o, "duration", 0);
	if (video != NULL)
		put_video(&o, video, video_rate);
	if (audio != NULL)
		put_audio(&o, audio, audio_rate);
	amf_put_key(&o, "encoder");
	amf_put_string(&o, log_prog());
	amf_put_end(&o);
	b = o.full ? NULL : pushbody_new(o.len);
	if (b != NULL)
		memcpy(b->data, room, o.len);
	return b;
}

bool
pushmeta_is_hdr(const struct video_format *v)
{
	return v->transfer_characteristics == PQ || v->transfer_characteristics == HLG;
}

static void
put_display(struct amf_out *o, const struct hdr *h)
{
	static const struct { const char *x, *y; unsigned i; } in[] = {
		{ "redX", "redY", HDR_RED }, { "greenX", "greenY", HDR_GREEN },
		{ "blueX", "blueY", HDR_BLUE }, { "whitePointX", "whitePointY", HDR_WHITE },
	};

	amf_put_key(o, "hdrMdcv");
	amf_put_object(o);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		number(o, in[i].x, h->xy[in[i].i][0] / 50000.0);
		number(o, in[i].y, h->xy[in[i].i][1] / 50000.0);
	}
	number(o, "maxLuminance", h->max_luminance / 10000.0);
	number(o, "minLuminance", h->min_luminance / 10000.0);
	amf_put_end(o);
}

static void
put_light(struct amf_out *o, const struct hdr *h)
{
	amf_put_key(o, "hdrCll");
	amf_put_object(o);
	number(o, "maxFall", h->max_fall);
	number(o, "maxCLL", h->max_cll);
	amf_put_end(o);
}

struct pushbody *
pushmeta_colour(const struct video_format *v, const struct hdr *h)
{
	uint8_t room[ROOM];
	struct amf_out o = { .p = room, .size = sizeof(room) };
	struct pushbody *b;

	o.len = flv_put_video(room, FLV_HEVC, FLV_COLOUR, false, 0);
	amf_put_string(&o, "colorInfo");
	amf_put_object(&o);
	amf_put_key(&o, "colorConfig");
	amf_put_object(&o);
	number(&o, "bitDepth", v->bit_depth);
	number(&o, "colorPrimaries", v->colour_primaries);
	number(&o, "transferCharacteristics", v->transfer_characteristics);
	number(&o, "matrixCoefficients", v->matrix_coefficients);
	amf_put_end(&o);
	if (h->has_light)
		put_light(&o, h);
	if (h->has_mastering)
		put_display(&o, h);
	amf_put_end(&o);
	b = o.full ? NULL : pushbody_new(o.len);
	if (b != NULL)
		memcpy(b->data, room, o.len);
	return b;
}
