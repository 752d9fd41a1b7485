#include <math.h>

#include "encode/tonemap.h"

#define PQ_M1		(2610.0 / 16384)
#define PQ_M2		(2523.0 / 4096 * 128)
#define PQ_C1		(3424.0 / 4096)
#define PQ_C2		(2413.0 / 4096 * 32)
#define PQ_C3		(2392.0 / 4096 * 32)
#define PQ_MOST		10000.0

#define HLG_A		0.17883277
#define HLG_B		0.28466892
#define HLG_C		0.55991073
#define HLG_PEAK	1000.0
#define HLG_GAMMA	1.2		/* at that peak */

#define WHITE		203.0		/* of SDR in HDR */

#define SDR_GAMMA	2.4
#define SOFT		0.9		/* from so saturated a colour on */
#define BEYOND		1.1		/* white that is whiter than white */

enum { R, G, B };

static double
clip(double v, double least, double most)
{
	return v < least ? least : v > most ? most : v;
}

/* ---- transfer */

static double
pq_to_nits(double e)
{
	double p = pow(e, 1 / PQ_M2), n = p - PQ_C1;

	return PQ_MOST * pow((n > 0 ? n : 0) / (PQ_C2 - PQ_C3 * p), 1 / PQ_M1);
}

static double
nits_to_pq(double nits)
{
	double p = pow(nits / PQ_MOST, PQ_M1);

	return pow((PQ_C1 + PQ_C2 * p) / (1 + PQ_C3 * p), PQ_M2);
}

/* Light of the scene, of which 1 is white. */
static double
hlg_to_scene(double e)
{
	return e <= 0.5 ? e * e / 3 : (exp((e - HLG_C) / HLG_A) + HLG_B) / 12;
}

static double
scene_to_hlg(double light)
{
	return light <= 1 / 12.0 ? sqrt(3 * light) : HLG_A * log(12 * light - HLG_B) + HLG_C;
}

static double
luminance_2020(const double c[static 3])
{
	return 0.2627 * c[R] + 0.6780 * c[G] + 0.0593 * c[B];
}

static double
luminance_709(const double c[static 3])
{
	return 0.2126 * c[R] + 0.7152 * c[G] + 0.0722 * c[B];
}

/* What the display shows of it, in nits. */
static void
to_light(const struct tonemap_spec *s, double c[static 3])
{
	double gain;

	if (s->from != LIGHT_HLG) {
		for (int i = 0; i < 3; i++)
			c[i] = s->from == LIGHT_PQ ? pq_to_nits(c[i]) :
			    WHITE * pow(c[i], SDR_GAMMA);
		return;
	}
	for (int i = 0; i < 3; i++)
		c[i] = hlg_to_scene(c[i]);
	gain = luminance_2020(c);
	gain = gain > 0 ? HLG_PEAK * pow(gain, HLG_GAMMA - 1) : 0;
	for (int i = 0; i < 3; i++)
		c[i] *= gain;
}

/* And back. */
static void
from_light(const struct tonemap_spec *s, double c[static 3])
{
	double y = luminance_2020(c) / HLG_PEAK;
	double gain = y > 0 ? pow(y, 1 / HLG_GAMMA - 1) / HLG_PEAK : 0;

	for (int i = 0; i < 3; i++)
		c[i] = s->to == LIGHT_PQ ? nits_to_pq(c[i]) : scene_to_hlg(c[i] * gain);
}

/* ---- gamut */

static void
to_709(double c[static 3])
{
	double r = 1.6605 * c[R] - 0.5876 * c[G] - 0.0728 * c[B];
	double g = -0.1246 * c[R] + 1.1329 * c[G] - 0.0083 * c[B];
	double b = -0.0182 * c[R] - 0.1006 * c[G] + 1.1187 * c[B];

	c[R] = r;
	c[G] = g;
	c[B] = b;
}

static void
to_2020(double c[static 3])
{
	double r = 0.6274 * c[R] + 0.3293 * c[G] + 0.0433 * c[B];
	double g = 0.0691 * c[R] + 0.9195 * c[G] + 0.0114 * c[B];
	double b = 0.0164 * c[R] + 0.0880 * c[G] + 0.8956 * c[B];

	c[R] = r;
	c[G] = g;
	c[B] = b;
}

/* Nearer to grey of the same luminance, as much as it takes. */
static void
into_gamut(double c[static 3])
{
	double y = luminance_709(c), d, keep = 1;

	if (y > 0 && (d = (y - fmin(c[R], fmin(c[G], c[B]))) / y) > SOFT)
		keep = (SOFT + (1 - SOFT) * (1 - exp(-(d - SOFT) / (1 - SOFT)))) / d;
	for (int i = 0; i < 3; i++)
		c[i] = fmax(y + keep * (c[i] - y), 0);
}

/* ---- tone */

#define CURVE_SDR	100.0		/* that method A is made for */
#define CURVE_LEAST	203.0		/* and a peak below has nothing to be bent */

/* BT.2446 A, of a part of the peak: which part of SDR white it becomes. */
static double
curve(double light, double peak)
{
	double hdr = 1 + 32 * pow(peak / PQ_MOST, 1 / SDR_GAMMA);
	double sdr = 1 + 32 * pow(CURVE_SDR / PQ_MOST, 1 / SDR_GAMMA);
	double p = log(1 + (hdr - 1) * pow(light, 1 / SDR_GAMMA)) / log(hdr), c;

	if (p <= 0.7399)
		c = 1.0770 * p;
	else if (p < 0.9909)
		c = -1.1510 * p * p + 2.7811 * p - 0.6302;
	else
		c = 0.5000 * p + 0.5000;
	return pow((pow(sdr, c) - 1) / (sdr - 1), SDR_GAMMA);
}

static void
tone(const struct tonemap_spec *s, double c[static 3])
{
	double most = fmax(c[R], fmax(c[G], c[B]));
	double peak = s->from == LIGHT_HLG ? HLG_PEAK : clip(s->peak, CURVE_LEAST, PQ_MOST);
	double gain = most > 0 ? curve(most / peak, peak) / most : 0;

	for (int i = 0; i < 3; i++)
		c[i] *= gain;
}

/* ---- Y'CbCr */

struct matrix {
	double r, b;			/* of luma; green has the rest */
};

static const struct matrix bt601 = { 0.299, 0.114 }, bt709 = { 0.2126, 0.0722 },
	bt2020 = { 0.2627, 0.0593 };

static void
to_rgb(const struct matrix *m, const double in[static 3], double c[static 3])
{
	c[R] = in[0] + 2 * (1 - m->r) * in[2];
	c[B] = in[0] + 2 * (1 - m->b) * in[1];
	c[G] = (in[0] - m->r * c[R] - m->b * c[B]) / (1 - m->r - m->b);
	for (int i = 0; i < 3; i++)
		c[i] = clip(c[i], 0, BEYOND);
}

static void
from_rgb(const struct matrix *m, const double c[static 3], double out[static 3])
{
	out[0] = m->r * c[R] + (1 - m->r - m->b) * c[G] + m->b * c[B];
	out[1] = (c[B] - out[0]) / (2 * (1 - m->b));
	out[2] = (c[R] - out[0]) / (2 * (1 - m->r));
}

void
tonemap_color(const struct tonemap_spec *s, const double in[static 3],
    double out[static 3])
{
	double c[3];

	to_rgb(s->from != LIGHT_SDR ? &bt2020 : s->bt601 ? &bt601 : &bt709, in, c);
	to_light(s, c);
	if (s->to == LIGHT_SDR) {
		to_709(c);
		into_gamut(c);
		tone(s, c);
		for (int i = 0; i < 3; i++)
			c[i] = pow(c[i], 1 / SDR_GAMMA);
		from_rgb(&bt709, c, out);
		return;
	}
	if (s->from == LIGHT_SDR)
		to_2020(c);
	from_light(s, c);
	from_rgb(&bt2020, c, out);
}

/* ---- the table */

#define EVERY		16		/* codes of luma: between them it is straight */
#define SPOTS		(TONEMAP_LUMA * FINE / EVERY + 1)
#define FINE		2
#define COARSE		8
#define STEP		16
#define BLACK		64

/* Component i of what is at that code of luma. */
static double
at(double out[static SPOTS][3], int i, double code)
{
	int n = (int)(code / EVERY);
	double part = code / EVERY - n;

	return out[n][i] + (out[n + 1][i] - out[n][i]) * part;
}

/* All luma there is, with that chroma. */
static void
fill(struct tonemap *t, int b, int r)
{
	const double unit = (1 << (t->spec.depth - 8)) * (1 << t->bits);
	double out[SPOTS][3];

	for (int i = 0; i < SPOTS; i++) {
		const double in[3] = { (i * EVERY - BLACK) / 876.0, (b * STEP - 512) / 896.0,
		    (r * STEP - 512) / 896.0 };

		tonemap_color(&t->spec, in, out[i]);
	}
	for (int y = 0; y < TONEMAP_LUMA; y++) {
		double middle = y * FINE + (y * FINE == BLACK ? 0 : (FINE - 1) / 2.0);

		t->luma[b][y][r] = (int16_t)lrint((16 + 219 * clip(at(out, 0, middle), 0, 1)) *
		    unit);
	}
	for (int y = 0; y < TONEMAP_COARSE; y++)
		for (int k = 0; k < 2; k++)
			t->chroma[b][y][r][k] = (int16_t)lrint((128 + 224 * clip(at(out, 1 + k,
			    y * COARSE + (COARSE - 1) / 2.0), -0.5, 0.5)) * unit);
}

void
tonemap_init(struct tonemap *t, const struct tonemap_spec *spec)
{
	t->spec = *spec;
	t->plain = false;
	t->bits = 14 - spec->depth;		/* so that all is below 2^14 */
	for (int b = 0; b < TONEMAP_CHROMA; b++)
		for (int r = 0; r < TONEMAP_CHROMA; r++)
			fill(t, b, r);
}
