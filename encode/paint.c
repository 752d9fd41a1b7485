#include <stdlib.h>
#include <string.h>

#include "encode/paint.h"
#include "encode/size.h"

#define RUN	16		/* samples, a number that compilers make vectors of */
#define FULL	65535.0f
#define LIGHTEST	240	/* code of 8 bits */

/* ---- what is made beforehand */

struct weights {
	float	kr, kb;
};

static struct weights
weights_of(const struct paint_ground *g)
{
	switch (g->matrix) {
	case 9:
	case 10:
		return (struct weights){ 0.2627f, 0.0593f };	/* BT.2020 */
	case 5:
	case 6:
		return (struct weights){ 0.299f, 0.114f };	/* BT.601 */
	case 1:
		return (struct weights){ 0.2126f, 0.0722f };	/* BT.709 */
	default:		/* what is not said is as usual for its size */
		return size_means_709(g->width, g->height) ?
		    (struct weights){ 0.2126f, 0.0722f } : (struct weights){ 0.299f, 0.114f };
	}
}

/* One line of the art as Y, Cb, Cr and A, multiplied by A, from 0 to 1. */
struct line {
	float	*c[4];
};

static void
convert_line(const struct art *a, int y, const struct weights *m, float opacity, int left,
    int w, struct line *to)
{
	for (int x = 0; x < w; x++) {
		size_t i = (size_t)y * (size_t)a->w + (size_t)(left + x);
		float alpha = (float)a->plane[3][i] * opacity;
		float r = (float)a->plane[0][i] * opacity, g = (float)a->plane[1][i] * opacity;
		float b = (float)a->plane[2][i] * opacity, luma;

		r = r < alpha ? r : alpha;	/* what scaling has overshot */
		g = g < alpha ? g : alpha;
		b = b < alpha ? b : alpha;
		luma = m->kr * r + (1 - m->kr - m->kb) * g + m->kb * b;
		to->c[0][x] = luma;
		to->c[1][x] = (b - luma) / (2 * (1 - m->kb));
		to->c[2][x] = (r - luma) / (2 * (1 - m->kr));
		to->c[3][x] = alpha;
	}
}

/*
 * As it is coded, times alpha, in 1/256: of 10 bits it is 4 times as much, of a quarter of
 * the unit.  Never more than of the lightest code, so that sums of 16 bits hold.
 */
static uint16_t
product(float v, float alpha, unsigned a, bool chroma)
{
	float scaled = chroma ? 128 * alpha + 224 * v : 16 * alpha + 219 * v;
	unsigned p = (unsigned)(256 * scaled + 0.5f);

	return (uint16_t)(p < LIGHTEST * a ? p : LIGHTEST * a);
}

static void
set_sample(struct paint_plane *p, size_t i, float v, float alpha, bool chroma)
{
	p->a[i] = (uint16_t)(PAINT_FULL * alpha + 0.5f);
	p->p[i] = product(v, alpha, p->a[i], chroma);
}

static int
even_below(int v)
{
	return v & ~1;
}

/* Weighted as the place of the chroma sample between luma samples x-1, x and x+1. */
static float
three(const float *row, int x, int w)
{
	float before = x > 0 ? row[x - 1] : 0, after = x + 1 < w ? row[x + 1] : 0;

	return (before + 2 * row[x] + after) / 4;
}

static void
put_chroma(struct paint *p, const struct line two[2], int y, int w)
{
	for (int x = 0; x < w; x += 2) {
		size_t i = (size_t)(y / 2) * (size_t)(w / 2) + (size_t)(x / 2);
		float v[4];

		for (int c = 1; c < 4; c++)
			v[c] = (three(two[0].c[c], x, w) + three(two[1].c[c], x, w)) / 2;
		set_sample(&p->plane[1], i, v[1], v[3], true);
		p->plane[2].p[i] = product(v[2], v[3], p->plane[1].a[i], true);
	}
}

/* Lines of the picture from y on, two at a time; what is outside of the art is nothing. */
static bool
convert(struct paint *p, const struct art *a, int x, int y, float opacity,
    const struct weights *m)
{
	int w = p->plane[0].w, h = p->plane[0].h, skip_x = x - p->x, skip_y = y - p->y;
	int left = skip_x < 0 ? -skip_x : 0, pad = skip_x > 0 ? skip_x : 0;
	int n = a->w - left < w - pad ? a->w - left : w - pad;
	float *rows = malloc((size_t)w * 8 * sizeof(*rows));
	struct line two[2], shifted;

	if (rows == NULL)
		return false;
	for (int r = 0; r < 2; r++)
		for (int c = 0; c < 4; c++)
			two[r].c[c] = rows + (size_t)(r * 4 + c) * (size_t)w;
	for (int j = 0; j < h; j += 2) {
		memset(rows, 0, (size_t)w * 8 * sizeof(*rows));
		for (int r = 0; r < 2; r++) {
			int from = j + r - skip_y;

			if (from < 0 || from >= a->h)
				continue;
			for (int c = 0; c < 4; c++)
				shifted.c[c] = two[r].c[c] + pad;
			convert_line(a, from, m, opacity, left, n, &shifted);
			for (int i = 0; i < w; i++)
				set_sample(&p->plane[0], (size_t)(j + r) * (size_t)w +
				    (size_t)i, two[r].c[0][i], two[r].c[3][i], false);
		}
		put_chroma(p, two, j, w);
	}
	free(rows);
	return true;
}

/* The colour of a product of 8 bits, as one of 10 bits in SDR. */
static uint16_t
straight(uint16_t p, uint16_t a)
{
	uint32_t v = a > 0 ? ((uint32_t)p * 4 + a / 2) / a : 0;

	return (uint16_t)(v < 1023 ? v : 1023);
}

/* SDR in 10 bits, without alpha, becomes HDR by the table, and then a product again. */
static bool
to_hdr(struct paint *p, const struct tonemap *t)
{
	AVFrame *in = av_frame_alloc(), *out = av_frame_alloc();
	bool good = in != NULL && out != NULL;

	if (good) {
		in->width = out->width = p->plane[0].w;
		in->height = out->height = p->plane[0].h;
		in->format = out->format = AV_PIX_FMT_YUV420P10;
		good = av_frame_get_buffer(in, 0) >= 0 && av_frame_get_buffer(out, 0) >= 0;
	}
	for (int c = 0; c < 3 && good; c++)
		for (int y = 0; y < p->plane[c].h; y++)
			for (int x = 0; x < p->plane[c].w; x++) {
				size_t i = (size_t)y * (size_t)p->plane[c].w + (size_t)x;

				((uint16_t *)(void *)(in->data[c] + (ptrdiff_t)y *
				    in->linesize[c]))[x] = p->plane[c].a[i] > 0 ?
				    straight(p->plane[c].p[i], p->plane[c].a[i]) :
				    c > 0 ? 512 : 64;
			}
	good = good && tonemap_picture(t, in, out);
	for (int c = 0; c < 3 && good; c++)
		for (int y = 0; y < p->plane[c].h; y++)
			for (int x = 0; x < p->plane[c].w; x++) {
				size_t i = (size_t)y * (size_t)p->plane[c].w + (size_t)x;
				uint32_t v = ((uint16_t *)(void *)(out->data[c] +
				    (ptrdiff_t)y * out->linesize[c]))[x];

				p->plane[c].p[i] = (uint16_t)(v * p->plane[c].a[i] / 4);
			}
	av_frame_free(&in);
	av_frame_free(&out);
	return good;
}

static void
find_spans(struct paint_plane *p)
{
	for (int y = 0; y < p->h; y++) {
		const uint16_t *a = p->a + (size_t)y * (size_t)p->w;
		int from = 0, to = p->w;

		while (from < to && a[from] == 0)
			from++;
		while (to > from && a[to - 1] == 0)
			to--;
		p->from[y] = from;
		p->to[y] = to;
	}
}

/*
 * The part of the ground, from even to even, that something of w from x on covers, with
 * what its chroma reaches: one more sample than luma, to the right.
 */
static void
cut(int x, int w, int reach, int most, int *at, int *size)
{
	int from = x > 0 ? even_below(x) : 0, end = x + w + reach;
	int to = end < most ? even_below(end + 1) : most;

	*at = from;
	*size = to > from ? to - from : 0;
}

static bool
allocate(struct paint *p, int w, int h)
{
	size_t n = (size_t)w * (size_t)h;
	uint16_t *m = calloc(n * 2 + n / 4 * 3, sizeof(*m));
	int *s = calloc((size_t)h * 3, sizeof(*s));

	p->memory = m;
	p->spans = s;
	if (m == NULL || s == NULL)
		return false;
	p->plane[0] = (struct paint_plane){ w, h, m, m + n, s, s + h };
	p->plane[1] = (struct paint_plane){ w / 2, h / 2, m + 2 * n, m + 2 * n + n / 4,
		s + 2 * h, s + 2 * h + h / 2 };
	p->plane[2] = p->plane[1];
	p->plane[2].p += n / 4;
	return true;
}

struct paint *
paint_new(const struct art *a, int x, int y, int opacity, const struct paint_ground *g)
{
	const struct weights m = g->hdr != NULL ? (struct weights){ 0.2126f, 0.0722f } :
	    weights_of(g);
	struct paint *p = calloc(1, sizeof(*p));
	int w, h;

	if (p == NULL)
		return NULL;
	p->deep = g->deep;
	cut(x, a->w, 1, g->width, &p->x, &w);
	cut(y, a->h, 0, g->height, &p->y, &h);
	if (w == 0 || h == 0)		/* all of it is outside */
		return p;
	if (!allocate(p, w, h) ||
	    !convert(p, a, x, y, (float)opacity / 1000 / FULL, &m) ||
	    (g->hdr != NULL && !to_hdr(p, g->hdr))) {
		paint_free(p);
		return NULL;
	}
	for (int c = 0; c < 2; c++)
		find_spans(&p->plane[c]);
	return p;
}

void
paint_free(struct paint *p)
{
	if (p != NULL) {
		free(p->memory);
		free(p->spans);
	}
	free(p);
}

/* ---- on a picture */

/* All fits into 16 bits: a product is at most that of the lightest code, 240. */
static inline uint8_t
mix8(uint8_t in, uint16_t a, uint16_t p)
{
	return (uint8_t)((uint16_t)(in * (PAINT_FULL - a) + p + 128) >> 8);
}

static inline uint16_t
mix16(uint16_t in, uint16_t a, uint16_t p)
{
	return (uint16_t)(((uint32_t)in * (PAINT_FULL - a) + 4u * p + 128) >> 8);
}

static void
row8(uint8_t *to, const uint16_t *a, const uint16_t *p, int n)
{
	for (; n >= RUN; n -= RUN, to += RUN, a += RUN, p += RUN)
		for (int i = 0; i < RUN; i++)
			to[i] = mix8(to[i], a[i], p[i]);
	for (int i = 0; i < n; i++)
		to[i] = mix8(to[i], a[i], p[i]);
}

static void
row16(uint16_t *to, const uint16_t *a, const uint16_t *p, int n)
{
	for (; n >= RUN; n -= RUN, to += RUN, a += RUN, p += RUN)
		for (int i = 0; i < RUN; i++)
			to[i] = mix16(to[i], a[i], p[i]);
	for (int i = 0; i < n; i++)
		to[i] = mix16(to[i], a[i], p[i]);
}

/* As much of a line as is at hand, less of it: what fades. */
static void
fade(const uint16_t *from, uint16_t to[static RUN], int n, uint32_t gain)
{
	for (int i = 0; i < n; i++)
		to[i] = (uint16_t)((from[i] * gain + PAINT_FULL / 2) / PAINT_FULL);
}

static void
row(uint8_t *to, bool deep, const uint16_t *a, const uint16_t *p, int n, int gain)
{
	uint16_t a2[RUN], p2[RUN];
	uint16_t *deep_to = (void *)to;

	for (int x = 0; gain < PAINT_FULL && x < n; x += RUN) {
		int some = n - x < RUN ? n - x : RUN;

		fade(a + x, a2, some, (uint32_t)gain);
		fade(p + x, p2, some, (uint32_t)gain);
		if (deep)
			row16(deep_to + x, a2, p2, some);
		else
			row8(to + x, a2, p2, some);
	}
	if (gain < PAINT_FULL)
		return;
	if (deep)
		row16(deep_to, a, p, n);
	else
		row8(to, a, p, n);
}

void
paint_on(const struct paint *p, AVFrame *f, int gain)
{
	int bytes = p->deep ? 2 : 1;

	for (int c = 0; c < 3 && gain > 0; c++) {
		const struct paint_plane *s = &p->plane[c];
		int x = c > 0 ? p->x / 2 : p->x, y = c > 0 ? p->y / 2 : p->y;

		for (int j = 0; j < s->h; j++) {
			size_t i = (size_t)j * (size_t)s->w + (size_t)s->from[j];

			row(f->data[c] + (ptrdiff_t)(y + j) * f->linesize[c] +
			    (ptrdiff_t)(x + s->from[j]) * bytes, p->deep, s->a + i, s->p + i,
			    s->to[j] - s->from[j], gain);
		}
	}
}
