#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "encode/subdraw.h"
#include "encode/recolor.h"
#include "encode/size.h"

#define ONE		65280u		/* 255 * 256: opaque */
#define TAPS		64
#define WEIGHT		16384		/* the sum of a filter's */

struct pixel {				/* opacity to 255, and colours of so many bits */
	int	 a, y, cb, cr;		/* times that */
};

bool
subdraw_fits(const struct subdraw *o, const AVFrame *f)
{
	return o->width == f->width && o->height == f->height && o->format == f->format &&
	    o->range == (int)f->color_range && o->matrix == (int)f->colorspace &&
	    o->transfer == (int)f->color_trc;
}

void
subdraw_free(struct subdraw *o)
{
	free(o->luma);
	free(o->opacity);
	free(o->cb);
	free(o->cr);
	free(o->thin);
	*o = (struct subdraw){ .width = 0 };
}

/* ---- colours */

static bool
is_planar(const AVPixFmtDescriptor *d)
{
	if (d == NULL || d->nb_components < 3 || (d->flags & AV_PIX_FMT_FLAG_PLANAR) == 0 ||
	    (d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL)) != 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (d->comp[i].plane != i || d->comp[i].shift != 0 || d->comp[i].depth > 12 ||
		    d->comp[i].step != (d->comp[i].depth > 8 ? 2 : 1))
			return false;
	return true;
}

static bool
is_full(const AVFrame *f)
{
	return f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P ||
	    f->format == AV_PIX_FMT_YUVJ422P || f->format == AV_PIX_FMT_YUVJ444P;
}

/* The parts of red and blue in luma. */
static void
weights_of(const AVFrame *f, double *r, double *b)
{
	bool hd = size_means_709(f->width, f->height);

	*r = 0.2126;
	*b = 0.0722;
	if (f->colorspace == AVCOL_SPC_BT2020_NCL) {
		*r = 0.2627;
		*b = 0.0593;
	} else if (f->colorspace == AVCOL_SPC_SMPTE170M || f->colorspace == AVCOL_SPC_BT470BG ||
	    (f->colorspace != AVCOL_SPC_BT709 && !hd)) {
		*r = 0.299;
		*b = 0.114;
	}
}

/* A colour of the palette as samples of the picture. */
static struct pixel
color_of(uint32_t argb, const AVFrame *f, int depth)
{
	double rgb[3] = { (argb >> 16 & 0xff) / 255., (argb >> 8 & 0xff) / 255., (argb & 0xff) / 255. };
	int a = (int)(argb >> 24), unit = 1 << (depth - 8), most = (1 << depth) - 1;
	int grey = 1 << (depth - 1);
	struct tonemap_spec spec = { .from = LIGHT_SDR, .to = color_light(f), .depth = 10 };
	double r = 0.2126, b = 0.0722, c[3];

	if (spec.to == LIGHT_SDR)
		weights_of(f, &r, &b);
	c[0] = r * rgb[0] + (1 - r - b) * rgb[1] + b * rgb[2];
	c[1] = (rgb[2] - c[0]) / (2 * (1 - b));
	c[2] = (rgb[0] - c[0]) / (2 * (1 - r));
	if (spec.to != LIGHT_SDR) {
		const double in[3] = { c[0], c[1], c[2] };

		tonemap_color(&spec, in, c);
	}
	if (is_full(f))
		return (struct pixel){ a, a * (int)(c[0] * most + 0.5),
		    a * (int)(c[1] * most + grey + 0.5),
		    a * (int)(c[2] * most + grey + 0.5) };
	return (struct pixel){ a, a * (int)((16 + 219 * c[0]) * unit + 0.5),
	    a * (int)((128 + 224 * c[1]) * unit + 0.5), a * (int)((128 + 224 * c[2]) * unit + 0.5) };
}

/* ---- size */

struct box {
	int	 x, y, w, h;
};

static struct box
box_of(const struct subdraw_canvas *c)
{
	int left = c->width, top = c->height, right = 0, bottom = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct subdraw_rect *r = &c->rect[i];

		left = r->x < left ? r->x : left;
		top = r->y < top ? r->y : top;
		right = r->x + r->width > right ? r->x + r->width : right;
		bottom = r->y + r->height > bottom ? r->y + r->height : bottom;
	}
	left = left < 0 ? 0 : left;
	top = top < 0 ? 0 : top;
	right = right > c->width ? c->width : right;
	bottom = bottom > c->height ? c->height : bottom;
	return (struct box){ left, top, right - left, bottom - top };
}

/* A triangle as wide as a sample of the coarser of the two: the taps of sample i. */
static int
taps_of(int from, int to, int i, int *weight)
{
	int64_t center = ((int64_t)(2 * i + 1) * from << 15) / to - (1 << 15);
	int64_t radius = from > to ? ((int64_t)from << 16) / to : 1 << 16, sum = 0;
	int first, n = 0;

	if (radius > (int64_t)(TAPS / 2 - 1) << 16)
		radius = (int64_t)(TAPS / 2 - 1) << 16;
	first = (int)((center - radius) >> 16) + 1;
	for (int64_t at = (int64_t)first * 65536; at < center + radius && n < TAPS; at += 1 << 16) {
		int64_t off = at > center ? at - center : center - at;

		weight[n] = (int)(radius - off);
		sum += weight[n++];
	}
	for (int k = 0; k < n; k++)
		weight[k] = (int)(((int64_t)weight[k] * WEIGHT + sum / 2) / sum);
	return n > 0 ? first : 0;
}

/*
 * n samples, stride apart, that begin at sample "begin" of "from", become those from first
 * on, of "to".  What is not there is transparent.
 */
static void
resample(const struct pixel *in, int begin, int n, size_t stride, int from, int to,
    struct pixel *out, int first, int count, size_t out_stride)
{
	int weight[TAPS];

	for (int i = 0; i < count; i++) {
		int64_t a = 0, y = 0, cb = 0, cr = 0;
		int at, taps = 0;

		memset(weight, 0, sizeof(weight));
		at = taps_of(from, to, first + i, weight) - begin;
		for (; taps < TAPS; taps++, at++) {
			const struct pixel *p;

			if (weight[taps] == 0 || at < 0 || at >= n)
				continue;
			p = &in[(size_t)at * stride];
			a += (int64_t)p->a * weight[taps];
			y += (int64_t)p->y * weight[taps];
			cb += (int64_t)p->cb * weight[taps];
			cr += (int64_t)p->cr * weight[taps];
		}
		out[(size_t)i * out_stride] = (struct pixel){
			(int)(a / WEIGHT), (int)(y / WEIGHT), (int)(cb / WEIGHT), (int)(cr / WEIGHT),
		};
	}
}

static void
paint(const struct subdraw_canvas *c, const AVFrame *f, int depth, struct box b,
    struct pixel *out)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct subdraw_rect *r = &c->rect[i];
		struct pixel color[256];

		for (int k = 0; k < 256; k++)
			color[k] = color_of(r->palette[k], f, depth);
		for (int y = 0; y < r->height; y++)
			for (int x = 0; x < r->width; x++) {
				int cx = r->x + x - b.x, cy = r->y + y - b.y;

				if (cx >= 0 && cx < b.w && cy >= 0 && cy < b.h)
					out[(size_t)cy * (size_t)b.w + (size_t)cx] =
					    color[r->pixel[(size_t)y * (size_t)r->width + (size_t)x]];
			}
	}
}

/* Where it lies in the picture, with the rim that a filter makes; even. */
static void
place(struct subdraw *o, const struct subdraw_canvas *c, struct box b)
{
	int left = (int)((int64_t)(b.x - 1) * o->width / c->width) - 2;
	int top = (int)((int64_t)(b.y - 1) * o->height / c->height) - 2;
	int right = (int)((int64_t)(b.x + b.w + 1) * o->width / c->width) + 3;
	int bottom = (int)((int64_t)(b.y + b.h + 1) * o->height / c->height) + 3;

	o->x = left < 0 ? 0 : left / 4 * 4;
	o->y = top < 0 ? 0 : top / 4 * 4;
	o->w = ((right > o->width ? o->width : right) - o->x + 3) / 4 * 4;
	o->h = ((bottom > o->height ? o->height : bottom) - o->y + 3) / 4 * 4;
}

static bool
allot(struct subdraw *o, const AVPixFmtDescriptor *d)
{
	size_t n = (size_t)o->w * (size_t)o->h;
	size_t small = n >> d->log2_chroma_w >> d->log2_chroma_h;

	o->luma = calloc(n, sizeof(*o->luma));
	o->opacity = calloc(n, sizeof(*o->opacity));
	o->cb = calloc(small, sizeof(*o->cb));
	o->cr = calloc(small, sizeof(*o->cr));
	o->thin = calloc(small, sizeof(*o->thin));
	return o->luma != NULL && o->opacity != NULL && o->cb != NULL && o->cr != NULL &&
	    o->thin != NULL;
}

static void
store(struct subdraw *o, const struct pixel *p, const AVPixFmtDescriptor *d)
{
	int sw = d->log2_chroma_w, sh = d->log2_chroma_h;
	int w = o->w >> sw, h = o->h >> sh;

	for (size_t i = 0; i < (size_t)o->w * (size_t)o->h; i++) {
		o->opacity[i] = (uint32_t)p[i].a << 8;
		o->luma[i] = (uint32_t)p[i].y << 8;
	}
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			size_t to = (size_t)y * (size_t)w + (size_t)x;
			int64_t a = 0, cb = 0, cr = 0;

			for (int k = 0; k < 1 << (sw + sh); k++) {
				const struct pixel *q = &p[(size_t)((y << sh) + (k >> sw)) *
				    (size_t)o->w + (size_t)((x << sw) + (k & ((1 << sw) - 1)))];

				a += q->a;
				cb += q->cb;
				cr += q->cr;
			}
			o->thin[to] = (uint32_t)(a << 8 >> (sw + sh));
			o->cb[to] = (uint32_t)(cb << 8 >> (sw + sh));
			o->cr[to] = (uint32_t)(cr << 8 >> (sw + sh));
		}
}

bool
subdraw_make(struct subdraw *o, const struct subdraw_canvas *c, const AVFrame *like)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(like->format);
	struct box b = box_of(c);
	struct pixel *canvas, *wide, *all;
	bool done;

	subdraw_free(o);
	o->width = like->width;
	o->height = like->height;
	o->format = like->format;
	o->range = (int)like->color_range;
	o->matrix = (int)like->colorspace;
	o->transfer = (int)like->color_trc;
	if (!is_planar(d))
		return false;
	if (b.w <= 0 || b.h <= 0)
		return true;
	place(o, c, b);
	canvas = calloc((size_t)b.w * (size_t)b.h, sizeof(*canvas));
	wide = calloc((size_t)o->w * (size_t)b.h, sizeof(*wide));
	all = calloc((size_t)o->w * (size_t)o->h, sizeof(*all));
	done = canvas != NULL && wide != NULL && all != NULL && allot(o, d);
	if (done) {
		paint(c, like, d->comp[0].depth, b, canvas);
		for (int y = 0; y < b.h; y++)
			resample(canvas + (size_t)y * (size_t)b.w, b.x, b.w, 1, c->width, o->width,
			    wide + (size_t)y * (size_t)o->w, o->x, o->w, 1);
		for (int x = 0; x < o->w; x++)
			resample(wide + x, b.y, b.h, (size_t)o->w, c->height, o->height, all + x,
			    o->y, o->h, (size_t)o->w);
		store(o, all, d);
	}
	free(canvas);
	free(wide);
	free(all);
	if (!done)
		o->w = o->h = 0;
	return done;
}

/* ---- pictures */

static void
blend(uint8_t *to, int stride, bool wide, int width, int height, const uint32_t *color,
    const uint32_t *opacity, int step)
{
	for (int y = 0; y < height; y++) {
		uint8_t *row = to + (ptrdiff_t)y * stride;
		uint16_t *row16 = (uint16_t *)(void *)row;
		const uint32_t *c = color + (size_t)y * (size_t)step;
		const uint32_t *a = opacity + (size_t)y * (size_t)step;

		for (int x = 0; x < width; x++) {
			if (a[x] == 0)
				continue;
			if (wide)
				row16[x] = (uint16_t)((row16[x] * (ONE - a[x]) + c[x] + ONE / 2) / ONE);
			else
				row[x] = (uint8_t)((row[x] * (ONE - a[x]) + c[x] + ONE / 2) / ONE);
		}
	}
}

void
subdraw_picture(const struct subdraw *o, AVFrame *f)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	const uint32_t *color[3] = { o->luma, o->cb, o->cr };

	for (int i = 0; i < 3 && o->w > 0; i++) {
		int sw = i > 0 ? d->log2_chroma_w : 0, sh = i > 0 ? d->log2_chroma_h : 0;
		bool wide = d->comp[i].step == 2;
		int width = ((f->width + (1 << sw) - 1) >> sw) - (o->x >> sw);
		int height = ((f->height + (1 << sh) - 1) >> sh) - (o->y >> sh);

		width = width > o->w >> sw ? o->w >> sw : width;
		height = height > o->h >> sh ? o->h >> sh : height;
		blend(f->data[i] + (ptrdiff_t)(o->y >> sh) * f->linesize[i] + ((ptrdiff_t)(o->x >> sw)
		    << wide), f->linesize[i], wide, width, height, color[i], i > 0 ? o->thin :
		    o->opacity, o->w >> sw);
	}
}
