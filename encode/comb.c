#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "encode/comb.h"

#define RUN	16	/* samples: a length that is known, so that compilers make vectors */
#define CELL	8	/* sides of a cell; a window is two by two of them */
#define BLOCK	32
#define WIDEST	8192

#define APART	9	/* a sample is from both lines beside it, in eight bits, */
#define MANY	80	/* so many of them in a window */

int
comb_depth(const AVFrame *f)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);

	return d != NULL && d->comp[0].depth > 8 ? d->comp[0].depth - 8 : 0;
}

static int64_t
line8(const uint8_t *above, const uint8_t *below, const uint8_t *middle, int w)
{
	int sum = 0;

	for (; w >= RUN; w -= RUN, above += RUN, below += RUN, middle += RUN)
		for (int x = 0; x < RUN; x++)
			sum += abs(above[x] + below[x] - 2 * middle[x]);
	return sum;
}

static int64_t
line16(const uint8_t *above, const uint8_t *below, const uint8_t *middle, int w)
{
	const uint16_t *a = (const void *)above, *b = (const void *)below;
	const uint16_t *m = (const void *)middle;
	int64_t sum = 0;

	for (; w >= RUN; w -= RUN, a += RUN, b += RUN, m += RUN)
		for (int x = 0; x < RUN; x++)
			sum += abs(a[x] + b[x] - 2 * m[x]);
	return sum;
}

int64_t
comb_line(bool deep, const uint8_t *above, const uint8_t *below, const uint8_t *middle,
    int width)
{
	return deep ? line16(above, below, middle, width) : line8(above, below, middle, width);
}

static const uint8_t *
row(const AVFrame *even, const AVFrame *odd, int y)
{
	const AVFrame *f = y % 2 == 0 ? even : odd;

	return f->data[0] + (ptrdiff_t)y * f->linesize[0];
}

int64_t
comb_weave(const AVFrame *even, const AVFrame *odd)
{
	bool deep = comb_depth(even) > 0;
	int64_t sum = 0;

	for (int y = 1; y + 1 < even->height; y += 2)
		sum += comb_line(deep, row(even, odd, y - 1), row(even, odd, y + 1),
		    row(even, odd, y), even->width);
	return sum;
}

/*
 * The samples of a cell's line that have moved and are above or below both neighbours by
 * more than the least, and stay so when two more lines are asked.
 */
#define AT(type, line)	((const type *)(const void *)(line) + x)
#define COUNT(type)							\
static int								\
count_ ## type(const uint8_t *const l[7], int x, int least)		\
{									\
	const type *a = AT(type, l[0]), *b = AT(type, l[1]);		\
	const type *c = AT(type, l[2]), *d = AT(type, l[3]);		\
	const type *e = AT(type, l[4]), *now = AT(type, l[5]);		\
	const type *then = AT(type, l[6]);				\
	int16_t t = (int16_t)least;					\
	int n = 0;							\
									\
	for (int i = 0; i < CELL; i++) {				\
		int16_t up = (int16_t)(c[i] - b[i]);			\
		int16_t down = (int16_t)(c[i] - d[i]);			\
		int16_t all = (int16_t)(a[i] + 4 * c[i] + e[i] -	\
		    3 * (b[i] + d[i]));					\
		int16_t went = (int16_t)(now[i] - then[i]);		\
		int16_t above = (up > t) & (down > t);			\
		int16_t below = (up < -t) & (down < -t);		\
									\
		n += (above | below) & ((all > 6 * t) | (all < -6 * t)) & \
		    ((went > t) | (went < -t));				\
	}								\
	return n;							\
}

COUNT(uint8_t)
COUNT(uint16_t)

bool
comb_seen(const AVFrame *even, const AVFrame *odd, const AVFrame *now, const AVFrame *then)
{
	unsigned short cell[2][WIDEST / CELL] = { { 0 } };
	int shift = comb_depth(even), cells = even->width / CELL;

	if (even->width > WIDEST)
		return false;
	for (int y = 2; y + 2 < even->height; y++) {
		unsigned short *at = cell[y / CELL % 2], *last = cell[y / CELL % 2 ^ 1];
		const uint8_t *l[7];

		if (y % CELL == 0)
			memset(at, 0, sizeof(cell[0]));
		for (int i = 0; i < 5; i++)
			l[i] = row(even, odd, y - 2 + i);
		l[5] = row(now, now, y);
		l[6] = row(then, then, y);
		for (int i = 0; i < cells; i++)
			at[i] += (unsigned short)(shift == 0 ?
			    count_uint8_t(l, i * CELL, APART) :
			    count_uint16_t(l, i * CELL, APART << shift));
		for (int i = 1; y % CELL == CELL - 1 && i < cells; i++)
			if (at[i - 1] + at[i] + last[i - 1] + last[i] > MANY)
				return true;
	}
	return false;
}

static int
differ8(const uint8_t *a, const uint8_t *b)
{
	int sum = 0;

	for (int x = 0; x < BLOCK; x++)
		sum += abs(a[x] - b[x]);
	return sum;
}

static int
differ16(const uint8_t *a8, const uint8_t *b8)
{
	const uint16_t *a = (const void *)a8, *b = (const void *)b8;
	int sum = 0;

	for (int x = 0; x < BLOCK; x++)
		sum += abs(a[x] - b[x]);
	return sum;
}

int64_t
comb_differ(const AVFrame *a, const AVFrame *b)
{
	int sum[WIDEST / BLOCK] = { 0 }, most = 0, blocks = a->width / BLOCK;
	bool deep = comb_depth(a) > 0;

	if (a->width > WIDEST)
		return 0;
	for (int y = 0; y < a->height; y++) {
		const uint8_t *p = a->data[0] + (ptrdiff_t)y * a->linesize[0];
		const uint8_t *q = b->data[0] + (ptrdiff_t)y * b->linesize[0];

		for (int i = 0; i < blocks; i++)
			sum[i] += deep ? differ16(p + (ptrdiff_t)i * BLOCK * 2, q +
			    (ptrdiff_t)i * BLOCK * 2) : differ8(p + (ptrdiff_t)i * BLOCK, q +
			    (ptrdiff_t)i * BLOCK);
		if (y % BLOCK != BLOCK - 1 && y + 1 < a->height)
			continue;
		for (int i = 0; i < blocks; i++) {
			most = sum[i] > most ? sum[i] : most;
			sum[i] = 0;
		}
	}
	return most;
}
