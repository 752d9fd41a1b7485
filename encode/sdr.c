#include <stdlib.h>
#include <string.h>

#include <libavutil/mastering_display_metadata.h>

#include "encode/sdr.h"

static const struct {
	const char *name;
	enum AVColorPrimaries primaries;
	enum AVColorTransferCharacteristic transfer;
	enum AVColorSpace matrix;
} colors[] = {
	[COLOR_601] = { "601", AVCOL_PRI_SMPTE170M, AVCOL_TRC_SMPTE170M, AVCOL_SPC_SMPTE170M },
	[COLOR_709] = { "709", AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709 },
	[COLOR_HDR10] = { "hdr10", AVCOL_PRI_BT2020, AVCOL_TRC_SMPTE2084, AVCOL_SPC_BT2020_NCL },
	[COLOR_HLG] = { "hlg", AVCOL_PRI_BT2020, AVCOL_TRC_ARIB_STD_B67, AVCOL_SPC_BT2020_NCL },
};

bool
color_parse(const char *name, enum color *c)
{
	for (*c = COLOR_601; *c <= COLOR_HLG; *c += 1)
		if (strcmp(name, colors[*c].name) == 0)
			return true;
	return false;
}

void
color_take(AVFrame *f, enum color c, bool force)
{
	if (c == COLOR_UNSAID)
		return;
	if (force || f->color_primaries == AVCOL_PRI_UNSPECIFIED)
		f->color_primaries = colors[c].primaries;
	if (force || f->color_trc == AVCOL_TRC_UNSPECIFIED)
		f->color_trc = colors[c].transfer;
	if (force || f->colorspace == AVCOL_SPC_UNSPECIFIED)
		f->colorspace = colors[c].matrix;
}

bool
color_is_hdr(const AVFrame *f)
{
	return f->color_trc == AVCOL_TRC_SMPTE2084 || f->color_trc == AVCOL_TRC_ARIB_STD_B67;
}

/* The brightest there is, as far as this picture says it; else 0. */
static double
peak_of(const AVFrame *f)
{
	const AVFrameSideData *d;

	d = av_frame_get_side_data(f, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
	if (d != NULL && ((const AVContentLightMetadata *)(const void *)d->data)->MaxCLL > 0)
		return ((const AVContentLightMetadata *)(const void *)d->data)->MaxCLL;
	d = av_frame_get_side_data(f, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
	if (d != NULL) {
		const AVMasteringDisplayMetadata *m = (const void *)d->data;

		if (m->has_luminance && m->max_luminance.num > 0 && m->max_luminance.den > 0)
			return av_q2d(m->max_luminance);
	}
	return 0;
}

void
sdr_init(struct sdr *s, int width, int height, enum AVPixelFormat format)
{
	*s = (struct sdr){ .table = NULL };
	scaler_init(&s->to_size, width, height, AV_PIX_FMT_YUV420P10);
	scaler_init(&s->room, width, height, format);
}

/* The table for pictures like this one. */
static bool
have_table(struct sdr *s, const AVFrame *in)
{
	struct tonemap_spec want = {
		.hlg = in->color_trc == AVCOL_TRC_ARIB_STD_B67, .peak = peak_of(in),
		.depth = s->room.format == AV_PIX_FMT_YUV420P10 ? 10 : 8,
	};

	if (s->table != NULL && s->table->spec.hlg == want.hlg &&
	    (want.hlg || want.peak == 0 || s->table->spec.peak == want.peak))
		return true;
	if (want.peak == 0)
		want.peak = TONEMAP_PEAK;
	if (s->table == NULL && (s->table = malloc(sizeof(*s->table))) == NULL)
		return false;
	tonemap_init(s->table, &want);
	return true;
}

AVFrame *
sdr_frame(struct sdr *s, const AVFrame *in)
{
	AVFrame *mid, *f;

	if (!have_table(s, in) || (mid = scaler_frame(&s->to_size, in)) == NULL)
		return NULL;
	f = scaler_new_frame(&s->room);
	if (f != NULL && !tonemap_picture(s->table, mid, f))
		av_frame_free(&f);
	if (f != NULL) {
		f->pts = in->pts;
		f->color_range = AVCOL_RANGE_MPEG;
		color_take(f, COLOR_709, true);
	}
	av_frame_free(&mid);
	return f;
}

void
sdr_free(struct sdr *s)
{
	scaler_free(&s->to_size);
	scaler_free(&s->room);
	free(s->table);
	s->table = NULL;
}
