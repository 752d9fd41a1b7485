#include <errno.h>
#include <string.h>

#include "lib/media/blockcode.h"

#define MARKER		0xb10cu
#define LEFT		2u
#define TOP		2u
#define WIDE		32u
#define HIGH		4u
#define BYTES		(WIDE * HIGH / 8)
#define BLACK		16
#define WHITE		235
#define CONTRAST	32u		/* less is no code */

static uint16_t
crc16(const uint8_t *p, size_t len)
{
	uint16_t crc = 0xffff;

	for (; len > 0; len--) {
		crc ^= (uint16_t)(*p++ << 8);
		for (int i = 0; i < 8; i++)
			crc = (uint16_t)(crc << 1 ^ ((crc & 0x8000) != 0 ? 0x1021 : 0));
	}
	return crc;
}

void
blockcode_fill(uint8_t *luma, size_t stride, unsigned width, unsigned height,
    unsigned x, unsigned y, unsigned w, unsigned h, uint8_t value)
{
	size_t left = (size_t)width * x / BLOCKCODE_COLUMNS;
	size_t right = (size_t)width * (x + w) / BLOCKCODE_COLUMNS;
	size_t bottom = (size_t)height * (y + h) / BLOCKCODE_ROWS;

	for (size_t row = (size_t)height * y / BLOCKCODE_ROWS; row < bottom; row++)
		memset(luma + row * stride + left, value, right - left);
}

unsigned
blockcode_mean(const uint8_t *luma, size_t stride, unsigned width,
    unsigned height, unsigned x, unsigned y)
{
	size_t left = (size_t)width * (4 * x + 1) / (4 * BLOCKCODE_COLUMNS);
	size_t right = (size_t)width * (4 * x + 3) / (4 * BLOCKCODE_COLUMNS);
	size_t top = (size_t)height * (4 * y + 1) / (4 * BLOCKCODE_ROWS);
	size_t bottom = (size_t)height * (4 * y + 3) / (4 * BLOCKCODE_ROWS);
	size_t sum = 0, n = 0;

	for (size_t row = top; row < bottom || row == top; row++)
		for (size_t col = left; col < right || col == left; col++) {
			sum += luma[row * stride + col];
			n++;
		}
	return (unsigned)(sum / n);
}

void
blockcode_put(const struct blockcode *b, uint8_t *luma, size_t stride,
    unsigned width, unsigned height)
{
	uint8_t bytes[BYTES] = { MARKER >> 8, MARKER & 0xff };
	uint16_t crc;

	for (unsigned i = 0; i < 4; i++)
		bytes[2 + i] = (uint8_t)(b->number >> (24 - 8 * i));
	for (unsigned i = 0; i < 6; i++)
		bytes[6 + i] = (uint8_t)(b->utc_ms >> (40 - 8 * i));
	bytes[12] = (uint8_t)(b->flags >> 8);
	bytes[13] = (uint8_t)b->flags;
	crc = crc16(bytes, BYTES - 2);
	bytes[14] = (uint8_t)(crc >> 8);
	bytes[15] = (uint8_t)crc;
	blockcode_fill(luma, stride, width, height, LEFT - 1, TOP - 1, WIDE + 2,
	    HIGH + 2, BLACK);
	for (unsigned i = 0; i < WIDE * HIGH; i++)
		if ((bytes[i / 8] >> (7 - i % 8) & 1) != 0)
			blockcode_fill(luma, stride, width, height, LEFT + i % WIDE,
			    TOP + i / WIDE, 1, 1, WHITE);
}

int
blockcode_parse(struct blockcode *b, const uint8_t *luma, size_t stride,
    unsigned width, unsigned height)
{
	unsigned mean[WIDE * HIGH], white = 0, black = 0, nwhite = 0, threshold;
	uint8_t bytes[BYTES] = { 0 };

	if (width < BLOCKCODE_COLUMNS || height < BLOCKCODE_ROWS)
		return -EBADMSG;
	for (unsigned i = 0; i < WIDE * HIGH; i++) {
		mean[i] = blockcode_mean(luma, stride, width, height, LEFT + i % WIDE,
		    TOP + i / WIDE);
		if (i >= 16)
			continue;
		if ((MARKER >> (15 - i) & 1) != 0) {
			white += mean[i];
			nwhite++;
		} else {
			black += mean[i];
		}
	}
	white /= nwhite;
	black /= 16 - nwhite;
	if (white < black + CONTRAST)
		return -EBADMSG;
	threshold = (white + black) / 2;
	for (unsigned i = 0; i < WIDE * HIGH; i++)
		if (mean[i] > threshold)
			bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if ((bytes[0] << 8 | bytes[1]) != (int)MARKER ||
	    (bytes[14] << 8 | bytes[15]) != crc16(bytes, BYTES - 2))
		return -EBADMSG;
	*b = (struct blockcode){ .flags = (uint16_t)(bytes[12] << 8 | bytes[13]) };
	for (unsigned i = 0; i < 4; i++)
		b->number = b->number << 8 | bytes[2 + i];
	for (unsigned i = 0; i < 6; i++)
		b->utc_ms = b->utc_ms << 8 | bytes[6 + i];
	return 0;
}
