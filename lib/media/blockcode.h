/*
 * blockcode.h - a number and a time that a script can read back from a picture.
 *
 * The picture is taken as 64 columns and 36 rows of cells, whatever its size.
 * The code is 32 cells wide and 4 high, in columns 2 to 33 and rows 2 to 5
 * counted from 0, within a border of black of one cell.  A white cell is 1, a
 * black one 0; row by row from the left, the most significant bit first:
 *
 *     16 bits  marker 0xb10c
 *     32 bits  number of the picture
 *     48 bits  ms since 1970 (UTC)
 *     16 bits  flags: 1 in a flash, 2 the first picture of it
 *     16 bits  CRC of the 14 bytes before: x^16 + x^12 + x^5 + 1, from 0xffff
 *
 * To read: take the mean of the middle half of each cell; the threshold is half
 * way between the mean of the marker's white and of its black cells.
 *
 * Units    Luma samples of 8 bits; stride in bytes.
 * Memory   Nothing allocates.
 * Errors   -EBADMSG there is no code, or it is damaged.
 */
#ifndef BLOCKCODE_H
#define BLOCKCODE_H

#include <stddef.h>
#include <stdint.h>

#define BLOCKCODE_COLUMNS	64
#define BLOCKCODE_ROWS		36

enum { BLOCKCODE_FLASH = 1, BLOCKCODE_FLASH_START = 2 };

struct blockcode {
	uint32_t number;
	uint64_t utc_ms;		/* 48 bits */
	uint16_t flags;
};

/* width and height: at least 128 and 72. */
void blockcode_put(const struct blockcode *b, uint8_t *luma, size_t stride,
    unsigned width, unsigned height);
int blockcode_parse(struct blockcode *b, const uint8_t *luma, size_t stride,
    unsigned width, unsigned height);

/* Fill cells [x, x + w) by [y, y + h), or take the mean of their middle half. */
void blockcode_fill(uint8_t *luma, size_t stride, unsigned width, unsigned height,
    unsigned x, unsigned y, unsigned w, unsigned h, uint8_t value);
unsigned blockcode_mean(const uint8_t *luma, size_t stride, unsigned width,
    unsigned height, unsigned x, unsigned y);

#endif
