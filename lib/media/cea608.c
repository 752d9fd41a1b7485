#include <string.h>

#include "lib/media/cea608.h"

/* Of the bytes 0x20 to 0x7f those that are not ASCII: CTA-608 table 50. */
static const struct { uint8_t code; uint16_t ch; } standard[] = {
	{ 0x27, 0x2019 }, { 0x2a, 0xe1 }, { 0x5c, 0xe9 }, { 0x5e, 0xed }, { 0x5f, 0xf3 },
	{ 0x60, 0xfa }, { 0x7b, 0xe7 }, { 0x7c, 0xf7 }, { 0x7d, 0xd1 }, { 0x7e, 0xf1 },
	{ 0x7f, 0x2588 },
};

/* 0x11 0x30 to 0x3f; 0x39 is a transparent space */
static const uint16_t special[16] = {
	0xae, 0xb0, 0xbd, 0xbf, 0x2122, 0xa2, 0xa3, 0x266a,
	0xe0, 0, 0xe8, 0xe2, 0xea, 0xee, 0xf4, 0xfb,
};

/* 0x12 and 0x13, 0x20 to 0x3f */
static const uint16_t extended[2][32] = { {
	0xc1, 0xc9, 0xd3, 0xda, 0xdc, 0xfc, 0x2018, 0xa1,
	0x2a, 0x27, 0x2014, 0xa9, 0x2120, 0x2022, 0x201c, 0x201d,
	0xc0, 0xc2, 0xc7, 0xc8, 0xca, 0xcb, 0xeb, 0xce,
	0xcf, 0xef, 0xd4, 0xd9, 0xf9, 0xdb, 0xab, 0xbb,
}, {
	0xc3, 0xe3, 0xcd, 0xcc, 0xec, 0xd2, 0xf2, 0xd5,
	0xf5, 0x7b, 0x7d, 0x5c, 0x5e, 0x5f, 0x7c, 0x7e,
	0xc4, 0xe4, 0xd6, 0xf6, 0xdf, 0xa5, 0xa4, 0xa6,
	0xc5, 0xe5, 0xd8, 0xf8, 0x250c, 0x2510, 0x2514, 0x2518,
} };

/* Miscellaneous control codes, 0x14 (in field 2 also 0x15) 0x20 to 0x2f. */
enum {
	RCL = 0x20, BS, AOF, AON, DER, RU2, RU3, RU4, FON, RDC, TR, RTD, EDM, CR, ENM, EOC
};

void
cea608_init(struct cea608 *d, unsigned channel)
{
	*d = (struct cea608){ .channel = channel, .row = CC_ROWS - 1 };
}

static struct cc_cell (*
target(struct cea608 *d))[CEA608_COLUMNS]
{
	return d->memory[d->mode == CEA608_POP ? !d->shown : d->shown];
}

static bool
is_seen(const struct cea608 *d)
{
	return d->mode != CEA608_POP;
}

static void
erase(struct cea608 *d, unsigned memory)
{
	memset(d->memory[memory], 0, sizeof(d->memory[memory]));
}

/* ---- characters */

static void
write_cell(struct cea608 *d, uint16_t ch)
{
	target(d)[d->row][d->column] = (struct cc_cell){ ch, d->style };
	if (d->column < CEA608_COLUMNS - 1)
		d->column++;
}

/* After the last column the cursor stays in it. */
static void
backspace(struct cea608 *d)
{
	struct cc_cell *row = target(d)[d->row];

	if (d->column == 0)
		return;
	if (d->column == CEA608_COLUMNS - 1 && row[d->column].ch != 0) {
		row[d->column].ch = 0;
		return;
	}
	row[--d->column].ch = 0;
}

static uint16_t
standard_character(uint8_t code)
{
	for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
		if (standard[i].code == code)
			return standard[i].ch;
	return code;
}

static bool
put_characters(struct cea608 *d, uint8_t a, uint8_t b)
{
	if (!d->mine || d->text || d->mode == CEA608_NONE)
		return false;
	if (a >= 0x20)
		write_cell(d, standard_character(a));
	if (b >= 0x20)
		write_cell(d, standard_character(b));
	return is_seen(d);
}

/* ---- control codes */

static void
roll_up(struct cea608 *d)
{
	struct cc_cell (*m)[CEA608_COLUMNS] = d->memory[d->shown];
	unsigned top = d->row + 1 - d->rows;

	memset(m, 0, top * sizeof(m[0]));
	memmove(m[top], m[top + 1], (d->rows - 1) * sizeof(m[0]));
	memset(m[d->row], 0, sizeof(m[0]));
	d->column = 0;
}

/* The rows of roll-up move with their base. */
static bool
move_base(struct cea608 *d, unsigned row)
{
	struct cc_cell (*m)[CEA608_COLUMNS] = d->memory[d->shown];
	struct cc_cell kept[4][CEA608_COLUMNS];

	if (row + 1 < d->rows)
		row = d->rows - 1;
	if (row == d->row)
		return false;
	memcpy(kept, m[d->row + 1 - d->rows], d->rows * sizeof(m[0]));
	erase(d, d->shown);
	memcpy(m[row + 1 - d->rows], kept, d->rows * sizeof(m[0]));
	d->row = row;
	return true;
}

/* Preamble address codes: row, and indent or style. */
static bool
address(struct cea608 *d, uint8_t c, uint8_t b)
{
	static const uint8_t rows[8][2] = {
		{ 10, 10 }, { 0, 1 }, { 2, 3 }, { 11, 12 }, { 13, 14 }, { 4, 5 }, { 6, 7 },
		{ 8, 9 },
	};
	unsigned row = rows[c & 7][b >> 5 & 1], what = b >> 1 & 15;
	bool moved = false;

	if (d->mode == CEA608_NONE)
		return false;
	if (d->mode == CEA608_ROLL)
		moved = move_base(d, row);
	else
		d->row = row;
	d->column = what >= 8 ? (what - 8) * 4 : 0;
	d->style = what < 7 ? (uint8_t)(what << CC_COLOUR_SHIFT) : what == 7 ? CC_ITALIC : 0;
	if ((b & 1) != 0)
		d->style |= CC_UNDERLINE;
	return moved;
}

/* It takes a column, as a space. */
static bool
mid_row(struct cea608 *d, uint8_t b)
{
	unsigned what = b >> 1 & 7;

	if (d->mode == CEA608_NONE)
		return false;
	if (what < 7)
		d->style = (uint8_t)(what << CC_COLOUR_SHIFT);
	else
		d->style = (uint8_t)((d->style & ~CC_UNDERLINE) | CC_ITALIC);
	if ((b & 1) != 0)
		d->style |= CC_UNDERLINE;
	write_cell(d, ' ');
	return is_seen(d);
}

/* Sent again it changes how many rows there are, and nothing else. */
static bool
start_roll_up(struct cea608 *d, unsigned rows)
{
	if (d->mode != CEA608_ROLL) {
		erase(d, 0);
		erase(d, 1);
		d->row = CC_ROWS - 1;
		d->column = 0;
		d->style = 0;
	}
	d->mode = CEA608_ROLL;
	d->rows = rows;
	if (d->row + 1 < rows)
		d->row = rows - 1;
	memset(d->memory[d->shown], 0, (d->row + 1 - rows) * sizeof(d->memory[0][0]));
	return true;
}

static bool
miscellaneous(struct cea608 *d, uint8_t b)
{
	if (b == TR || b == RTD)
		d->text = true;
	else if (b == RCL || (b >= RU2 && b <= RU4) || b == RDC || b == EOC)
		d->text = false;
	else if (d->text && b != EDM && b != ENM)
		return false;
	switch (b) {
	case RCL:
		d->mode = CEA608_POP;
		return false;
	case RDC:
		d->mode = CEA608_PAINT;
		return false;
	case RU2:
	case RU3:
	case RU4:
		return start_roll_up(d, b - RU2 + 2u);
	case EDM:
		erase(d, d->shown);
		return true;
	case ENM:
		erase(d, !d->shown);
		return false;
	case EOC:
		d->shown = !d->shown;
		d->mode = CEA608_POP;
		return true;
	case CR:
		if (d->mode != CEA608_ROLL)
			return false;
		roll_up(d);
		return true;
	case BS:
		if (d->mode != CEA608_NONE)
			backspace(d);
		return is_seen(d);
	case DER:
		if (d->mode != CEA608_NONE)
			memset(&target(d)[d->row][d->column], 0,
			    (CEA608_COLUMNS - d->column) * sizeof(struct cc_cell));
		return is_seen(d);
	default:
		return false;
	}
}

/* The channel's own: c without its bit. */
static bool
control(struct cea608 *d, uint8_t c, uint8_t b)
{
	bool misc = (c == 0x14 || c == 0x15) && b >= 0x20 && b <= 0x2f;

	if (misc)
		return miscellaneous(d, b);
	if (d->text || d->mode == CEA608_NONE)
		return false;
	if (b >= 0x40)
		return address(d, c, b);
	if (c == 0x11 && b < 0x30)
		return mid_row(d, b);
	if (c == 0x11) {
		write_cell(d, special[b & 15]);
		return is_seen(d);
	}
	if (c == 0x12 || c == 0x13) {
		backspace(d);
		write_cell(d, extended[c & 1][b & 31]);
		return is_seen(d);
	}
	if (c == 0x17 && b >= 0x21 && b <= 0x23) {
		d->column += b & 3u;
		if (d->column > CEA608_COLUMNS - 1)
			d->column = CEA608_COLUMNS - 1;
	}
	return false;
}

static bool
has_odd_parity(uint8_t b)
{
	return (__builtin_popcount(b) & 1) != 0;
}

bool
cea608_put(struct cea608 *d, uint8_t b1, uint8_t b2)
{
	uint8_t a = b1 & 0x7f, b = b2 & 0x7f;
	bool good = has_odd_parity(b1), second = has_odd_parity(b2);

	if (good && second && a == 0 && b == 0)
		return false;
	if (good && a >= 0x10 && a < 0x20) {
		if (!second || b < 0x20)
			return false;
		if (d->last[0] == a && d->last[1] == b) {
			d->last[0] = 0;		/* the same once more */
			return false;
		}
		d->last[0] = a;
		d->last[1] = b;
		d->xds = false;
		d->mine = (a >> 3 & 1) == ((d->channel - 1) & 1);
		return d->mine && control(d, a & 0x17, b);
	}
	d->last[0] = 0;
	if (good && a > 0 && a < 0x10) {	/* of field 2; 0x0f is its end */
		d->xds = a != 0x0f;
		return false;
	}
	if (d->xds)
		return false;
	return put_characters(d, good ? a : 0x7f, second ? b : 0x7f);
}

/* ---- the screen */

/* Are all rows in the middle, within a column? */
static bool
is_centred(const struct cc_block *b, const int *first)
{
	if (b->nrow == 1)
		return 2 * first[0] + (int)b->row[0].n >= CEA608_COLUMNS - 2 &&
		    2 * first[0] + (int)b->row[0].n <= CEA608_COLUMNS + 2 && first[0] % 4 != 0;
	return cc_block_centred(b, first, CEA608_COLUMNS);
}

static void
place(struct cc_block *b, unsigned row, const int *first)
{
	int left = first[0];

	for (unsigned r = 1; r < b->nrow; r++)
		if (first[r] < left)
			left = first[r];
	b->line = 1000 + (int)row * 8000 / CC_ROWS;
	b->align = is_centred(b, first) ? CC_CENTER : CC_START;
	b->position = b->align == CC_CENTER ? 5000 : 1000 + left * 8000 / CEA608_COLUMNS;
}

void
cea608_screen(const struct cea608 *d, struct cc_screen *s)
{
	const struct cc_cell (*m)[CEA608_COLUMNS] = d->memory[d->shown];
	int first[CC_ROWS];

	s->n = 0;
	for (unsigned r = 0; r < CC_ROWS && s->n < CC_BLOCKS; r++) {
		struct cc_block *b = &s->block[s->n];
		unsigned top = r;

		for (b->nrow = 0; r < CC_ROWS; r++) {
			first[b->nrow] = cc_row_of(&b->row[b->nrow], m[r], CEA608_COLUMNS);
			if (first[b->nrow] < 0)
				break;
			b->nrow++;
		}
		if (b->nrow == 0)
			continue;
		place(b, top, first);
		s->n++;
	}
}
