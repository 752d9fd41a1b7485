/*
 * ccscreen.h - what a caption decoder shows: rows of characters with their style, in
 * blocks that have a place in the picture; and the same as cues of WebVTT.
 *
 * Spec     CTA-608 and CTA-708 (the safe title area: 80 % of the picture, 15 rows, 32
 *          columns, or 42 where it is 16:9); W3C WebVTT 4.2.2 (cue text), 4.3.2
 *          (settings), 5.1 (colours).
 * Units    Places in 1/100 % of the picture.
 * Memory   Caller's structs; nothing allocates.
 */
#ifndef CCSCREEN_H
#define CCSCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CC_ROWS		15
#define CC_COLUMNS	42		/* 708; of 608 32 */
#define CC_BLOCKS	8

enum {				/* cc_cell.style, and a colour << 2 */
	CC_ITALIC = 1, CC_UNDERLINE = 2, CC_COLOUR_SHIFT = 2
};

enum cc_colour {
	CC_WHITE, CC_GREEN, CC_BLUE, CC_CYAN, CC_RED, CC_YELLOW, CC_MAGENTA, CC_BLACK
};

struct cc_cell {
	uint16_t ch;			/* Unicode; 0: nothing there */
	uint8_t	 style;
};

struct cc_row {
	unsigned n;			/* cells, the first and last of which are no space */
	struct cc_cell cell[CC_COLUMNS];
};

enum cc_align { CC_START, CC_CENTER, CC_END };

struct cc_block {
	int	 line;			/* of its upper edge */
	int	 position;		/* of the edge, or the middle, that align says */
	enum cc_align align;
	unsigned nrow;
	struct cc_row row[CC_ROWS];
};

struct cc_screen {
	unsigned n;
	struct cc_block block[CC_BLOCKS];
};

/*
 * One row of cells as a row of a block: without what is empty at both ends, and with
 * spaces for what is within.  Returns the first column, or -1 if there is nothing.
 */
int cc_row_of(struct cc_row *row, const struct cc_cell *cell, unsigned n);

/* Are all rows, which begin at these columns of so many, in the middle to 1.5 columns? */
bool cc_block_centred(const struct cc_block *b, const int *first, int columns);

/* Is the text of b that of a, up to its last character, with more behind it? */
bool cc_screen_grows(const struct cc_screen *a, const struct cc_screen *b);
bool cc_screen_equal(const struct cc_screen *a, const struct cc_screen *b);

#define CC_TEXT_MAX	((size_t)CC_ROWS * CC_COLUMNS * 48)
#define CC_SETTINGS_MAX	64

/* The cue text of a block, at most CC_TEXT_MAX bytes, with NUL; returns its length. */
size_t cc_block_text(const struct cc_block *b, char text[static CC_TEXT_MAX]);
void cc_block_settings(const struct cc_block *b, char settings[static CC_SETTINGS_MAX]);

#endif
