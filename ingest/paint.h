/*
 * paint.h - the picture of test: as planes of 4:2:0, 8 bits.
 *
 * Clouds of noise that scroll over a gradient, a zone plate that moves, shapes
 * that bounce, a clock and a number to read, the same as a block code
 * (lib/media/blockcode.h), and a field that flashes.
 *
 * Memory   paint_new() gives, paint_free() frees.
 */
#ifndef PAINT_H
#define PAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct paint;

/* Even sizes, 128x72 to 8192x4320. */
struct paint *paint_new(unsigned width, unsigned height);
void paint_free(struct paint *p);

struct paint_picture {
	uint32_t number;
	int64_t	 utc_ns;		/* what the clock shows */
	unsigned motion;		/* position of all that moves */
	bool	 flash, flash_start;
};

void paint_picture(struct paint *p, const struct paint_picture *what,
    uint8_t *const plane[3], const int stride[3]);

#endif
