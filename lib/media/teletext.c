#include <string.h>

#include "lib/media/psi.h"
#include "lib/media/teletext.h"

#define DATA_ID_FIRST	0x10		/* EBU data, EN 300 472 table 2 */
#define DATA_ID_LAST	0x1f
#define UNIT_TEXT	0x02
#define UNIT_SUBTITLE	0x03
#define UNIT_LEN	44
#define FRAMING_CODE	0xe4

#define DESC_TELETEXT	0x56

void
teletext_init(struct teletext *x, unsigned page)
{
	*x = (struct teletext){
		.magazine = (uint8_t)(page / 100),
		.number = (uint8_t)(page / 10 % 10 << 4 | page % 10),
		.group = 0xff, .magazine_group = 0xff,
	};
}

bool
teletext_page(const uint8_t *desc, size_t desc_len, unsigned i, struct teletext_page *page)
{
	size_t len = 0;
	const uint8_t *p = desc_find(desc, desc_len, DESC_TELETEXT, &len);

	for (; p != NULL && len >= 5; p += 5, len -= 5) {
		unsigned type = p[3] >> 3, magazine = p[3] & 7u;

		if ((type != TELETEXT_SUBTITLE && type != TELETEXT_HEARING_IMPAIRED) ||
		    p[4] >> 4 > 9 || (p[4] & 0xf) > 9 || i-- > 0)
			continue;
		*page = (struct teletext_page){
			.page = (magazine == 0 ? 8 : magazine) * 100 + (p[4] >> 4) * 10u +
			    (p[4] & 0xfu),
			.type = type,
			.language = { (char)p[0], (char)p[1], (char)p[2], '\0' },
		};
		return true;
	}
	return false;
}

/* ---- bytes */

static uint8_t
reversed(uint8_t b)
{
	b = (uint8_t)(b << 4 | b >> 4);
	b = (uint8_t)((b & 0x33) << 2 | (b >> 2 & 0x33));
	return (uint8_t)((b & 0x55) << 1 | (b >> 1 & 0x55));
}

/* 8.2: four bits in eight, of which one may be wrong; -1. */
static int
hamming_8_4(uint8_t b)
{
	static const uint8_t code[16] = {
		0x15, 0x02, 0x49, 0x5e, 0x64, 0x73, 0x38, 0x2f,
		0xd0, 0xc7, 0x8c, 0x9b, 0xa1, 0xb6, 0xfd, 0xea,
	};

	for (int i = 0; i < 16; i++)
		if (__builtin_popcount(b ^ code[i]) <= 1)
			return i;
	return -1;
}

/* 8.3: 18 bits in 24, the same; bit n of the specification is bit n - 1 here. */
static int
hamming_24_18(const uint8_t *p)
{
	uint32_t v = (uint32_t)(p[0] | p[1] << 8 | p[2] << 16);
	unsigned syndrome = 0;
	bool odd = __builtin_parity(v) != 0;

	for (unsigned test = 0; test < 5; test++) {
		unsigned parity = 0;

		for (unsigned n = 1; n < 24; n++)
			if ((n >> test & 1) != 0)
				parity ^= v >> (n - 1) & 1;
		syndrome |= (parity ^ 1) << test;
	}
	if (syndrome != 0 && (odd || syndrome > 23))
		return -1;
	if (syndrome != 0)
		v ^= UINT32_C(1) << (syndrome - 1);
	return (int)((v >> 2 & 1) | (v >> 3 & 0xe) | (v >> 4 & 0x7f0) | (v >> 5 & 0x3f800));
}

/* ---- packets */

static enum teletext_seen
header(struct teletext *x, unsigned magazine, const uint8_t *p)
{
	int h[8], number;
	bool serial;

	for (unsigned i = 0; i < 8; i++)
		if ((h[i] = hamming_8_4(p[i])) < 0) {
			if (magazine == x->magazine)
				x->open = false;
			return TELETEXT_NOTHING;
		}
	number = h[1] << 4 | h[0];
	serial = (h[7] & 1) != 0;
	if (magazine != x->magazine || number != x->number) {
		if (magazine == x->magazine || serial)
			x->open = false;
		return TELETEXT_NOTHING;
	}
	x->open = true;
	x->boxed = (h[5] & 0xc) != 0;
	x->hidden = (h[6] & 8) != 0;
	x->option = (uint8_t)((h[7] & 2) << 1 | (h[7] & 4) >> 1 | (h[7] & 8) >> 3);
	if ((h[3] & 8) != 0) {
		x->has = 0;
		x->nmark = 0;
		x->group = 0xff;
	}
	x->active = 0;
	x->came = x->marked = 0;
	return TELETEXT_BEGUN;
}

static void
drop_marks(struct teletext *x, unsigned row)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->nmark; i++)
		if (x->mark[i].row != row)
			x->mark[n++] = x->mark[i];
	x->nmark = n;
}

/* A row that comes again comes with its own marks, which are in front of it or behind it. */
static void
text_row(struct teletext *x, unsigned row, const uint8_t *p)
{
	uint32_t bit = UINT32_C(1) << row;

	for (unsigned i = 0; i < TELETEXT_COLUMNS; i++)
		x->row[row][i] = __builtin_parity(p[i]) != 0 ? p[i] & 0x7f : ' ';
	if ((x->came & bit) != 0 || (x->marked & bit) == 0) {
		drop_marks(x, row);
		x->marked &= ~bit;
	}
	x->came |= bit;
	x->has |= bit;
}

static void
add_mark(struct teletext *x, uint8_t column, uint8_t mode, uint8_t data)
{
	uint32_t bit = UINT32_C(1) << x->active;

	if ((x->marked & bit) == 0)
		drop_marks(x, x->active);
	x->marked |= bit;
	if (x->nmark < TELETEXT_MARKS)
		x->mark[x->nmark++] = (struct teletext_mark){ x->active, column, mode, data };
}

/* 12.3.1: triplets set a row, or say what is at a column of it. */
static void
enhance(struct teletext *x, const uint8_t *p)
{
	if (hamming_8_4(p[0]) < 0)
		return;
	for (unsigned i = 0; i < 13; i++) {
		int v = hamming_24_18(p + 1 + (size_t)i * 3);
		unsigned address = (unsigned)v & 0x3f, mode = (unsigned)v >> 6 & 0x1f;

		if (v < 0)
			continue;
		if (address >= TELETEXT_COLUMNS) {
			if (mode == 0x1f)
				return;		/* the end */
			if (mode == 0x04 || mode == 0x01)
				x->active = (uint8_t)(address == 40 ? 24 : address - 40);
			else if (mode == 0x07)
				x->active = 0;
		} else if (mode >= 0x0f && x->active > 0 && x->active < TELETEXT_ROWS) {
			add_mark(x, (uint8_t)address, (uint8_t)mode, (uint8_t)(v >> 11));
		}
	}
}

/* 9.4.2.2 and 9.5.1: X/28/0 and M/29/0 of format 1 designate the sets. */
static bool
designate(const uint8_t *p, uint8_t *group, uint8_t *second)
{
	int a = hamming_24_18(p + 1), b = hamming_24_18(p + 4);

	if (hamming_8_4(p[0]) != 0 || a < 0 || b < 0 || (a & 0xf) != 0)
		return false;
	*group = (uint8_t)(a >> 10 & 0xf);
	*second = (uint8_t)(a >> 14 | (b & 7) << 4);
	return true;
}

static enum teletext_seen
packet(struct teletext *x, const uint8_t *p)
{
	int a = hamming_8_4(p[0]), b = hamming_8_4(p[1]);
	unsigned magazine, row;

	if (a < 0 || b < 0)
		return TELETEXT_NOTHING;
	magazine = (a & 7) == 0 ? 8 : (unsigned)a & 7;
	row = (unsigned)(b << 1 | a >> 3);
	if (row == 0)
		return header(x, magazine, p + 2);
	if (magazine != x->magazine)
		return TELETEXT_NOTHING;
	if (row == 29) {
		designate(p + 2, &x->magazine_group, &x->magazine_second);
		return TELETEXT_NOTHING;
	}
	if (!x->open)
		return TELETEXT_NOTHING;
	if (row < TELETEXT_ROWS)
		text_row(x, row, p + 2);
	else if (row == 26)
		enhance(x, p + 2);
	else if (row != 28 || !designate(p + 2, &x->group, &x->second))
		return TELETEXT_NOTHING;
	return TELETEXT_MORE;
}

enum teletext_seen
teletext_put(struct teletext *x, const uint8_t *p, size_t len)
{
	enum teletext_seen seen = TELETEXT_NOTHING;
	uint8_t bytes[UNIT_LEN - 2];

	if (len == 0 || p[0] < DATA_ID_FIRST || p[0] > DATA_ID_LAST)
		return seen;
	for (size_t at = 1; at + 2 <= len && at + 2 + p[at + 1] <= len; at += 2u + p[at + 1]) {
		const uint8_t *unit = p + at;
		enum teletext_seen now;

		if ((unit[0] != UNIT_TEXT && unit[0] != UNIT_SUBTITLE) || unit[1] < UNIT_LEN ||
		    unit[3] != FRAMING_CODE)
			continue;
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = reversed(unit[4 + i]);
		now = packet(x, bytes);
		seen = now > seen ? now : seen;
	}
	return seen;
}

/* ---- the screen */

struct line {				/* a row, as its attributes make it */
	struct cc_cell cell[TELETEXT_COLUMNS];
	bool	 tall;		/* so that it needs the row below */
};

static uint8_t
colour(unsigned c)
{
	static const uint8_t as[8] = {
		CC_BLACK, CC_RED, CC_GREEN, CC_YELLOW, CC_BLUE, CC_MAGENTA, CC_CYAN, CC_WHITE
	};

	return (uint8_t)(as[c & 7] << CC_COLOUR_SHIFT);
}

/* Table 26; a start or end of a box is sent twice, and acts between the two. */
static void
read_row(const struct teletext *x, unsigned row, unsigned set, unsigned second,
    struct line *l)
{
	const uint8_t *p = x->row[row];
	bool boxed = false, mosaic = false, concealed = false, tall = false;
	unsigned now = set;
	uint8_t style = colour(7);

	*l = (struct line){ .tall = false };
	for (unsigned i = 0; i < TELETEXT_COLUMNS; i++) {
		uint8_t c = p[i];
		struct cc_cell *cell = &l->cell[i];

		if (!x->boxed || boxed) {
			*cell = (struct cc_cell){ ' ', style };
			if (c >= 0x20 && !concealed && (!mosaic || (c >= 0x40 && c < 0x60)))
				cell->ch = teletext_g0(now, c);
			l->tall = l->tall || (tall && cell->ch != ' ');
		}
		if (c == 0x18) {
			concealed = true;
		} else if (c < 0x08 || (c >= 0x10 && c < 0x18)) {
			mosaic = c >= 0x10;
			concealed = false;
			style = colour(c);
		} else if (c == 0x0a || c == 0x0b) {
			boxed = c == 0x0b;
		} else if (c >= 0x0c && c < 0x10) {
			tall = (c & 1) != 0;
		} else if (c == 0x1b) {
			now = now == set ? second : set;
		}
	}
}

static void
put_marks(const struct teletext *x, unsigned row, unsigned set, struct line *l)
{
	for (unsigned i = 0; i < x->nmark; i++) {
		const struct teletext_mark *m = &x->mark[i];
		struct cc_cell *cell = &l->cell[m->column];

		if (m->row != row || cell->ch == 0 || m->data < 0x20)
			continue;
		if (m->mode == 0x0f)
			cell->ch = teletext_g2(set, m->data);
		else if (m->mode == 0x10)	/* 15.6.1: without the national option, but @ */
			cell->ch = m->data == '*' ? '@' : m->data;
		else
			cell->ch = teletext_accented(m->data, m->mode);
	}
}

/* 23 rows take 90 % of the height, 40 columns 80 % of the width. */
static void
place(struct cc_block *b, unsigned row, const int *first)
{
	int left = first[0];

	for (unsigned r = 1; r < b->nrow; r++)
		left = first[r] < left ? first[r] : left;
	b->line = 500 + ((int)row - 1) * 9000 / (TELETEXT_ROWS - 1);
	b->align = cc_block_centred(b, first, TELETEXT_COLUMNS) ? CC_CENTER : CC_START;
	b->position = b->align == CC_CENTER ? 5000 : 1000 + left * 8000 / TELETEXT_COLUMNS;
}

void
teletext_screen(const struct teletext *x, struct cc_screen *s)
{
	uint8_t group = x->group != 0xff ? x->group : x->magazine_group;
	unsigned set = (group != 0xff ? (unsigned)group << 3 : 0) | x->option;
	unsigned second = x->group != 0xff ? x->second : x->magazine_second, after = 0, top = 0;
	int first[CC_ROWS];
	struct cc_block *b;

	s->n = 0;
	s->block[0].nrow = 0;
	for (unsigned r = 1; r < TELETEXT_ROWS && !x->hidden; r++) {
		struct line l;
		int column = -1;

		if ((x->has & UINT32_C(1) << r) != 0) {
			read_row(x, r, set, second, &l);
			put_marks(x, r, set, &l);
			b = &s->block[s->n];
			if (b->nrow > 0 && (r != after || b->nrow == CC_ROWS)) {
				place(b, top, first);
				if (++s->n == CC_BLOCKS)
					return;
				b = &s->block[s->n];
				b->nrow = 0;
			}
			column = cc_row_of(&b->row[b->nrow], l.cell, TELETEXT_COLUMNS);
		}
		if (column < 0)
			continue;
		top = b->nrow == 0 ? r : top;
		first[b->nrow++] = column;
		r += l.tall;		/* the row below shows its lower half */
		after = r + 1;
	}
	if (s->block[s->n].nrow > 0) {
		place(&s->block[s->n], top, first);
		s->n++;
	}
}
