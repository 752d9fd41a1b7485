/*
 * HDR to SDR: known colours, greys that stay grey and in order, the table beside the exact
 * colour, and AVX2 beside what does without it, to the bit, at all widths.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/tonemap.c"
#include "encode/tonemaprun.c"
#include "t/tap.h"

#define SIDE	16			/* of a flat picture: each dither threshold 4 times */
#define BESIDE	2
#define MARK	0x5a

static size_t
room(const AVFrame *f, int plane)
{
	return (size_t)f->linesize[plane] * (size_t)(plane > 0 ? f->height / 2 : f->height);
}

static struct tonemap *
from_to(enum light from, enum light to, double peak, int depth)
{
	struct tonemap *t = malloc(sizeof(*t));
	struct tonemap_spec s = { from, to, false, peak, depth };

	if (t == NULL)
		abort();
	tonemap_init(t, &s);
	return t;
}

static struct tonemap *
table(bool hlg, double peak, int depth)
{
	return from_to(hlg ? LIGHT_HLG : LIGHT_PQ, LIGHT_SDR, peak, depth);
}

/* Made by hand, so that no library is needed; each line is so many bytes longer. */
static AVFrame *
picture(int w, int h, int depth)
{
	AVFrame *f = calloc(1, sizeof(*f));

	if (f == NULL)
		abort();
	f->width = w;
	f->height = h;
	for (int i = 0; i < 3; i++) {
		f->linesize[i] = (i > 0 ? w / 2 : w) * (depth > 8 ? 2 : 1) + BESIDE;
		f->data[i] = malloc(room(f, i));
		if (f->data[i] == NULL)
			abort();
		memset(f->data[i], MARK, room(f, i));
	}
	return f;
}

static void
drop(AVFrame *f)
{
	for (int i = 0; i < 3; i++)
		free(f->data[i]);
	free(f);
}

static uint16_t *
sample(const AVFrame *f, int plane, int x, int y)
{
	return (uint16_t *)(f->data[plane] + (ptrdiff_t)y * f->linesize[plane]) + x;
}

static void
flat(AVFrame *f, const int code[static 3])
{
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < (i > 0 ? f->height / 2 : f->height); y++)
			for (int x = 0; x < (i > 0 ? f->width / 2 : f->width); x++)
				*sample(f, i, x, y) = (uint16_t)code[i];
}

/* The mean of a plane, in codes of 8 bits. */
static double
mean(const AVFrame *f, int plane, int depth)
{
	int w = plane > 0 ? f->width / 2 : f->width, h = plane > 0 ? f->height / 2 : f->height;
	double sum = 0;

	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++)
			sum += depth > 8 ? *sample(f, plane, x, y) / 4.0 :
			    f->data[plane][(ptrdiff_t)y * f->linesize[plane] + x];
	return sum / (w * h);
}

/* What becomes of a colour, in codes of 8 bits. */
static void
becomes(const struct tonemap *t, const int code[static 3], double out[static 3])
{
	AVFrame *in = picture(SIDE, SIDE, 10), *to = picture(SIDE, SIDE, t->spec.depth);

	flat(in, code);
	if (!tonemap_picture(t, in, to))
		abort();
	for (int i = 0; i < 3; i++)
		out[i] = mean(to, i, t->spec.depth);
	drop(in);
	drop(to);
}

static int
code_of(double part)
{
	return (int)lrint(64 + 876 * part);
}

/* Of grey; -1 if it is not grey any more. */
static double
grey(const struct tonemap *t, double part)
{
	const int code[3] = { code_of(part), 512, 512 };
	double out[3];

	becomes(t, code, out);
	return fabs(out[1] - 128) < 0.3 && fabs(out[2] - 128) < 0.3 ? out[0] : -1;
}

static void
near(double got, double want, double most, const char *what)
{
	if (!ok(fabs(got - want) <= most, "%s", what))
		printf("# %.3f instead of %.3f\n", got, want);
}

static void
test_greys(void)
{
	struct tonemap *pq = table(false, 1000, 8), *hlg = table(true, 0, 8);
	struct tonemap *bright = table(false, 4000, 8);
	bool grows = true;
	double last = 0;

	near(grey(pq, 0), 16, 0.1, "PQ: black is black");
	near(grey(pq, 0.7518), 235, 0.5, "the peak is white");
	near(grey(pq, 1), 235, 0.1, "and so is what is brighter");
	near(grey(pq, 0.5807), 16 + 219 * 0.6870, 1, "203 cd/m2 are where BT.2446 A has them");
	near(grey(bright, 0.7518), 16 + 219 * 0.7744, 1, "with a peak of 4000, 1000 are not white");
	near(grey(bright, 0.9026), 235, 0.5, "but 4000 are");
	near(grey(hlg, 0), 16, 0.1, "HLG: black");
	near(grey(hlg, 1), 235, 0.1, "white");
	near(grey(hlg, 0.75), grey(pq, 0.5807), 1, "its reference white is as bright as that of PQ");
	for (int i = 0; i <= 200 && grows; i++) {
		double y = grey(i % 2 == 0 ? pq : hlg, i / 2 / 100.0);

		grows = y >= 0 && (i % 2 == 1 || y >= last);
		last = i % 2 == 0 ? y : last;
	}
	ok(grows, "a hundred greys stay grey, and in order");
	free(pq);
	free(hlg);
	free(bright);
}

/* Colours that cameras can make, each beside what is exact. */
static void
test_table(bool hlg, int depth)
{
	struct tonemap *t = table(hlg, 1000, depth);
	double sum[3] = { 0 }, most[3] = { 0 };
	const int many = 3000;

	srandom(7);
	for (int n = 0; n < many; n++) {
		double c[3], in[3], exact[3], got[3];
		int code[3];

		for (int i = 0; i < 3; i++)
			c[i] = (double)random() / RAND_MAX * (hlg ? 1 : 0.75);
		in[0] = luminance_2020(c);
		in[1] = (c[2] - in[0]) / 1.8814;
		in[2] = (c[0] - in[0]) / 1.4746;
		code[0] = code_of(in[0]);
		code[1] = (int)lrint(512 + 896 * in[1]);
		code[2] = (int)lrint(512 + 896 * in[2]);
		in[0] = (code[0] - 64) / 876.0;
		in[1] = (code[1] - 512) / 896.0;
		in[2] = (code[2] - 512) / 896.0;
		tonemap_color(&t->spec, in, exact);
		becomes(t, code, got);
		for (int i = 0; i < 3; i++) {
			double off = fabs(got[i] - (i == 0 ? 16 + 219 * clip(exact[0], 0, 1) :
			    128 + 224 * clip(exact[i], -0.5, 0.5)));

			sum[i] += off;
			most[i] = fmax(most[i], off);
		}
	}
	printf("# %s, %d bits: off by %.2f %.2f %.2f, at most %.1f %.1f %.1f\n", hlg ? "HLG" : "PQ",
	    depth, sum[0] / many, sum[1] / many, sum[2] / many, most[0], most[1], most[2]);
	ok(sum[0] / many < 0.5 && sum[1] / many < 0.5 && sum[2] / many < 0.5,
	    "%s, %d bits: 3000 colours, less than half a code off on average", hlg ? "HLG" : "PQ",
	    depth);
	ok(most[0] < 9 && most[1] < 9 && most[2] < 9, "and at the edges of what can be some");
	free(t);
}

/* To HDR, and from one to the other; codes of 8 bits have fractions, of 10. */
static void
test_up(void)
{
	struct tonemap *pq = from_to(LIGHT_SDR, LIGHT_PQ, 0, 10);
	struct tonemap *hlg = from_to(LIGHT_SDR, LIGHT_HLG, 0, 10);
	struct tonemap *over = from_to(LIGHT_HLG, LIGHT_PQ, 0, 10);
	struct tonemap *back = from_to(LIGHT_PQ, LIGHT_HLG, 1000, 10);
	const int red[3] = { code_of(0.2126), 512 - 103, 960 };
	double out[3];

	near(grey(pq, 0), 16, 0.3, "SDR to PQ: black is black");
	near(grey(pq, 1), 16 + 219 * 0.5807, 0.5, "white is 203 cd/m2");
	near(grey(hlg, 0), 16, 0.3, "SDR to HLG: black");
	near(grey(hlg, 1), 16 + 219 * 0.75, 0.7, "white is 75%");
	near(grey(over, 1), 16 + 219 * 0.7518, 0.5, "HLG to PQ: its peak is 1000");
	near(grey(over, 0.75), 16 + 219 * 0.5807, 0.7, "and 75% are 203");
	near(grey(back, 0.7518), 235, 0.5, "PQ to HLG: 1000 are white");
	near(grey(back, 0.5807), 16 + 219 * 0.75, 0.7, "and 203 are 75%");
	becomes(pq, red, out);
	/* 127.4, 14.0 and 3.3 cd/m2, in PQ 0.5325, 0.3270 and 0.2201 */
	near(out[0], 98.05, 0.7, "a red of BT.709: luma in BT.2020 and PQ");
	near(out[1], 109.60, 0.7, "Cb");
	near(out[2], 151.98, 0.7, "Cr");
	free(pq);
	free(hlg);
	free(over);
	free(back);
}

static bool
same(const AVFrame *a, const AVFrame *b, int bytes)
{
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < (i > 0 ? a->height / 2 : a->height); y++)
			if (memcmp(a->data[i] + (ptrdiff_t)y * a->linesize[i], b->data[i] +
			    (ptrdiff_t)y * b->linesize[i], (size_t)(i > 0 ? a->width / 2 :
			    a->width) * (size_t)bytes) != 0)
				return false;
	return true;
}

/* Any codes, also such as there are not. */
static void
test_alike(int depth)
{
	struct tonemap *t = table(false, 1000, depth);
	unsigned differ = 0, beyond = 0;

	for (int w = 2; w <= 70; w += 2) {
		AVFrame *in = picture(w, 6, 10), *a = picture(w, 6, depth), *b = picture(w, 6, depth);

		for (int i = 0; i < 3; i++)
			for (size_t k = 0; k < room(in, i) / 2; k++)
				((uint16_t *)in->data[i])[k] = (uint16_t)(random() % 16 == 0 ?
				    random() : random() % 1024);
		t->plain = false;
		if (!tonemap_picture(t, in, a))
			abort();
		t->plain = true;
		if (!tonemap_picture(t, in, b))
			abort();
		differ += !same(a, b, depth > 8 ? 2 : 1);
		for (int i = 0; i < 3; i++)
			for (size_t at = (size_t)a->linesize[i]; at <= room(a, i);
			    at += (size_t)a->linesize[i])
				beyond += a->data[i][at - 1] != MARK || a->data[i][at - 2] != MARK;
		drop(in);
		drop(a);
		drop(b);
	}
	is(differ, 0, "%d bits: all widths, the same without AVX2", depth);
	is(beyond, 0, "and nothing is written beside the picture");
	free(t);
}

int
main(void)
{
	test_greys();
	test_table(false, 8);
	test_table(true, 8);
	test_table(true, 10);
	test_up();
	test_alike(8);
	test_alike(10);
	return done_testing();
}
