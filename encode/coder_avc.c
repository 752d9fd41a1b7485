/* AVC by libx264: ITU-T H.264. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <x264.h>

#include "encode/coder.h"
#include "lib/media/nal.h"
#include "lib/media/sei.h"

#define PENDING	512	/* pictures inside: more than any look-ahead */
#define PIC_TIMING	1	/* payloadType */

struct avc {
	x264_t	*enc;
	bool	 qvbr, ssim, timecode;
	struct timecode labels[PENDING];	/* by picture number */
	uint8_t	*out;			/* a unit with its label in it */
	size_t	 size;
};

/*
 * Without a preset: superfast with what buys back veryfast's quality for least:
 * macroblock tree, whose look-ahead costs memory and delay more than time, adaptive
 * quantisation by variance, narrow dead zones, which superfast's lack of trellis
 * asks for, a slightly stronger deblocking filter, and two B pictures at fixed
 * places.  Small pictures can pay the second step of motion search; large ones do
 * without 4x4 blocks, which they hardly choose.  Against veryfast at the rates of a
 * three-rung ladder: half of the instructions at 1080p, 51 % at 720p and 78 % at
 * 360p; on 15 clips of every kind SSIM is on average within 0.001 of its.
 */
static void
set_recipe(x264_param_t *p, const struct rung_spec *r, int64_t pixels)
{
	bool large = pixels > 1280 * 720, small = pixels <= 640 * 480;

	p->rc.i_aq_mode = X264_AQ_AUTOVARIANCE;
	p->analyse.i_luma_deadzone[0] = 10;
	p->analyse.i_luma_deadzone[1] = 6;
	p->analyse.i_subpel_refine = small ? 2 : 1;
	if (r->tune[0] == '\0')
		p->i_deblocking_filter_alphac0 = 1;
	if (!small)
		p->analyse.intra = p->analyse.inter = X264_ANALYSE_I8x8;
	if (r->low || strstr(r->tune, "zerolatency") != NULL)
		return;
	p->rc.b_mb_tree = 1;
	p->rc.i_lookahead = large ? 10 : 13;
	p->i_bframe = strcmp(r->profile, "baseline") == 0 ? 0 : 2;
	p->i_bframe_adaptive = X264_B_ADAPT_NONE;
	p->i_bframe_pyramid = X264_B_PYRAMID_NONE;
	p->analyse.i_direct_mv_pred = X264_DIRECT_PRED_SPATIAL;
}

/*
 * vq=enhanced, on top of that: a wider and finer motion search, and smaller blocks; small
 * pictures can pay two references and still finer search.  By SSIM on clips of every kind
 * what else the next presets have made it worse, trellis and adaptive B pictures first of
 * all; 30 pictures of look-ahead in place of 13 are worth 0.6 % (t/bench/vq.sh).
 */
static void
set_enhanced(x264_param_t *p, int64_t pixels)
{
	bool small = pixels <= 640 * 480;

	p->analyse.i_me_method = X264_ME_HEX;
	p->analyse.i_subpel_refine = small ? 4 : 2;
	p->i_frame_reference = small ? 2 : 1;
	p->analyse.inter |= X264_ANALYSE_PSUB16x16 | X264_ANALYSE_BSUB16x16;
}

/* A picture comes out before the next goes in. */
static void
set_low_latency(x264_param_t *p)
{
	p->rc.i_lookahead = 0;
	p->rc.b_mb_tree = 0;
	p->i_sync_lookahead = 0;
	p->i_bframe = 0;
	p->b_sliced_threads = 1;
}

static bool
set_preset(x264_param_t *p, const struct rung_spec *r, int64_t pixels)
{
	bool economy = r->preset[0] == '\0';

	if (x264_param_default_preset(p, economy ? "superfast" : r->preset,
	    r->tune[0] != '\0' ? r->tune : NULL) < 0)
		return false;
	if (economy)
		set_recipe(p, r, pixels);
	if (r->vq == VQ_ENHANCED)
		set_enhanced(p, pixels);
	if (r->low)
		set_low_latency(p);
	return true;
}

static int
parse_param(void *p, const char *name, const char *value)
{
	return x264_param_parse(p, name, value);
}

static void
say_nothing(void *arg, int level, const char *format, va_list ap)
{
	(void)arg;
	(void)level;
	(void)format;
	(void)ap;
}

/* Without a log of that level it would not measure. */
static void
set_ssim(x264_param_t *p)
{
	p->analyse.b_ssim = 1;
	p->i_log_level = X264_LOG_INFO;
	p->pf_log = say_nothing;
}

/* The VBV in units of 1000 bits, as the encoder counts. */
static void
set_rate(x264_param_t *p, const struct rung_spec *r, const struct coder_rate *rate)
{
	p->rc.i_vbv_max_bitrate = (int)(rate->most / 1000);
	p->rc.i_vbv_buffer_size = (int)(rate->buffer / 1000);
	p->rc.i_rc_method = r->rc == RATE_QVBR ? X264_RC_CRF : X264_RC_ABR;
	if (r->rc == RATE_QVBR)
		p->rc.f_rf_constant = (float)rate->crf / 1000;
	else
		p->rc.i_bitrate = (int)(rate->mean / 1000);
	if (rate->buffer > 0)
		p->rc.f_vbv_buffer_init = (float)rate->fill / (float)rate->buffer;
}

static const char *
set_options(x264_param_t *p, const struct rung_spec *r, const struct coder_rate *rate,
    int64_t pixels)
{
	if (!set_preset(p, r, pixels))
		return r->tune[0] != '\0' ? "preset or tune" : "preset";
	/* Its number for 1b is 9. */
	if (r->level[0] != '\0' && (strcmp(r->level, "9") == 0 ||
	    x264_param_parse(p, "level", r->level) < 0 ||
	    !level_known(CODEC_AVC, p->i_level_idc)))
		return "level";
	set_rate(p, r, rate);
	if (!coder_params(r, parse_param, p))
		return "x264";
	if (r->rc != RATE_ABR)
		set_rate(p, r, rate);
	/* What a ladder rests on is not for options to change. */
	p->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	p->i_scenecut_threshold = 0;
	p->b_open_gop = 0;
	p->b_intra_refresh = 0;
	p->b_vfr_input = 0;
	p->b_repeat_headers = 1;
	p->b_stitchable = 1;		/* the same parameter sets in all segments */
	p->b_annexb = 1;
	p->b_aud = 1;
	p->i_nal_hrd = X264_NAL_HRD_NONE;
	p->b_interlaced = 0;
	p->i_log_level = X264_LOG_NONE;
	if (rate->ssim)
		set_ssim(p);
	return NULL;
}

static const char *
avc_check(const struct rung_spec *r)
{
	x264_param_t p;
	struct coder_rate rate = coder_rate_of(r);
	const char *wrong = set_options(&p, r, &rate, 0);

	if (wrong == NULL && r->profile[0] != '\0') {
		if (strcmp(r->profile, "high10") == 0)
			p.i_bitdepth = 10;
		if (strcmp(r->profile, "high422") == 0 ||
		    strcmp(r->profile, "high444") == 0 ||
		    x264_param_apply_profile(&p, r->profile) < 0)
			wrong = "profile";
	}
	x264_param_cleanup(&p);
	return wrong;
}

/* By what the rung may have, which is more than the encoder is told in QVBR. */
static void
set_level(x264_param_t *p, const struct rung_spec *r, const struct coder_format *f)
{
	const struct coder_rate rate = coder_rate_of(r);
	int b = p->i_bframe == 0 ? 1 : p->i_bframe_pyramid ? 4 : 2;
	struct level_needs n = {
		.codec = CODEC_AVC, .width = p->i_width, .height = p->i_height,
		.rate = { p->i_fps_num, p->i_fps_den },
		.kbps = r->rc == RATE_QVBR ? rate.most / 1000 : p->rc.i_vbv_max_bitrate,
		.cpb_kbit = r->rc == RATE_QVBR ? (rate.buffer + 999) / 1000 :
		    p->rc.i_vbv_buffer_size,
		.dpb = p->i_frame_reference > b ? p->i_frame_reference : b,
		.quarters = p->i_bitdepth > 8 ? 12 : p->analyse.b_transform_8x8 ? 5 : 4,
	};
	int level;

	if (level_known(CODEC_AVC, p->i_level_idc))
		level = coder_level(r, f, &n, p->i_level_idc);
	else if (r->rc == RATE_QVBR)
		level = level_lowest(&n);
	else
		return;			/* x264 chooses, or refuses */
	p->i_level_idc = level > 0 ? level : -1;
}

static int
avc_open(struct coder *c, const struct rung_spec *r,
    const struct coder_format *f, const struct coder_rate *rate)
{
	struct avc *a;
	x264_param_t p;

	if (set_options(&p, r, rate, (int64_t)f->width * f->height) != NULL)
		return -EINVAL;
	p.i_width = f->width;
	p.i_height = f->height;
	p.i_csp = X264_CSP_I420;
	p.i_bitdepth = 8;
	if (f->format == AV_PIX_FMT_YUV420P10) {
		p.i_csp |= X264_CSP_HIGH_DEPTH;
		p.i_bitdepth = 10;
	}
	p.i_fps_num = (uint32_t)f->rate.num;
	p.i_fps_den = (uint32_t)f->rate.den;
	p.b_pic_struct = f->timecode;
	p.i_timebase_num = p.i_fps_den;
	p.i_timebase_den = p.i_fps_num;
	p.vui.i_sar_width = p.vui.i_sar_height = 1;
	p.vui.i_colorprim = f->primaries;
	p.vui.i_transfer = f->transfer;
	p.vui.i_colmatrix = f->matrix;
	if (p.i_threads == X264_THREADS_AUTO)
		p.i_threads = f->threads;
	if (r->profile[0] != '\0')
		x264_param_apply_profile(&p, r->profile);
	set_level(&p, r, f);
	a = malloc(sizeof(*a));
	if (a != NULL)
		*a = (struct avc){
			.enc = x264_encoder_open(&p), .qvbr = r->rc == RATE_QVBR,
			.ssim = p.analyse.b_ssim, .timecode = f->timecode,
		};
	x264_param_cleanup(&p);
	if (a == NULL || a->enc == NULL) {
		free(a);
		return a == NULL ? -ENOMEM : -EINVAL;
	}
	c->private = a;
	return 0;
}

static int
avc_set(struct coder *c, const struct coder_rate *rate)
{
	struct avc *a = c->private;
	x264_param_t p;

	x264_encoder_parameters(a->enc, &p);
	p.rc.f_rf_constant = (float)rate->crf / 1000;
	p.rc.i_vbv_max_bitrate = (int)(rate->most / 1000);
	p.rc.i_vbv_buffer_size = (int)(rate->buffer / 1000);
	return x264_encoder_reconfig(a->enc, &p) < 0 ? -EINVAL : 0;
}

/* user_data_unregistered */
static bool
is_version(const x264_nal_t *nal)
{
	return nal->i_type == NAL_SEI && nal->i_payload > 5 &&
	    nal->p_payload[nal->b_long_startcode ? 5 : 4] == 5;
}

/*
 * The message of x264 about itself, at the beginning of each encoder: where there is
 * one a segment it is a few percent of a small rung.  What is before it moves up.
 */
static void
leave_out_version(const x264_nal_t *nal, int n, struct coder_unit *u)
{
	size_t before = 0, len;
	int i = 0;

	for (; i < n && !is_version(&nal[i]); i++)
		before += (size_t)nal[i].i_payload;
	if (i == n)
		return;
	len = (size_t)nal[i].i_payload;
	memmove(nal[0].p_payload + len, nal[0].p_payload, before);
	u->data = nal[0].p_payload + len;
	u->len -= len;
}

/* x264 keeps the message until the picture is coded, and then frees it. */
static int
add_captions(x264_picture_t *pic, const uint8_t *captions, size_t len)
{
	x264_sei_payload_t *payload = malloc(sizeof(*payload));

	if (payload == NULL)
		return -ENOMEM;
	*payload = (x264_sei_payload_t){
		.payload_size = (int)len, .payload_type = 4,
		.payload = malloc(len),
	};
	if (payload->payload == NULL) {
		free(payload);
		return -ENOMEM;
	}
	memcpy(payload->payload, captions, len);
	pic->extra_sei.num_payloads = 1;
	pic->extra_sei.payloads = payload;
	pic->extra_sei.sei_free = free;
	return 0;
}

/* The message that x264 wrote without a label gives way to one with it. */
static int
put_label(struct avc *a, struct coder_unit *u)
{
	struct nal_iter it = { u->data, u->data + u->len };
	uint8_t message[TIMECODE_SEI];
	size_t before, len;
	struct nal nal;

	do
		if (!nal_next(&it, &nal))
			return 0;
	while (nal.len < 2 || nal_type(CODEC_AVC, nal) != AVC_SEI || nal.data[1] != PIC_TIMING);
	if (a->size < u->len + 2 * (TIMECODE_SEI + SEI_HEAD)) {
		uint8_t *p = realloc(a->out, 2 * u->len + 2 * (TIMECODE_SEI + SEI_HEAD));

		if (p == NULL)
			return -ENOMEM;
		a->out = p;
		a->size = 2 * u->len + 2 * (TIMECODE_SEI + SEI_HEAD);
	}
	before = (size_t)(nal.data - u->data) - 3;	/* with its start code */
	before -= before > 0 && u->data[before - 1] == 0;
	len = before;
	memcpy(a->out, u->data, len);
	len += sei_put(a->out + len, CODEC_AVC, PIC_TIMING, message,
	    timecode_pic_timing(&a->labels[u->pts % PENDING], message));
	before = (size_t)(nal.data - u->data) + nal.len;
	memcpy(a->out + len, u->data + before, u->len - before);
	u->len = len + u->len - before;
	u->data = a->out;
	return 0;
}

static int
avc_encode(struct coder *c, const struct coder_picture *p,
    struct coder_unit *u)
{
	struct avc *a = c->private;
	x264_picture_t in, out;
	x264_nal_t *nal;
	int n, len;

	if (p == NULL) {
		if (x264_encoder_delayed_frames(a->enc) == 0)
			return 0;
	} else {
		x264_picture_init(&in);
		in.i_pts = p->pts;
		a->labels[p->pts % PENDING] = p->timecode;
		in.i_type = p->idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
		in.opaque = p->opaque;
		in.img.i_csp = p->frame->format == AV_PIX_FMT_YUV420P10 ?
		    X264_CSP_I420 | X264_CSP_HIGH_DEPTH : X264_CSP_I420;
		in.img.i_plane = 3;
		for (int i = 0; i < 3; i++) {
			in.img.plane[i] = p->frame->data[i];
			in.img.i_stride[i] = p->frame->linesize[i];
		}
		if (p->captions_len > 0 &&
		    add_captions(&in, p->captions, p->captions_len) < 0)
			return -ENOMEM;
	}
	len = x264_encoder_encode(a->enc, &nal, &n, p != NULL ? &in : NULL, &out);
	if (len < 0)
		return -EIO;
	if (len == 0)
		return p == NULL ? avc_encode(c, NULL, u) : 0;
	*u = (struct coder_unit){
		.data = nal[0].p_payload, .len = (size_t)len,
		.pts = out.i_pts, .dts = out.i_dts,
		.idr = out.i_type == X264_TYPE_IDR, .opaque = out.opaque,
		.qp = (out.i_qpplus1 - 1) * 1000,
		.crf = (int)(out.prop.f_crf_avg * 1000 + 0.5),
		.ssim = a->ssim ? (int)(out.prop.f_ssim * 1000000) : -1,
	};
	if (u->idr && a->qvbr)
		leave_out_version(nal, n, u);
	return a->timecode && put_label(a, u) < 0 ? -ENOMEM : 1;
}

static void
avc_close(struct coder *c)
{
	struct avc *a = c->private;

	x264_encoder_close(a->enc);
	free(a->out);
	free(a);
}

const struct coder_ops coder_avc = {
	avc_check, avc_open, avc_set, avc_encode, avc_close,
};
