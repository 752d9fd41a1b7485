/*
 * letters.h - text as a picture, by FreeType.
 *
 * Left to right, one glyph for each character: scripts whose letters join, or that are
 * written from the right, are not set as they should be.  Without a glyph for it in the
 * font a character is what the font has for that, a box mostly.
 *
 * Shape    UTF-8, with new lines; a byte that is not is a question mark.
 * Units    Pixels.
 * Memory   letters_draw() gives.
 * Threads  One struct belongs to one thread.
 */
#ifndef ENCODE_LETTERS_H
#define ENCODE_LETTERS_H

#include <stdint.h>

#include "encode/art.h"

#define LETTERS_FONT	"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
#define LETTERS_SIZE	1024		/* the most pixels of a font */

enum letters_align { LETTERS_LEFT, LETTERS_CENTER, LETTERS_RIGHT };

struct letters;

struct letters_look {
	int	 size;			/* of the font */
	uint32_t color, box;		/* 0xrrggbb */
	int	 box_opacity;		/* in thousandths; 0: there is none */
	enum letters_align align;	/* of the lines to each other */
};

/* A font file; "" is LETTERS_FONT.  NULL: it is none that FreeType can read. */
struct letters *letters_open(const char *font);

/* NULL: there is nothing to see, or no memory.  What is wider than ART_SIDE is cut off. */
struct art *letters_draw(struct letters *l, const struct letters_look *look,
    const char *text);
void letters_close(struct letters *l);

#endif
