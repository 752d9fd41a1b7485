/* Layers: each sample as mixing says it, in 8 and 10 bits, wherever the layer lies. */
#include <math.h>

#include "encode/tonemap.c"
#undef WHITE
#include "encode/tonemaprun.c"
#undef RUN
#include "encode/paint.c"
#include "t/tap.h"

#define W	64
#define H	36

/* The same numbers each time. */
static uint32_t
some(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static struct art *
noise(int w, int h, bool soft)
{
	static uint16_t samples[4][4096];
	static struct art a;
	uint32_t seed = 1;

	a = (struct art){ w, h, { samples[0], samples[1], samples[2], samples[3] } };
	for (int i = 0; i < w * h; i++) {
		uint32_t alpha = !soft ? 65535 : some(&seed) % 4 == 0 ? 0 : some(&seed) % 65536;

		a.plane[3][i] = (uint16_t)alpha;
		for (int c = 0; c < 3; c++)
			a.plane[c][i] = (uint16_t)((uint64_t)(some(&seed) % 65536) * alpha / 65535);
	}
	return &a;
}

static AVFrame *
picture(bool deep, uint32_t seed)
{
	AVFrame *f = av_frame_alloc();

	f->width = W;
	f->height = H;
	f->format = deep ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
	if (av_frame_get_buffer(f, 0) < 0)
		abort();
	for (int c = 0; c < 3; c++)
		for (int y = 0; y < (c > 0 ? H / 2 : H); y++)
			for (int x = 0; x < (c > 0 ? W / 2 : W); x++) {
				uint8_t *p = f->data[c] + (ptrdiff_t)y * f->linesize[c];

				if (deep)
					((uint16_t *)(void *)p)[x] = some(&seed) % 1024;
				else
					p[x] = (uint8_t)some(&seed);
			}
	return f;
}

static int
sample(const AVFrame *f, bool deep, int c, int x, int y)
{
	const uint8_t *p = f->data[c] + (ptrdiff_t)y * f->linesize[c];

	return deep ? ((const uint16_t *)(const void *)p)[x] : p[x];
}

/* R'G'B' and alpha of the art at a luma sample of the picture, 0 outside of it. */
static void
art_at(const struct art *a, int x, int y, double v[static 4])
{
	for (int c = 0; c < 4; c++)
		v[c] = x < 0 || y < 0 || x >= a->w || y >= a->h ? 0 :
		    a->plane[c][y * a->w + x] / 65535.0;
}

/* As ITU-R BT.709 has it, and 4:2:0 with chroma on the left. */
static double
want(const struct art *a, int at_x, int at_y, int c, int x, int y, double in, double gain,
    bool deep)
{
	static const double weight[3] = { 0.25, 0.5, 0.25 };
	double v[4], sum[4] = { 0, 0, 0, 0 }, luma, ink;

	if (c == 0) {
		art_at(a, x - at_x, y - at_y, sum);
	} else {
		for (int j = 0; j < 2; j++)
			for (int i = -1; i < 2; i++) {
				if (2 * x + i < 0 || 2 * x + i >= W)
					continue;
				art_at(a, 2 * x + i - at_x, 2 * y + j - at_y, v);
				for (int k = 0; k < 4; k++)
					sum[k] += v[k] * weight[i + 1] / 2;
			}
	}
	luma = 0.2126 * sum[0] + 0.7152 * sum[1] + 0.0722 * sum[2];
	ink = c == 0 ? 16 * sum[3] + 219 * luma : 128 * sum[3] + 224 *
	    (c == 1 ? (sum[2] - luma) / 1.8556 : (sum[0] - luma) / 1.5748);
	return in * (1 - gain * sum[3]) + gain * ink * (deep ? 4 : 1);
}

static void
compare(const char *what, int w, int h, bool soft, bool deep, int x, int y, int opacity,
    int gain)
{
	const struct paint_ground g = { .width = W, .height = H, .deep = deep, .matrix = 1 };
	const struct art *a = noise(w, h, soft);
	AVFrame *before = picture(deep, 7), *f = picture(deep, 7);
	struct paint *p = paint_new(a, x, y, opacity, &g);
	double worst = 0, most = deep ? 1023 : 255;
	int touched = 0;

	paint_on(p, f, gain);
	for (int c = 0; c < 3; c++)
		for (int j = 0; j < (c > 0 ? H / 2 : H); j++)
			for (int i = 0; i < (c > 0 ? W / 2 : W); i++) {
				double in = sample(before, deep, c, i, j);
				double d = want(a, x, y, c, i, j, in, opacity / 1000.0 *
				    gain / PAINT_FULL, deep);
				int got = sample(f, deep, c, i, j);

				d = fabs((d < most ? d : most) - got);
				worst = d > worst ? d : worst;
				touched += got != (int)in;
			}
	/* Half a step of alpha is worth half a code of 8 bits, and half of one is rounded. */
	ok(worst <= (deep ? 3 : 1), "%s: at most %.2f off, %d samples",
	    what, worst, touched);
	paint_free(p);
	av_frame_free(&before);
	av_frame_free(&f);
}

static void
outside(int x, int y)
{
	const struct paint_ground g = { .width = W, .height = H, .matrix = 1 };
	AVFrame *before = picture(false, 3), *f = picture(false, 3);
	struct paint *p = paint_new(noise(10, 10, false), x, y, 1000, &g);
	bool same = true;

	paint_on(p, f, PAINT_FULL);
	for (int c = 0; c < 3; c++)
		for (int j = 0; j < (c > 0 ? H / 2 : H); j++)
			for (int i = 0; i < (c > 0 ? W / 2 : W); i++)
				same &= sample(f, false, c, i, j) == sample(before, false, c, i, j);
	ok(same, "at %d,%d: nothing is left of it", x, y);
	paint_free(p);
	av_frame_free(&before);
	av_frame_free(&f);
}

/* White of 8 bits, opaque: what is it in a picture of this light? */
static int
white(enum light light)
{
	const struct tonemap_spec spec = {
		.from = LIGHT_SDR, .to = light, .peak = TONEMAP_PEAK, .depth = 10,
	};
	struct tonemap *t = light != LIGHT_SDR ? malloc(sizeof(*t)) : NULL;
	struct paint_ground g = { .width = W, .height = H, .deep = true, .matrix = 9 };
	struct art *a = noise(8, 8, false);
	AVFrame *f = picture(true, 1);
	struct paint *p;
	int luma;

	for (int c = 0; c < 3; c++)
		for (int i = 0; i < 64; i++)
			a->plane[c][i] = 65535;
	if (t != NULL)
		tonemap_init(t, &spec);
	g.hdr = t;
	p = paint_new(a, 16, 16, 1000, &g);
	paint_on(p, f, PAINT_FULL);
	luma = sample(f, true, 0, 20, 20);
	ok(abs(sample(f, true, 1, 10, 10) - 512) <= 2 && abs(sample(f, true, 2, 10, 10) - 512) <= 2,
	    "white is without colour (%d, %d)", sample(f, true, 1, 10, 10),
	    sample(f, true, 2, 10, 10));
	paint_free(p);
	av_frame_free(&f);
	free(t);
	return luma;
}

int
main(void)
{
	compare("opaque, all of the picture", W, H, false, false, 0, 0, 1000, PAINT_FULL);
	compare("soft edges", 21, 13, true, false, 8, 6, 1000, PAINT_FULL);
	compare("at odd places", 21, 13, true, false, 7, 5, 1000, PAINT_FULL);
	compare("over the left and upper edge", 21, 13, true, false, -5, -4, 1000, PAINT_FULL);
	compare("over the right and lower edge", 21, 13, true, false, 50, 30, 1000, PAINT_FULL);
	compare("half of it", 33, 20, true, false, 9, 9, 500, PAINT_FULL);
	compare("fading", 33, 20, true, false, 9, 9, 1000, 101);
	compare("ten bits", 33, 20, true, true, 9, 8, 1000, PAINT_FULL);
	compare("ten bits, fading", 33, 20, true, true, 9, 9, 700, 57);
	outside(W, 0);
	outside(0, -10);
	outside(-4000, 4000);
	is(white(LIGHT_SDR), 940, "white of SDR is 940");
	/* BT.2408 5.1, table 1: 203 cd/m2 is 58 % of PQ, 75 % of HLG */
	ok(abs(white(LIGHT_PQ) - (64 + 876 * 58 / 100)) <= 4, "and in PQ 58 %%");
	ok(abs(white(LIGHT_HLG) - (64 + 876 * 75 / 100)) <= 4, "and in HLG 75 %%");
	return done_testing();
}
