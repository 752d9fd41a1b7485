#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stdlib.h>
#include <string.h>

#include "encode/tonemap.h"

#define MOST		1023		/* of a code */
#define C_SHIFT		4		/* of a code of chroma: its step, and how far */
#define C_MASK		15
#define Y_SHIFT		1		/* of luma */
#define COARSE_SHIFT	3		/* for chroma */
#define GROUP		8		/* samples at once */

/* Thresholds in 1/64, each once: what a fraction is rounded by. */
static const int16_t dither[GROUP][GROUP] = {
	{ 0, 32, 8, 40, 2, 34, 10, 42 }, { 48, 16, 56, 24, 50, 18, 58, 26 },
	{ 12, 44, 4, 36, 14, 46, 6, 38 }, { 60, 28, 52, 20, 62, 30, 54, 22 },
	{ 3, 35, 11, 43, 1, 33, 9, 41 }, { 51, 19, 59, 27, 49, 17, 57, 25 },
	{ 15, 47, 7, 39, 13, 45, 5, 37 }, { 63, 31, 55, 23, 61, 29, 53, 21 },
};

/*
 * One way to look up a group.  Luma: with cb and cr of half as many samples and the next,
 * which are within bounds.
 * Chroma: with the luma of two lines, twice as many.  Out: fractions of t->bits.
 */
struct looker {
	void (*luma)(const struct tonemap *t, const uint16_t *y, const uint16_t *cb,
	    const uint16_t *cr, int16_t *out);
	void (*chroma)(const struct tonemap *t, const uint16_t *y0, const uint16_t *y1,
	    const uint16_t *cb, const uint16_t *cr, int16_t *out_cb, int16_t *out_cr);
	void (*blend)(const uint16_t *near, const uint16_t *far, uint16_t *out);
};

/* ---- one by one */

static int
bound(int code)
{
	return code < MOST ? code : MOST;
}

static int
between(int a, int b, int part)
{
	return a + (((b - a) * part + C_MASK / 2 + 1) >> C_SHIFT);
}

static void
luma_plain(const struct tonemap *t, const uint16_t *y, const uint16_t *cb,
    const uint16_t *cr, int16_t *out)
{
	for (int i = 0; i < GROUP; i++) {
		int on = (i + 1) / 2, v = bound(y[i]);
		int b = (cb[i / 2] + cb[on] + 1) >> 1, r = (cr[i / 2] + cr[on] + 1) >> 1;
		const int16_t *p = &t->luma[b >> C_SHIFT][v >> Y_SHIFT][r >> C_SHIFT];
		const int16_t *q = p + TONEMAP_LUMA * TONEMAP_CHROMA;

		out[i] = (int16_t)between(between(p[0], p[1], r & C_MASK),
		    between(q[0], q[1], r & C_MASK), b & C_MASK);
	}
}

static void
chroma_plain(const struct tonemap *t, const uint16_t *y0, const uint16_t *y1,
    const uint16_t *cb, const uint16_t *cr, int16_t *out_cb, int16_t *out_cr)
{
	for (int i = 0; i < GROUP; i++) {
		int y = (bound(y0[2 * i]) + bound(y0[2 * i + 1]) + bound(y1[2 * i]) +
		    bound(y1[2 * i + 1]) + 2) >> 2;
		int b = bound(cb[i]), r = bound(cr[i]), v[2];
		const int16_t (*p)[2] = &t->chroma[b >> C_SHIFT][y >> COARSE_SHIFT][r >> C_SHIFT];
		const int16_t (*q)[2] = p + TONEMAP_COARSE * TONEMAP_CHROMA;

		for (int k = 0; k < 2; k++)
			v[k] = between(between(p[0][k], p[1][k], r & C_MASK),
			    between(q[0][k], q[1][k], r & C_MASK), b & C_MASK);
		out_cb[i] = (int16_t)v[0];
		out_cr[i] = (int16_t)v[1];
	}
}

static void
blend_plain(const uint16_t *near, const uint16_t *far, uint16_t *out)
{
	for (int i = 0; i < GROUP; i++)
		out[i] = (uint16_t)((3 * bound(near[i]) + bound(far[i]) + 2) >> 2);
}

#ifdef __x86_64__

/* ---- by AVX2 */

#define AVX2		__attribute__((target("avx2")))

AVX2 static inline __m128i
load_codes(const uint16_t *p)
{
	return _mm_min_epu16(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi16(MOST));
}

/* The weights of both of a pair, of what is between them. */
AVX2 static inline __m256i
weights(__m256i code)
{
	__m256i part = _mm256_and_si256(code, _mm256_set1_epi32(C_MASK));

	return _mm256_or_si256(_mm256_sub_epi32(_mm256_set1_epi32(C_MASK + 1), part),
	    _mm256_slli_epi32(part, 16));
}

AVX2 static inline __m256i
mix(__m256i pair, __m256i weight)
{
	return _mm256_srli_epi32(_mm256_add_epi32(_mm256_madd_epi16(pair, weight),
	    _mm256_set1_epi32(C_MASK / 2 + 1)), C_SHIFT);
}

AVX2 static inline __m256i
pair_up(__m256i a, __m256i b)
{
	return _mm256_or_si256(a, _mm256_slli_epi32(b, 16));
}

AVX2 static inline __m128i
narrow(__m256i v)
{
	v = _mm256_permute4x64_epi64(_mm256_packs_epi32(v, v), 0x08);
	return _mm256_castsi256_si128(v);
}

/* Of each second and what is half way to the next. */
AVX2 static inline __m256i
widen(const uint16_t *c)
{
	__m128i here = _mm_loadu_si128((const __m128i *)c);
	__m128i next = _mm_loadu_si128((const __m128i *)(c + 1));

	return _mm256_cvtepu16_epi32(_mm_unpacklo_epi16(here, _mm_avg_epu16(here, next)));
}

/* Where [b][y][r] is, in a table with so many y. */
AVX2 static inline __m256i
place(__m256i b, __m256i y, __m256i r, int luma)
{
	__m256i at = _mm256_add_epi32(_mm256_mullo_epi32(_mm256_srli_epi32(b, C_SHIFT),
	    _mm256_set1_epi32(luma)), y);

	return _mm256_add_epi32(_mm256_mullo_epi32(at, _mm256_set1_epi32(TONEMAP_CHROMA)),
	    _mm256_srli_epi32(r, C_SHIFT));
}

AVX2 static void
luma_avx2(const struct tonemap *t, const uint16_t *y, const uint16_t *cb,
    const uint16_t *cr, int16_t *out)
{
	const int *p = (const int *)&t->luma[0][0][0], *q = (const int *)&t->luma[1][0][0];
	__m256i b = widen(cb), r = widen(cr), weight = weights(r);
	__m256i at = place(b, _mm256_cvtepu16_epi32(_mm_srli_epi16(load_codes(y), Y_SHIFT)), r,
	    TONEMAP_LUMA);
	__m256i v = mix(_mm256_i32gather_epi32(p, at, 2), weight);
	__m256i w = mix(_mm256_i32gather_epi32(q, at, 2), weight);

	_mm_storeu_si128((__m128i *)out, narrow(mix(pair_up(v, w), weights(b))));
}

AVX2 static inline __m256i
low(__m256i a, __m256i b)
{
	return _mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xaa);
}

AVX2 static inline __m256i
high(__m256i a, __m256i b)
{
	return _mm256_blend_epi16(_mm256_srli_epi32(a, 16), b, 0xaa);
}

AVX2 static void
chroma_avx2(const struct tonemap *t, const uint16_t *y0, const uint16_t *y1,
    const uint16_t *cb, const uint16_t *cr, int16_t *out_cb, int16_t *out_cr)
{
	const int *p = (const int *)&t->chroma[0][0][0][0], *q = (const int *)&t->chroma[1][0][0][0];
	const __m256i most = _mm256_set1_epi16(MOST);
	__m256i sum = _mm256_add_epi16(
	    _mm256_min_epu16(_mm256_loadu_si256((const __m256i *)y0), most),
	    _mm256_min_epu16(_mm256_loadu_si256((const __m256i *)y1), most));
	__m256i b = _mm256_cvtepu16_epi32(load_codes(cb));
	__m256i r = _mm256_cvtepu16_epi32(load_codes(cr));
	__m256i wb = weights(b), wr = weights(r), y, at, v, w;

	y = _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
	y = _mm256_srli_epi32(_mm256_add_epi32(y, _mm256_set1_epi32(2)), 2);
	at = place(b, _mm256_srli_epi32(y, COARSE_SHIFT), r, TONEMAP_COARSE);
	v = _mm256_i32gather_epi32(p, at, 4);
	w = _mm256_i32gather_epi32(p + 1, at, 4);
	sum = _mm256_i32gather_epi32(q, at, 4);
	y = _mm256_i32gather_epi32(q + 1, at, 4);
	_mm_storeu_si128((__m128i *)out_cb, narrow(mix(pair_up(mix(low(v, w), wr),
	    mix(low(sum, y), wr)), wb)));
	_mm_storeu_si128((__m128i *)out_cr, narrow(mix(pair_up(mix(high(v, w), wr),
	    mix(high(sum, y), wr)), wb)));
}

AVX2 static void
blend_avx2(const uint16_t *near, const uint16_t *far, uint16_t *out)
{
	__m128i a = load_codes(near), b = load_codes(far);
	__m128i sum = _mm_add_epi16(_mm_add_epi16(a, _mm_add_epi16(a, a)),
	    _mm_add_epi16(b, _mm_set1_epi16(2)));

	_mm_storeu_si128((__m128i *)out, _mm_srli_epi16(sum, 2));
}

static const struct looker avx2 = { luma_avx2, chroma_avx2, blend_avx2 };

#endif

static const struct looker plain = { luma_plain, chroma_plain, blend_plain };

static const struct looker *
best(const struct tonemap *t)
{
#ifdef __x86_64__
	if (!t->plain && __builtin_cpu_supports("avx2"))
		return &avx2;
#endif
	(void)t;
	return &plain;
}

/* ---- lines */

/* What is not a whole group is looked up in a copy. */
struct rest {
	uint16_t y[2][2 * GROUP], cb[GROUP], cr[GROUP];
};

static const uint16_t *
line(const AVFrame *f, int plane, int y)
{
	int height = plane == 0 ? f->height : f->height / 2;

	y = y < 0 ? 0 : y >= height ? height - 1 : y;
	return (const uint16_t *)(f->data[plane] + (ptrdiff_t)y * f->linesize[plane]);
}

/* n samples of a group, in the depth of the output. */
static void
put(const struct tonemap *t, const int16_t v[static GROUP], AVFrame *f, int plane, int x,
    int y, int n)
{
	uint8_t *to = f->data[plane] + (ptrdiff_t)y * f->linesize[plane];
	const int16_t *d = dither[y % GROUP];
	uint16_t wide[GROUP];
	uint8_t byte[GROUP];

	if (t->spec.depth > 8) {
		for (int i = 0; i < GROUP; i++)
			wide[i] = (uint16_t)((v[i] + (d[i] >> (6 - t->bits))) >> t->bits);
		memcpy(to + 2 * (size_t)x, wide, 2 * (size_t)n);
	} else {
		for (int i = 0; i < GROUP; i++)
			byte[i] = (uint8_t)((v[i] + d[i]) >> 6);
		memcpy(to + x, byte, (size_t)n);
	}
}

/* Chroma for line y: it lies between two lines.  And what is behind the last. */
static void
blend(const struct looker *look, const AVFrame *in, int plane, int y, uint16_t *out)
{
	const uint16_t *near = line(in, plane, y / 2);
	const uint16_t *far = line(in, plane, y % 2 == 0 ? y / 2 - 1 : y / 2 + 1);
	int w = in->width / 2, x = 0;

	for (; x + GROUP <= w; x += GROUP)
		look->blend(near + x, far + x, out + x);
	for (; x < w; x++)
		out[x] = (uint16_t)((3 * bound(near[x]) + bound(far[x]) + 2) >> 2);
	for (int i = 0; i < 2 * GROUP; i++)
		out[w + i] = out[w - 1];
}

static void
luma_line(const struct tonemap *t, const struct looker *look, const AVFrame *in,
    const uint16_t *cb, const uint16_t *cr, AVFrame *out, int y)
{
	const uint16_t *luma = line(in, 0, y);
	int16_t v[GROUP];
	int x = 0, left;
	struct rest r;

	for (; x + GROUP <= in->width; x += GROUP) {
		look->luma(t, luma + x, cb + x / 2, cr + x / 2, v);
		put(t, v, out, 0, x, y, GROUP);
	}
	if ((left = in->width - x) == 0)
		return;
	memset(&r, 0, sizeof(r));
	memcpy(r.y[0], luma + x, (size_t)left * sizeof(*luma));
	look->luma(t, r.y[0], cb + x / 2, cr + x / 2, v);
	put(t, v, out, 0, x, y, left);
}

static void
chroma_line(const struct tonemap *t, const struct looker *look, const AVFrame *in,
    AVFrame *out, int y)
{
	const uint16_t *y0 = line(in, 0, 2 * y), *y1 = line(in, 0, 2 * y + 1);
	const uint16_t *cb = line(in, 1, y), *cr = line(in, 2, y);
	int w = in->width / 2, x = 0, left;
	int16_t v[2][GROUP];
	struct rest r;

	for (; x + GROUP <= w; x += GROUP) {
		look->chroma(t, y0 + 2 * x, y1 + 2 * x, cb + x, cr + x, v[0], v[1]);
		put(t, v[0], out, 1, x, y, GROUP);
		put(t, v[1], out, 2, x, y, GROUP);
	}
	if ((left = w - x) == 0)
		return;
	memset(&r, 0, sizeof(r));
	memcpy(r.y[0], y0 + 2 * x, 2 * (size_t)left * sizeof(*y0));
	memcpy(r.y[1], y1 + 2 * x, 2 * (size_t)left * sizeof(*y1));
	memcpy(r.cb, cb + x, (size_t)left * sizeof(*cb));
	memcpy(r.cr, cr + x, (size_t)left * sizeof(*cr));
	look->chroma(t, r.y[0], r.y[1], r.cb, r.cr, v[0], v[1]);
	put(t, v[0], out, 1, x, y, left);
	put(t, v[1], out, 2, x, y, left);
}

bool
tonemap_picture(const struct tonemap *t, const AVFrame *in, AVFrame *out)
{
	const struct looker *look = best(t);
	size_t room = (size_t)in->width / 2 + 2 * GROUP;
	uint16_t *cb = malloc(2 * room * sizeof(*cb));

	if (cb == NULL)
		return false;
	for (int y = 0; y < in->height; y++) {
		blend(look, in, 1, y, cb);
		blend(look, in, 2, y, cb + room);
		luma_line(t, look, in, cb, cb + room, out, y);
	}
	for (int y = 0; y < in->height / 2; y++)
		chroma_line(t, look, in, out, y);
	free(cb);
	return true;
}
