#include "lib/media/look.h"

#ifdef HAVE_LIBAVCODEC

#include <stdlib.h>

#include <libavutil/pixdesc.h>

#define MILLION	1000000

struct plane {
	int	 width, height, depth;
};

/* Planar YUV or grey is what decoders of this field give. */
static bool
plane_of(const AVFrame *f, int i, struct plane *p)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);

	if (d == NULL || (d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_HWACCEL |
	    AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL)) != 0 || i >= d->nb_components ||
	    d->comp[i].plane != i || d->comp[i].shift != 0)
		return false;
	p->depth = d->comp[i].depth;
	p->width = i == 0 ? f->width : AV_CEIL_RSHIFT(f->width, d->log2_chroma_w);
	p->height = i == 0 ? f->height : AV_CEIL_RSHIFT(f->height, d->log2_chroma_h);
	return p->depth <= 16 && d->comp[i].step == (p->depth > 8 ? 2 : 1);
}

static const uint8_t *
row(const AVFrame *f, int i, int y)
{
	return f->data[i] + (ptrdiff_t)y * f->linesize[i];
}

bool
look_black(const AVFrame *f, int64_t pixel, int64_t part)
{
	struct plane p;
	int64_t black = 0, limit;
	bool full = f->color_range == AVCOL_RANGE_JPEG;

	if (!plane_of(f, 0, &p))
		return false;
	limit = full ? pixel * ((1 << p.depth) - 1) / MILLION :
	    (16 << (p.depth - 8)) + pixel * ((235 - 16) << (p.depth - 8)) / MILLION;
	for (int y = 0; y < p.height; y++) {
		const uint8_t *s = row(f, 0, y);
		const uint16_t *s16 = (const void *)s;
		int n = 0;

		if (p.depth > 8)
			for (int x = 0; x < p.width; x++)
				n += s16[x] <= limit;
		else
			for (int x = 0; x < p.width; x++)
				n += s[x] <= limit;
		black += n;
	}
	return black * MILLION >= part * p.width * p.height;
}

bool
look_same(const AVFrame *a, const AVFrame *b, int64_t noise)
{
	__int128 sum = 0, count = 0;
	struct plane p = { 0, 0, 8 };

	if (a->format != b->format || a->width != b->width || a->height != b->height)
		return false;
	for (int i = 0; i < 3 && plane_of(a, i, &p); i++) {
		for (int y = 0; y < p.height; y++) {
			const uint8_t *s = row(a, i, y), *t = row(b, i, y);
			const uint16_t *s16 = (const void *)s, *t16 = (const void *)t;
			unsigned n = 0;

			if (p.depth > 8)
				for (int x = 0; x < p.width; x++)
					n += (unsigned)abs(s16[x] - t16[x]);
			else
				for (int x = 0; x < p.width; x++)
					n += (unsigned)abs(s[x] - t[x]);
			sum += n;
		}
		count += (int64_t)p.width * p.height;
	}
	return count > 0 && sum * MILLION <= noise * count * (1 << p.depth);
}

#endif
