#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/paint.h"
#include "lib/base/clk.h"
#include "lib/media/blockcode.h"

#define TILE		1024		/* clouds repeat after this */
#define WAVE		1024		/* steps in a turn */

/* The field that flashes, in cells of the block code. */
#define FLASH_X		40u
#define FLASH_Y		25u
#define FLASH_W		16u
#define FLASH_H		8u

struct paint {
	unsigned width, height;
	uint8_t	 wave[WAVE];		/* one turn of a cosine, 16..235 */
	uint8_t	 luma[TILE * TILE], cb[TILE / 2 * TILE / 2], cr[TILE / 2 * TILE / 2];
};

static void
make_wave(uint8_t *wave)
{
	for (unsigned i = 0; i < WAVE; i++)
		wave[i] = (uint8_t)lrint(125 + 110 * cos(2 * M_PI * i / WAVE));
}

static uint32_t
hash(uint32_t x, uint32_t y, uint32_t octave)
{
	uint32_t h = x * 0x9e3779b1u ^ y * 0x85ebca77u ^ octave * 0xc2b2ae3du;

	h ^= h >> 15;
	h *= 0x2c1b3c6du;
	h ^= h >> 12;
	h *= 0x297a2d39u;
	return h ^ h >> 15;
}

/* Value noise on a lattice of cell samples that joins at the ends: 0..255. */
static unsigned
noise(unsigned x, unsigned y, unsigned cell, uint32_t octave)
{
	unsigned n = TILE / cell, cx = x / cell, cy = y / cell;
	unsigned fx = x % cell * 256 / cell, fy = y % cell * 256 / cell;
	unsigned a = hash(cx, cy, octave) & 255, b = hash((cx + 1) % n, cy, octave) & 255;
	unsigned c = hash(cx, (cy + 1) % n, octave) & 255;
	unsigned d = hash((cx + 1) % n, (cy + 1) % n, octave) & 255;

	return ((a * (256 - fx) + b * fx) * (256 - fy) +
	    (c * (256 - fx) + d * fx) * fy) >> 16;
}

static void
make_clouds(struct paint *p)
{
	for (unsigned y = 0; y < TILE; y++)
		for (unsigned x = 0; x < TILE; x++) {
			unsigned v = noise(x, y, 128, 1) * 8 + noise(x, y, 32, 2) * 4 +
			    noise(x, y, 8, 3) * 2 + noise(x, y, 2, 4);
			unsigned ramp = y < TILE / 2 ? y : TILE - 1 - y;

			p->luma[y * TILE + x] = (uint8_t)(30 + v / 26 + ramp / 8);
		}
	for (unsigned y = 0; y < TILE / 2; y++)
		for (unsigned x = 0; x < TILE / 2; x++) {
			p->cb[y * TILE / 2 + x] = (uint8_t)(88 + noise(2 * x, 2 * y, 256, 5) * 80 / 256);
			p->cr[y * TILE / 2 + x] = (uint8_t)(88 + noise(2 * x, 2 * y, 256, 6) * 80 / 256);
		}
}

struct paint *
paint_new(unsigned width, unsigned height)
{
	struct paint *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->width = width;
	p->height = height;
	make_wave(p->wave);
	make_clouds(p);
	return p;
}

void
paint_free(struct paint *p)
{
	free(p);
}

/* Copy a plane out of its tile, which repeats. */
static void
scroll(const uint8_t *tile, unsigned size, unsigned dx, unsigned dy, uint8_t *out,
    size_t stride, unsigned width, unsigned height)
{
	for (unsigned y = 0; y < height; y++) {
		const uint8_t *row = tile + (size_t)((y + dy) % size) * size;
		unsigned from = dx % size;

		for (unsigned x = 0; x < width;) {
			unsigned n = size - from < width - x ? size - from : width - x;

			memcpy(out + y * stride + x, row + from, n);
			x += n;
			from = 0;
		}
	}
}

/* Rings whose frequency grows outwards, up to what the samples can show. */
static void
zone_plate(const struct paint *p, unsigned motion, uint8_t *luma, size_t stride)
{
	unsigned size = (p->width < p->height ? p->width : p->height) * 7 / 16;
	unsigned left = p->width - size - p->width / 32, top = p->height / 24;
	int half = (int)size / 2;

	for (int y = -half; y < half; y++) {
		uint8_t *row = luma + (size_t)((int)top + y + half) * stride + left;

		for (int x = -half; x < half; x++) {
			/* a quarter of the sampling rate at the edge */
			unsigned r2 = (unsigned)(x * x + y * y);

			row[x + half] = p->wave[(r2 * (WAVE / 4) / size - motion * 24) % WAVE];
		}
	}
}

/* Back and forth between 0 and span. */
static unsigned
bounce(unsigned t, unsigned span)
{
	unsigned turn = span > 0 ? t % (2 * span) : 0;

	return turn < span ? turn : 2 * span - turn;
}

static void
fill_disc(uint8_t *plane, size_t stride, unsigned cx, unsigned cy, unsigned r,
    bool square, uint8_t value)
{
	for (unsigned y = 0; y < 2 * r; y++) {
		unsigned half = r;

		if (!square)		/* the half chord of this row */
			while (half > 0 && half * half + (y > r ? (y - r) * (y - r) :
			    (r - y) * (r - y)) > r * r)
				half--;
		memset(plane + (size_t)(cy - r + y) * stride + cx - half, value, 2 * half);
	}
}

static void
shapes(const struct paint *p, unsigned motion, uint8_t *const plane[3],
    const int stride[3])
{
	static const struct {
		unsigned dx, dy, at, size;
		uint8_t y, cb, cr;
	} s[] = {
		{ 5, 3, 100, 12, 210, 40, 150 }, { 3, 7, 500, 16, 80, 90, 230 },
		{ 11, 2, 900, 10, 150, 44, 30 }, { 4, 4, 300, 20, 50, 220, 120 },
		{ 7, 9, 700, 14, 180, 128, 128 },
	};

	for (unsigned i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		unsigned r = (p->height < p->width ? p->height : p->width) / s[i].size & ~1u;
		unsigned scale = p->width;	/* the same course at each size */
		unsigned x = r + bounce((motion * s[i].dx + s[i].at) * scale / 1920,
		    p->width - 2 * r);
		unsigned y = r + bounce((motion * s[i].dy + s[i].at) * scale / 1920,
		    p->height - 2 * r);

		x &= ~1u;
		y &= ~1u;
		fill_disc(plane[0], (size_t)stride[0], x, y, r, i % 2 != 0, s[i].y);
		fill_disc(plane[1], (size_t)stride[1], x / 2, y / 2, r / 2, i % 2 != 0,
		    s[i].cb);
		fill_disc(plane[2], (size_t)stride[2], x / 2, y / 2, r / 2, i % 2 != 0,
		    s[i].cr);
	}
}

/* Five by seven, the topmost row first, the leftmost column the highest bit. */
static const struct {
	char	c;
	uint8_t	row[7];
} font[] = {
	{ '0', { 14, 17, 19, 21, 25, 17, 14 } }, { '1', { 4, 12, 4, 4, 4, 4, 14 } },
	{ '2', { 14, 17, 1, 2, 4, 8, 31 } }, { '3', { 31, 2, 4, 2, 1, 17, 14 } },
	{ '4', { 2, 6, 10, 18, 31, 2, 2 } }, { '5', { 31, 16, 30, 1, 1, 17, 14 } },
	{ '6', { 6, 8, 16, 30, 17, 17, 14 } }, { '7', { 31, 1, 2, 4, 8, 8, 8 } },
	{ '8', { 14, 17, 17, 14, 17, 17, 14 } }, { '9', { 14, 17, 17, 15, 1, 2, 12 } },
	{ ':', { 0, 4, 4, 0, 4, 4, 0 } }, { '.', { 0, 0, 0, 0, 0, 12, 12 } },
	{ '-', { 0, 0, 0, 31, 0, 0, 0 } }, { 'T', { 31, 4, 4, 4, 4, 4, 4 } },
	{ 'Z', { 31, 1, 2, 4, 8, 16, 31 } }, { '#', { 10, 10, 31, 10, 31, 10, 10 } },
};

static void
write_text(const struct paint *p, const char *text, unsigned row, uint8_t *luma,
    size_t stride)
{
	unsigned dot = p->width / 320 > 0 ? p->width / 320 : 1;
	unsigned left = p->width / 32, top = p->height * row / BLOCKCODE_ROWS;
	unsigned wide = (unsigned)strlen(text) * 6 * dot + dot, high = 9 * dot;

	if (left + wide > p->width || top + high > p->height)
		return;
	for (unsigned y = 0; y < high; y++)
		memset(luma + (top + y) * stride + left, 16, wide);
	for (; *text != '\0'; text++, left += 6 * dot)
		for (unsigned i = 0; i < sizeof(font) / sizeof(font[0]); i++)
			for (unsigned y = 0; font[i].c == *text && y < 7 * dot; y++)
				for (unsigned x = 0; x < 5 * dot; x++)
					if ((font[i].row[y / dot] >> (4 - x / dot) & 1) != 0)
						luma[(top + dot + y) * stride + left + dot + x] =
						    235;
}

/* No colour in these cells, since scripts look at them. */
static void
neutral(const struct paint *p, unsigned x, unsigned y, unsigned w, unsigned h,
    uint8_t *const plane[3], const int stride[3])
{
	for (unsigned i = 1; i < 3; i++)
		blockcode_fill(plane[i], (size_t)stride[i], p->width / 2, p->height / 2,
		    x, y, w, h, 128);
}

void
paint_picture(struct paint *p, const struct paint_picture *what,
    uint8_t *const plane[3], const int stride[3])
{
	const struct blockcode code = {
		.number = what->number,
		.utc_ms = (uint64_t)(what->utc_ns / 1000000),
		.flags = (uint16_t)((what->flash ? BLOCKCODE_FLASH : 0) |
		    (what->flash_start ? BLOCKCODE_FLASH_START : 0)),
	};
	size_t ystride = (size_t)stride[0];
	unsigned m = what->motion;
	char text[CLK_ISO];

	scroll(p->luma, TILE, 2 * m, m, plane[0], ystride, p->width, p->height);
	scroll(p->cb, TILE / 2, m, m / 2, plane[1], (size_t)stride[1], p->width / 2,
	    p->height / 2);
	scroll(p->cr, TILE / 2, m, m / 2, plane[2], (size_t)stride[2], p->width / 2,
	    p->height / 2);
	zone_plate(p, m, plane[0], ystride);
	shapes(p, m, plane, stride);
	blockcode_fill(plane[0], ystride, p->width, p->height, FLASH_X - 1, FLASH_Y - 1,
	    FLASH_W + 2, FLASH_H + 2, 16);
	neutral(p, FLASH_X - 1, FLASH_Y - 1, FLASH_W + 2, FLASH_H + 2, plane, stride);
	neutral(p, 1, 1, 34, 6, plane, stride);
	if (what->flash)
		blockcode_fill(plane[0], ystride, p->width, p->height, FLASH_X, FLASH_Y,
		    FLASH_W, FLASH_H, 235);
	blockcode_put(&code, plane[0], ystride, p->width, p->height);
	clk_iso(what->utc_ns, text);
	write_text(p, text, 8, plane[0], ystride);
	snprintf(text, sizeof(text), "#%" PRIu32, what->number);
	write_text(p, text, 11, plane[0], ystride);
}
