#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "encode/scale.h"
#include "encode/size.h"

#define ALIGN	64

void
scaler_init(struct scaler *s, int width, int height, enum AVPixelFormat format)
{
	*s = (struct scaler){ .width = width, .height = height, .format = format };
}

static bool
full_range(const AVFrame *f)
{
	switch (f->format) {
	case AV_PIX_FMT_YUVJ420P:
	case AV_PIX_FMT_YUVJ422P:
	case AV_PIX_FMT_YUVJ444P:
	case AV_PIX_FMT_YUVJ440P:
	case AV_PIX_FMT_YUVJ411P:
		return true;
	default:
		return f->color_range == AVCOL_RANGE_JPEG;
	}
}

static bool
unchanged(const struct scaler *s, const AVFrame *f)
{
	return s->in_w == f->width && s->in_h == f->height &&
	    s->in_format == f->format && s->in_range == (int)f->color_range &&
	    s->in_matrix == (int)f->colorspace &&
	    s->in_sar.num == f->sample_aspect_ratio.num &&
	    s->in_sar.den == f->sample_aspect_ratio.den;
}

/* The largest even rectangle of the input's aspect; nearly all of it is all. */
static void
place(struct scaler *s, const AVFrame *f)
{
	AVRational sar = f->sample_aspect_ratio;
	int64_t num, den;

	if (sar.num <= 0 || sar.den <= 0)
		sar = (AVRational){ 1, 1 };
	num = (int64_t)f->width * sar.num;
	den = (int64_t)f->height * sar.den;
	s->w = s->width;
	s->h = s->height;
	if (s->width * den > s->height * num)
		s->w = (int)((s->height * num / den + 1) / 2 * 2);
	else
		s->h = (int)((s->width * den / num + 1) / 2 * 2);
	if (s->w < 2 || s->width - s->w <= 4)
		s->w = s->width;
	if (s->h < 2 || s->height - s->h <= 4)
		s->h = s->height;
	s->x = (s->width - s->w) / 4 * 2;
	s->y = (s->height - s->h) / 4 * 2;
}

/* Where the chroma samples of 4:2:0 lie: MPEG's place, between two lines. */
static void
set_chroma(struct SwsContext *c, const char *name, enum AVPixelFormat format)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);

	if (d != NULL && d->log2_chroma_h == 1)
		av_opt_set_int(c, name, 128, 0);
}

enum AVColorSpace
scaler_rgb_matrix(const AVFrame *f)
{
	return f->color_primaries == AVCOL_PRI_BT2020 || f->color_trc == AVCOL_TRC_SMPTE2084 ||
	    f->color_trc == AVCOL_TRC_ARIB_STD_B67 ? AVCOL_SPC_BT2020_NCL : AVCOL_SPC_BT709;
}

/* What is not said is as usual for its size. */
static const int *
matrix_of(const AVFrame *f)
{
	int m = (int)f->colorspace;

	if (f->colorspace == AVCOL_SPC_RGB)
		m = (int)scaler_rgb_matrix(f);
	else if (f->colorspace == AVCOL_SPC_UNSPECIFIED || f->colorspace == AVCOL_SPC_RESERVED)
		m = size_means_709(f->width, f->height) ? SWS_CS_ITU709 : SWS_CS_ITU601;
	return sws_getCoefficients(m);
}

static bool
open_sws(struct scaler *s, const AVFrame *f)
{
	const int *matrix = matrix_of(f);

	sws_freeContext(s->sws);
	s->sws = sws_alloc_context();
	if (s->sws == NULL)
		return false;
	av_opt_set_int(s->sws, "srcw", f->width, 0);
	av_opt_set_int(s->sws, "srch", f->height, 0);
	av_opt_set_int(s->sws, "src_format", f->format, 0);
	av_opt_set_int(s->sws, "dstw", s->w, 0);
	av_opt_set_int(s->sws, "dsth", s->h, 0);
	av_opt_set_int(s->sws, "dst_format", s->format, 0);
	av_opt_set_int(s->sws, "sws_flags", SWS_BICUBIC | (s->jfif ?
	    SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_FULL_CHR_H_INT : 0), 0);
	av_opt_set_int(s->sws, "src_range", full_range(f), 0);
	av_opt_set_int(s->sws, "dst_range", s->jfif, 0);
	set_chroma(s->sws, "src_v_chr_pos", f->format);
	set_chroma(s->sws, "dst_v_chr_pos", s->format);
	if (s->jfif)
		av_opt_set_int(s->sws, "dst_h_chr_pos", 128, 0);
	if (sws_init_context(s->sws, NULL, NULL) < 0)
		return false;
	sws_setColorspaceDetails(s->sws, matrix, full_range(f), s->jfif ?
	    sws_getCoefficients(SWS_CS_ITU601) : matrix, s->jfif, 0, 1 << 16, 1 << 16);
	s->in_w = f->width;
	s->in_h = f->height;
	s->in_format = f->format;
	s->in_range = (int)f->color_range;
	s->in_matrix = (int)f->colorspace;
	s->in_sar = f->sample_aspect_ratio;
	return true;
}

AVFrame *
scaler_new_frame(struct scaler *s)
{
	AVFrame *f = av_frame_alloc();

	if (s->pool == NULL) {
		int size = av_image_get_buffer_size(s->format, s->width, s->height,
		    ALIGN);

		if (size > 0)
			s->pool = av_buffer_pool_init((size_t)size + ALIGN, NULL);
	}
	if (f == NULL || s->pool == NULL ||
	    (f->buf[0] = av_buffer_pool_get(s->pool)) == NULL) {
		av_frame_free(&f);
		return NULL;
	}
	f->width = s->width;
	f->height = s->height;
	f->format = s->format;
	f->sample_aspect_ratio = (AVRational){ 1, 1 };
	av_image_fill_arrays(f->data, f->linesize,
	    (uint8_t *)(((uintptr_t)f->buf[0]->data + ALIGN - 1) &
	    ~(uintptr_t)(ALIGN - 1)), s->format, s->width, s->height, ALIGN);
	return f;
}

/* Where the pixel of even x and y lies in each plane. */
static void
point(const struct scaler *s, const AVFrame *f, int x, int y, uint8_t *to[static 4])
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(s->format);

	for (int i = 0; i < 4; i++) {
		int shift_x = i == 1 || i == 2 ? d->log2_chroma_w : 0;
		int shift_y = i == 1 || i == 2 ? d->log2_chroma_h : 0;

		to[i] = f->data[i] == NULL ? NULL : f->data[i] +
		    (ptrdiff_t)(y >> shift_y) * f->linesize[i] +
		    (x >> shift_x) * d->comp[i].step;
	}
}

/* Black from column x on. */
static void
blacken(const struct scaler *s, const AVFrame *f, int x)
{
	ptrdiff_t linesize[4] = {
		f->linesize[0], f->linesize[1], f->linesize[2], f->linesize[3],
	};
	uint8_t *to[4];

	point(s, f, x, 0, to);
	av_image_fill_black(to, linesize, s->format, AVCOL_RANGE_MPEG, s->width - x,
	    s->height);
}

static AVFrame *
scale(struct scaler *s, const AVFrame *in)
{
	uint8_t *to[4];
	AVFrame *f;

	if (s->sws == NULL || !unchanged(s, in)) {
		place(s, in);
		if (!open_sws(s, in))
			return NULL;
	}
	if (in->width == s->width && in->height == s->height && s->w == s->width &&
	    s->h == s->height && in->format == s->format && !full_range(in) && !s->jfif)
		return av_frame_clone(in);
	f = scaler_new_frame(s);
	if (f == NULL)
		return NULL;
	f->pts = in->pts;
	f->colorspace = s->jfif ? AVCOL_SPC_BT470BG : in->colorspace;
	f->color_range = s->jfif ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	f->color_primaries = in->color_primaries;
	f->color_trc = in->color_trc;
	if (s->w != s->width || s->h != s->height)
		blacken(s, f, 0);
	point(s, f, s->x, s->y, to);
	sws_scale(s->sws, (const uint8_t *const *)in->data, in->linesize, 0, in->height,
	    to, f->linesize);
	/* It writes some pixels more than it should. */
	if (s->x + s->w < s->width)
		blacken(s, f, s->x + s->w);
	return f;
}

AVFrame *
scaler_part(const AVFrame *in, int x, int y, int width, int height)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(in->format);
	AVFrame *part = av_frame_clone(in);

	if (part == NULL || d == NULL)
		return part;
	part->width = width;
	part->height = height;
	for (int i = 0; i < 4 && part->data[i] != NULL; i++) {
		bool chroma = (i == 1 || i == 2) && (d->flags & AV_PIX_FMT_FLAG_RGB) == 0;

		part->data[i] += (ptrdiff_t)(y >> (chroma ? d->log2_chroma_h : 0)) *
		    part->linesize[i] + (x >> (chroma ? d->log2_chroma_w : 0)) *
		    d->comp[i].step;
	}
	return part;
}

/* The middle of a picture that has the aspect of the output, in even numbers. */
static AVFrame *
cut(const struct scaler *s, const AVFrame *in)
{
	AVRational sar = in->sample_aspect_ratio;
	int w = in->width, h = in->height;
	int64_t num, den;

	if (sar.num <= 0 || sar.den <= 0)
		sar = (AVRational){ 1, 1 };
	num = (int64_t)s->width * sar.den;	/* of the output, in pixels of the input */
	den = (int64_t)s->height * sar.num;
	if (in->width * den > in->height * num)
		w = (int)((in->height * num / den + 1) / 2 * 2);
	else
		h = (int)((in->width * den / num + 1) / 2 * 2);
	w = w < 2 || w > in->width ? in->width : w;
	h = h < 2 || h > in->height ? in->height : h;
	return scaler_part(in, (in->width - w) / 4 * 2, (in->height - h) / 4 * 2, w, h);
}

AVFrame *
scaler_frame(struct scaler *s, const AVFrame *in)
{
	AVFrame *part, *f;

	if (!s->fill)
		return scale(s, in);
	part = cut(s, in);
	f = part != NULL ? scale(s, part) : NULL;
	av_frame_free(&part);
	return f;
}

void
scaler_free(struct scaler *s)
{
	sws_freeContext(s->sws);
	av_buffer_pool_uninit(&s->pool);
	s->sws = NULL;
}
