#include <stdlib.h>
#include <string.h>

#include <libavutil/mastering_display_metadata.h>

#include "encode/recolor.h"
#include "encode/size.h"

#define PEAK_EVERY	(10 * 90000)	/* that it is looked at: a table takes its time */

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
	if (f->colorspace == AVCOL_SPC_RGB)
		f->colorspace = scaler_rgb_matrix(f);
	if (c == COLOR_UNSAID)
		return;
	if (force || f->color_primaries == AVCOL_PRI_UNSPECIFIED)
		f->color_primaries = colors[c].primaries;
	if (force || f->color_trc == AVCOL_TRC_UNSPECIFIED)
		f->color_trc = colors[c].transfer;
	if (force || f->colorspace == AVCOL_SPC_UNSPECIFIED)
		f->colorspace = colors[c].matrix;
}

enum light
color_light(const AVFrame *f)
{
	return f->color_trc == AVCOL_TRC_SMPTE2084 ? LIGHT_PQ :
	    f->color_trc == AVCOL_TRC_ARIB_STD_B67 ? LIGHT_HLG : LIGHT_SDR;
}

/* Below SDR's white there is no peak, nor above what PQ can say. */
static bool
likely(double nits)
{
	return nits >= 203 && nits <= 10000;
}

/* The brightest there is, as far as this picture says it; else 0. */
static double
peak_of(const AVFrame *f)
{
	const AVFrameSideData *d;

	d = av_frame_get_side_data(f, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
	if (d != NULL) {
		const AVContentLightMetadata *c = (const void *)d->data;

		if (likely(c->MaxCLL))
			return c->MaxCLL;
	}
	d = av_frame_get_side_data(f, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
	if (d != NULL) {
		const AVMasteringDisplayMetadata *m = (const void *)d->data;

		if (m->has_luminance && m->max_luminance.den > 0 &&
		    likely(av_q2d(m->max_luminance)))
			return av_q2d(m->max_luminance);
	}
	return 0;
}

void
recolor_init(struct recolor *s, int width, int height, enum AVPixelFormat format,
    enum light to)
{
	*s = (struct recolor){ .to = to };
	scaler_init(&s->to_size, width, height, AV_PIX_FMT_YUV420P10);
	scaler_init(&s->room, width, height, format);
}

static bool
is_601(const AVFrame *f)
{
	return f->colorspace == AVCOL_SPC_SMPTE170M || f->colorspace == AVCOL_SPC_BT470BG ||
	    (f->colorspace == AVCOL_SPC_UNSPECIFIED && !size_means_709(f->width, f->height));
}

/* The table for pictures like this one. */
static bool
have_table(struct recolor *s, const AVFrame *in)
{
	struct tonemap_spec want = {
		.from = color_light(in), .to = s->to, .peak = peak_of(in),
		.depth = s->room.format == AV_PIX_FMT_YUV420P10 ? 10 : 8,
	}, *have = s->table != NULL ? &s->table->spec : NULL;

	want.bt601 = want.from == LIGHT_SDR && is_601(in);
	if (have != NULL && have->from == want.from && have->bt601 == want.bt601 &&
	    (want.from != LIGHT_PQ || want.peak == 0 || have->peak == want.peak ||
	    (in->pts >= s->made && in->pts - s->made < PEAK_EVERY)))
		return true;
	if (want.peak == 0)
		want.peak = TONEMAP_PEAK;
	if (s->table == NULL && (s->table = malloc(sizeof(*s->table))) == NULL)
		return false;
	tonemap_init(s->table, &want);
	s->made = in->pts;
	return true;
}

AVFrame *
recolor_frame(struct recolor *s, const AVFrame *in)
{
	static const enum color light_color[] = {
		[LIGHT_SDR] = COLOR_709, [LIGHT_PQ] = COLOR_HDR10, [LIGHT_HLG] = COLOR_HLG,
	};
	AVFrame *mid, *f;

	if (!have_table(s, in) || (mid = scaler_frame(&s->to_size, in)) == NULL)
		return NULL;
	f = scaler_new_frame(&s->room);
	if (f != NULL && !tonemap_picture(s->table, mid, f))
		av_frame_free(&f);
	if (f != NULL) {
		f->pts = in->pts;
		f->color_range = AVCOL_RANGE_MPEG;
		color_take(f, light_color[s->to], true);
	}
	av_frame_free(&mid);
	return f;
}

void
recolor_free(struct recolor *s)
{
	scaler_free(&s->to_size);
	scaler_free(&s->room);
	free(s->table);
	s->table = NULL;
}
