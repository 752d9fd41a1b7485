/* HEVC by libx265: ITU-T H.265. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <x265.h>

#include "encode/coder.h"
#include "lib/media/sei.h"

#define PENDING	512	/* pictures inside: more than any look-ahead */

#define T35		4	/* payloadType of user data, */
#define TIME_CODE	136	/* and of this */
#define ROOM		(2 * (CAPTIONS_SEI_MAX + TIMECODE_SEI + SEI_HEAD))

/*
 * Captions go into the stream here and not by x265's userSEI, which keeps a buffer
 * of the size of the first message in each picture it recycles, and overflows it.
 */
struct hevc {
	const x265_api *api;
	x265_param   *param;
	x265_encoder *enc;
	int	      depth, crf;
	bool	      timecode;
	int64_t	      first, given, coded;	/* pts; pictures in, units out */
	int	      reorder;
	struct coder_rate told;
	struct {
		size_t	len;
		uint8_t data[CAPTIONS_SEI_MAX];
		struct timecode timecode;
	} captions[PENDING];		/* by picture number */
	uint8_t	*out;			/* a unit with captions in it */
	size_t	 size;
};

/* What x265_param_parse() needs. */
struct target {
	const x265_api *api;
	x265_param *param;
};

static int
parse_param(void *p, const char *name, const char *value)
{
	struct target *t = p;

	return t->api->param_parse(t->param, name, value);
}

/*
 * vq=enhanced: medium, but with B pictures and a look-ahead as superfast has them: more of
 * either is worth nothing by SSIM, and what the encoder is told would take effect later
 * still (t/bench/vq.sh).
 */
static void
set_enhanced(x265_param *p)
{
	p->bframes = 3;
	p->bFrameAdaptive = 0;
	p->lookaheadDepth = 10;
}

/* A picture comes out before the next goes in. */
static void
set_low_latency(x265_param *p)
{
	p->bframes = 0;
	p->bFrameAdaptive = 0;
	p->lookaheadDepth = 0;
	p->rc.cuTree = 0;
	p->frameNumThreads = 1;
}

/* The VBV in units of 1000 bits, as the encoder counts. */
static void
set_rate(x265_param *p, const struct rung_spec *r, const struct coder_rate *rate)
{
	p->rc.vbvMaxBitrate = (int)(rate->most / 1000);
	p->rc.vbvBufferSize = (int)(rate->buffer / 1000);
	p->rc.rateControlMode = r->rc == RATE_QVBR ? X265_RC_CRF : X265_RC_ABR;
	if (r->rc == RATE_QVBR)
		p->rc.rfConstant = (double)rate->crf / 1000;
	else
		p->rc.bitrate = (int)(rate->mean / 1000);
	if (rate->buffer > 0)
		p->rc.vbvBufferInit = (double)rate->fill / (double)rate->buffer;
}

static const char *
set_options(const x265_api *api, x265_param *p, const struct rung_spec *r,
    const struct coder_rate *rate)
{
	struct target target = { api, p };
	bool enhanced = r->vq == VQ_ENHANCED;

	if (api->param_default_preset(p, r->preset[0] != '\0' ? r->preset :
	    enhanced ? "medium" : "superfast", r->tune[0] != '\0' ? r->tune : NULL) < 0)
		return r->tune[0] != '\0' ? "preset or tune" : "preset";
	if (enhanced)
		set_enhanced(p);
	if (r->level[0] != '\0' && (api->param_parse(p, "level-idc", r->level) != 0 ||
	    !level_known(CODEC_HEVC, p->levelIdc)))
		return "level";
	if (r->low)
		set_low_latency(p);
	set_rate(p, r, rate);
	/* Without SAO each encoder loses what it had for it: 0.2 MB at 1080p.  Limited, it
	 * takes half the time and does the same. */
	if (r->rc == RATE_QVBR) {
		p->bEnableSAO = 1;
		if (r->preset[0] == '\0' && !enhanced)
			p->bLimitSAO = 1;
	}
	p->logLevel = X265_LOG_NONE;
	if (!coder_params(r, parse_param, &target))
		return "x265";
	if (r->rc != RATE_ABR)
		set_rate(p, r, rate);
	/* What a ladder rests on is not for options to change. */
	p->keyframeMax = -1;
	p->keyframeMin = 1;
	p->scenecutThreshold = 0;
	p->bHistBasedSceneCut = 0;
	p->bOpenGOP = 0;
	p->bIntraRefresh = 0;
	p->bRepeatHeaders = 1;
	p->bAnnexB = 1;
	p->bEnableAccessUnitDelimiters = 1;
	p->bEmitHRDSEI = 0;
	p->bEmitInfoSEI = 0;
	return NULL;
}

static const char *
hevc_check(const struct rung_spec *r)
{
	const struct coder_rate rate = coder_rate_of(r);
	bool deep = strcmp(r->profile, "main10") == 0;
	const x265_api *api = x265_api_get(deep ? 10 : 8);
	x265_param *p;
	const char *wrong;

	if (r->profile[0] != '\0' && !deep && strcmp(r->profile, "main") != 0)
		return "profile";
	if (api == NULL || (p = api->param_alloc()) == NULL)
		return "profile";
	wrong = set_options(api, p, r, &rate);
	api->param_free(p);
	return wrong;
}

static void
hevc_close(struct coder *c)
{
	struct hevc *h = c->private;

	if (h->enc != NULL)
		h->api->encoder_close(h->enc);
	if (h->param != NULL)
		h->api->param_free(h->param);
	free(h->out);
	free(h);
}

/* Pictures that are coded before one that is shown earlier. */
static int
reorder_of(const x265_param *p)
{
	return p->bframes == 0 ? 0 : p->bBPyramid ? 2 : 1;
}

/* Where a level is too low x265 refuses the size, and lowers the rates unasked. */
static void
set_level(x265_param *p, const struct rung_spec *r, const struct coder_format *f)
{
	const struct coder_rate rate = coder_rate_of(r);
	int reorder = reorder_of(p);
	int dpb = reorder + 2 > p->maxNumReferences ? reorder + 2 : p->maxNumReferences;
	struct level_needs n = {
		.codec = CODEC_HEVC, .width = p->sourceWidth, .height = p->sourceHeight,
		.rate = { p->fpsNum, p->fpsDenom },
		.kbps = r->rc == RATE_QVBR ? rate.most / 1000 : p->rc.vbvMaxBitrate,
		.cpb_kbit = r->rc == RATE_QVBR ? (rate.buffer + 999) / 1000 :
		    p->rc.vbvBufferSize,
		.dpb = dpb + 1, .high_tier = p->bHighTier != 0,
	};

	if (level_known(CODEC_HEVC, p->levelIdc))
		p->levelIdc = coder_level(r, f, &n, p->levelIdc);
	else if (r->rc == RATE_QVBR)
		p->levelIdc = level_lowest(&n);
}

static int
open_encoder(struct hevc *h, const struct rung_spec *r,
    const struct coder_format *f, const struct coder_rate *rate)
{
	x265_param *p;
	char pools[16];

	h->depth = f->format == AV_PIX_FMT_YUV420P10 ? 10 : 8;
	h->api = x265_api_get(h->depth);
	if (h->api == NULL || (h->param = h->api->param_alloc()) == NULL)
		return -EINVAL;
	p = h->param;
	if (set_options(h->api, p, r, rate) != NULL)
		return -EINVAL;
	p->sourceWidth = f->width;
	p->sourceHeight = f->height;
	p->internalCsp = X265_CSP_I420;
	p->fpsNum = (uint32_t)f->rate.num;
	p->fpsDenom = (uint32_t)f->rate.den;
	p->vui.aspectRatioIdc = 1;
	p->vui.bEnableVideoSignalTypePresentFlag = 1;
	p->vui.bEnableVideoFullRangeFlag = 0;
	p->vui.bEnableColorDescriptionPresentFlag = f->primaries != 2 ||
	    f->transfer != 2 || f->matrix != 2;
	p->vui.colorPrimaries = f->primaries;
	p->vui.transferCharacteristics = f->transfer;
	p->vui.matrixCoeffs = f->matrix;
	if (f->mastering[0] != '\0')
		h->api->param_parse(p, "master-display", f->mastering);
	if (f->max_cll > 0) {
		p->maxCLL = (uint16_t)f->max_cll;
		p->maxFALL = (uint16_t)f->max_fall;
	}
	snprintf(pools, sizeof(pools), "%d", f->threads);
	if (strstr(r->params, "pools=") == NULL)
		h->api->param_parse(p, "pools", pools);
	/* That rows begin anew costs a percent of the bits, and is for threads only. */
	if (strstr(r->params, "wpp") == NULL && strstr(r->params, "pools=") == NULL &&
	    f->threads == 1)
		p->bEnableWavefront = 0;
	if (strstr(r->params, "frame-threads=") == NULL && (f->threads <= 2 || r->low))
		p->frameNumThreads = 1;
	if (r->profile[0] != '\0')
		h->api->param_apply_profile(p, r->profile);
	set_level(p, r, f);
	h->reorder = reorder_of(p);
	h->enc = h->api->encoder_open(p);
	return h->enc == NULL ? -EINVAL : 0;
}

static int
hevc_open(struct coder *c, const struct rung_spec *r,
    const struct coder_format *f, const struct coder_rate *rate)
{
	struct hevc *h = calloc(1, sizeof(*h));
	int err;

	if (h == NULL)
		return -ENOMEM;
	c->private = h;
	h->told = *rate;
	h->timecode = f->timecode;
	err = open_encoder(h, r, f, rate);
	if (err < 0)
		coder_close(c);
	return err;
}

/*
 * Takes effect with the next picture that comes in, when that is coded.  x265 loses its
 * strings each time, so it is told only what is new.
 */
static int
hevc_set(struct coder *c, const struct coder_rate *rate)
{
	struct hevc *h = c->private;
	x265_param *p = h->param;

	if (rate->crf == h->told.crf && rate->most == h->told.most &&
	    rate->buffer == h->told.buffer)
		return 0;
	h->told = *rate;
	p->rc.rfConstant = (double)rate->crf / 1000;
	p->rc.vbvMaxBitrate = (int)(rate->most / 1000);
	p->rc.vbvBufferSize = (int)(rate->buffer / 1000);
	return h->api->encoder_reconfig(h->enc, p) < 0 ? -EINVAL : 0;
}

static void
keep_messages(struct hevc *h, const struct coder_picture *p)
{
	size_t i = (size_t)(p->pts % PENDING);

	h->captions[i].len = p->captions_len;
	memcpy(h->captions[i].data, p->captions, p->captions_len);
	h->captions[i].timecode = p->timecode;
}

/* Before the first slice of the unit: what its picture has of captions and timecode. */
static int
add_messages(struct hevc *h, const x265_nal *nal, uint32_t n, struct coder_unit *u)
{
	size_t i = (size_t)(u->pts % PENDING), before = 0, len = 0;
	uint8_t message[TIMECODE_SEI];

	if (h->captions[i].len == 0 && !h->timecode)
		return 0;
	if (h->size < u->len + ROOM) {
		uint8_t *p = realloc(h->out, 2 * u->len + ROOM);

		if (p == NULL)
			return -ENOMEM;
		h->out = p;
		h->size = 2 * u->len + ROOM;
	}
	for (uint32_t j = 0; j < n && nal[j].type >= 32; j++)
		before += nal[j].sizeBytes;
	memcpy(h->out, u->data, before);
	if (h->timecode)
		len = sei_put(h->out + before, CODEC_HEVC, TIME_CODE, message,
		    timecode_time_code(&h->captions[i].timecode, message));
	if (h->captions[i].len > 0)
		len += sei_put(h->out + before + len, CODEC_HEVC, T35,
		    h->captions[i].data, h->captions[i].len);
	memcpy(h->out + before + len, u->data + before, u->len - before);
	u->data = h->out;
	u->len += len;
	return 0;
}

/*
 * x265 tells the CRF of P pictures; of I pictures it tells that of their own scale, and
 * B pictures follow the P pictures.
 */
static int
crf_of(struct hevc *h, const x265_picture *out)
{
	int crf = (int)(out->frameData.rateFactor * 1000 + 0.5);

	if (IS_X265_TYPE_I(out->sliceType))
		h->crf = crf + (int)(6000 * log2(h->param->rc.ipFactor) + 0.5);
	else if (out->sliceType == X265_TYPE_P)
		h->crf = crf;
	return h->crf;
}

static int
hevc_encode(struct coder *c, const struct coder_picture *p,
    struct coder_unit *u)
{
	struct hevc *h = c->private;
	x265_picture in, out;
	x265_nal *nal;
	uint32_t n;
	int r;

	if (p != NULL) {
		h->api->picture_init(h->param, &in);
		in.pts = p->pts;
		in.sliceType = p->idr ? X265_TYPE_IDR : X265_TYPE_AUTO;
		in.userData = p->opaque;
		keep_messages(h, p);
		if (h->given++ == 0)
			h->first = p->pts;
		in.bitDepth = h->depth;
		for (int i = 0; i < 3; i++) {
			in.planes[i] = p->frame->data[i];
			in.stride[i] = p->frame->linesize[i];
		}
	}
	memset(&out, 0, sizeof(out));
	r = h->api->encoder_encode(h->enc, &nal, &n, p != NULL ? &in : NULL, &out);
	if (r < 0)
		return -EIO;
	if (r == 0 || n == 0)
		return 0;
	*u = (struct coder_unit){
		.data = nal[0].payload, .pts = out.pts, .dts = out.dts,
		.idr = out.sliceType == X265_TYPE_IDR, .opaque = out.userData,
		.qp = (int)(out.frameData.qp * 1000 + 0.5),
		.crf = crf_of(h, &out),
		.ssim = -1,	/* x265 measures it only where it prints it */
	};
	/* Of fewer pictures than it reorders x265 does not know the times. */
	if (h->given <= h->reorder)
		u->dts = h->first + h->coded - h->reorder;
	h->coded++;
	for (uint32_t i = 0; i < n; i++)
		u->len += nal[i].sizeBytes;
	return add_messages(h, nal, n, u) < 0 ? -ENOMEM : 1;
}

const struct coder_ops coder_hevc = {
	hevc_check, hevc_open, hevc_set, hevc_encode, hevc_close,
};
